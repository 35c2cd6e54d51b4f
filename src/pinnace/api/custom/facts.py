"""A structural schema as type facts, so that server-side apply reads it like a built-in kind's."""

from typing import Any

from pinnace.api.custom.structural import Structural
from pinnace.api.schema.load import OBJECT_META, Schema, load
from pinnace.api.schema.types import FieldDef, Type, TypeDef

_SCALARS = {
    "string": Type.STRING,
    "integer": Type.INTEGER,
    "number": Type.NUMBER,
    "boolean": Type.BOOLEAN,
}
_TYPE_META = {name: FieldDef(name=name, type=Type.STRING) for name in ("apiVersion", "kind")}


class CustomSchema(Schema):
    """The types of one version of a custom kind; built-in types are found behind them."""

    def __init__(self, group: str, version: str, kind: str, root: Structural) -> None:
        super().__init__(load().release, {})
        self._root = f"{group}/{version}.{kind}"
        self._gvk = (group, version, kind)
        self._define(self._root, root.as_resource())

    def named(self, name: str) -> TypeDef | None:
        """Return a type of this kind, or a built-in one."""
        return self._types.get(name) or load().named(name)

    def type_for(self, group: str, version: str, kind: str) -> TypeDef | None:
        """Return the type of this kind, or None for any other."""
        return self._types[self._root] if (group, version, kind) == self._gvk else None

    def _define(self, name: str, node: Structural) -> None:
        fields = {
            key: self._field_of(key, inner, f"{name}.{key}")
            for key, inner in node.properties.items()
        }
        if node.embedded:
            meta = FieldDef(name="metadata", type=Type.OBJECT, ref=OBJECT_META)
            fields = {**fields, **_TYPE_META, "metadata": meta}
        self._types[name] = TypeDef(
            name=name, type=Type.OBJECT, fields=fields, map_type=node.map_type
        )

    def _field_of(self, name: str, node: Structural, path: str) -> FieldDef:
        shape: dict[str, Any] = {}
        kind = _SCALARS.get(node.type, Type.ANY)
        if node.int_or_string:
            kind = Type.INT_OR_STRING
        elif node.properties or node.embedded:
            kind, shape["ref"] = Type.OBJECT, path
            self._define(path, node)
        elif node.additional is not None:
            kind, shape["item"] = Type.MAP, self._field_of("", node.additional, f"{path}.*")
        elif node.type == "array":
            kind = Type.ARRAY
            items = node.items or Structural()
            shape["item"] = self._field_of("", items, f"{path}.[]")
        return FieldDef(
            name=name,
            type=kind,
            format=node.raw.get("format") or "",
            list_type=node.list_type,
            map_keys=node.map_keys,
            map_type=node.map_type,
            has_default=node.has_default,
            default=node.default,
            **shape,
        )
