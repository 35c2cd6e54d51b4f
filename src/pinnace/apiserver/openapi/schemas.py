"""Type facts as OpenAPI schemas, in the dialects of v3 and v2.

The dialects differ in few things: where definitions stand, that v3 wraps a reference which has
something said beside it in `allOf`, that v3 publishes defaults, and how a value that is a string or
a number is described.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pinnace.api.schema.load import Schema
from pinnace.api.schema.types import FieldDef, Type, TypeDef, Union
from pinnace.apiserver.openapi.descriptions import Descriptions, Words
from pinnace.apiserver.openapi.enums import add_enums


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one version of OpenAPI writes schemas."""

    prefix: str
    wraps_references: bool
    has_defaults: bool


V3 = Dialect("#/components/schemas/", wraps_references=True, has_defaults=True)
V2 = Dialect("#/definitions/", wraps_references=False, has_defaults=False)


_PROPS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
# References of which upstream says nothing stand bare: what is wrapped has something to wrap.
_BARE = (
    *((_PROPS, name) for name in ("additionalItems", "additionalProperties", "example")),
    *((_PROPS, name) for name in ("externalDocs", "items", "not")),
    ("io.k8s.api.networking.v1.IngressRule", "http"),
)


def closure(schema: Schema, names: Iterable[str]) -> list[str]:
    """Return the given definitions and all that they refer to, sorted."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        known = schema.named(name)
        if name in found or known is None:
            continue
        found.add(name)
        waiting += references(known)
    return sorted(found)


def references(known: TypeDef) -> Iterator[str]:
    """Yield the names of the definitions that a type's fields refer to."""
    for field in known:
        inner: FieldDef | None = field
        while inner is not None:
            if inner.ref:
                yield inner.ref
            inner = inner.item


def render_type(
    known: TypeDef, dialect: Dialect, words: Words, *, group_version: str = ""
) -> dict[str, Any]:
    """Return the schema of a definition.

    Types that travel in every group (DeleteOptions, WatchEvent) list only the kinds of the core
    group and of the given group version, when one is given.
    """
    out: dict[str, Any] = {}
    if words.about:
        out["description"] = words.about
    out |= _look(known, dialect)
    if known.fields:
        out["properties"] = {
            field.name: _render_field(field, dialect, words.fields.get(field.name, ""))
            for field in known
        }
    if known.required:
        out["required"] = list(known.required)
    if known.map_type:
        out["x-kubernetes-map-type"] = known.map_type
    if known.unions:
        out["x-kubernetes-unions"] = [_render_union(union) for union in known.unions]
    kinds = [
        {"group": group, "kind": kind, "version": version}
        for group, version, kind in known.kinds
        if not group_version
        or len(known.kinds) == 1
        or (f"{group}/{version}" if group else version) in ("v1", group_version)
    ]
    if kinds:
        out["x-kubernetes-group-version-kind"] = kinds
    return out


def _render_union(union: Union) -> dict[str, Any]:
    out: dict[str, Any] = {"fields-to-discriminateBy": dict(union.members)}
    if union.discriminator:
        out["discriminator"] = union.discriminator
    return out


def _look(known: TypeDef, dialect: Dialect) -> dict[str, Any]:
    """Return the type keywords of a definition."""
    if known.type is Type.QUANTITY:
        if dialect is V2:
            return {"type": "string"}
        return {"oneOf": [{"type": "string"}, {"type": "number"}]}
    if known.type is Type.INT_OR_STRING:
        if dialect is V2:
            return {"format": "int-or-string", "type": "string"}
        return {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]}
    if known.type in (Type.RAW, Type.OBJECT):
        return {"type": "object"}
    if known.type is Type.ANY:
        return {}
    return {"type": str(known.type), **({"format": known.format} if known.format else {})}


def _render_field(field: FieldDef, dialect: Dialect, description: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if description:
        out["description"] = description
    if dialect.has_defaults and field.has_default:
        out["default"] = field.default
    if field.ref:
        out |= _reference(field, dialect, alone=not field.name)
    else:
        out |= _value(field, dialect)
    if field.list_type:
        out["x-kubernetes-list-type"] = field.list_type
    if field.map_keys:
        out["x-kubernetes-list-map-keys"] = list(field.map_keys)
    if field.own_map_type:
        out["x-kubernetes-map-type"] = field.own_map_type
    if field.patch_strategy:
        out["x-kubernetes-patch-strategy"] = ",".join(field.patch_strategy)
    if field.patch_merge_key:
        out["x-kubernetes-patch-merge-key"] = field.patch_merge_key
    return out


def _reference(field: FieldDef, dialect: Dialect, *, alone: bool) -> dict[str, Any]:
    reference = {"$ref": dialect.prefix + field.ref}
    return reference if alone or not dialect.wraps_references else {"allOf": [reference]}


def _value(field: FieldDef, dialect: Dialect) -> dict[str, Any]:
    if field.type is Type.MAP and field.item:
        return {
            "type": "object",
            "additionalProperties": _render_field(field.item, dialect, ""),
        }
    if field.type is Type.ARRAY and field.item:
        return {"type": "array", "items": _render_field(field.item, dialect, "")}
    if field.type is Type.RAW:
        return {"type": "object"}
    if field.type is Type.ANY:
        return {}
    return {"type": str(field.type), **({"format": field.format} if field.format else {})}


def render_all(
    schema: Schema,
    names: Iterable[str],
    dialect: Dialect,
    descriptions: Descriptions,
    *,
    group_version: str = "",
) -> dict[str, Any]:
    """Return the schemas of the named definitions and of all that they refer to."""
    rendered = {
        name: render_type(known, dialect, descriptions.of(name), group_version=group_version)
        for name in closure(schema, names)
        if (known := schema.named(name)) is not None
    }
    for name, made in rendered.items():
        add_enums(name, made.get("properties", {}))
    for name, field in _BARE:
        properties = rendered.get(name, {}).get("properties", {})
        if properties.get(field, {}).keys() == {"allOf"}:
            properties[field] = properties[field]["allOf"][0]
    return rendered
