"""A structural schema as type facts, so that server-side apply reads it like a built-in kind's."""

from typing import Any

from pinnace.api.custom.structural import Structural
from pinnace.api.schema.load import OBJECT_META
from pinnace.api.schema.types import FieldDef, Type, TypeDef

_SCALARS = {
    "string": Type.STRING,
    "integer": Type.INTEGER,
    "number": Type.NUMBER,
    "boolean": Type.BOOLEAN,
}
_RESOURCE_FIELDS = {
    "apiVersion": FieldDef(name="apiVersion", type=Type.STRING),
    "kind": FieldDef(name="kind", type=Type.STRING),
    "metadata": FieldDef(name="metadata", type=Type.OBJECT, ref=OBJECT_META),
}


def type_of(name: str, root: Structural) -> TypeDef:
    """Return the type of a custom kind."""
    return _define(name, root.as_resource())


def _define(name: str, node: Structural) -> TypeDef:
    fields = {key: _field(key, inner) for key, inner in node.properties.items()}
    if node.embedded:
        fields |= _RESOURCE_FIELDS
    return TypeDef(
        name=name,
        type=Type.OBJECT,
        fields=fields,
        map_type=node.map_type,
        open=node.preserve_unknown,
    )


def _field(name: str, node: Structural) -> FieldDef:
    shape: dict[str, Any] = {}
    kind = _SCALARS.get(node.type, Type.ANY)
    if node.int_or_string:
        kind = Type.INT_OR_STRING
    elif node.properties or node.embedded:
        kind, shape["inner"] = Type.OBJECT, _define(name, node)
    elif node.additional is not None:
        kind, shape["item"] = Type.MAP, _field("", node.additional)
    elif node.type == "array":
        kind, shape["item"] = Type.ARRAY, _field("", node.items or Structural())
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
