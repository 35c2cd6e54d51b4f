"""Schemas of custom resources, as published.

The schema of a CustomResourceDefinition is published as it is, with the type and object metadata
added. The v2 dialect drops what kubectl's validation cannot read, as upstream does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from pinnace.api.resources import Resource
from pinnace.api.schema.load import LIST_META, OBJECT_META
from pinnace.apiserver.openapi.schemas import V2, Dialect

_JUNCTORS = ("allOf", "oneOf", "anyOf", "not")
_TYPE_META = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}


@dataclass(frozen=True, slots=True)
class Custom:
    """A custom kind: its row, and what returns the `openAPIV3Schema` of that version.

    Schemas are large and documents are kept, so a schema is only looked at while one is made.
    """

    row: Resource
    read: Callable[[], Mapping[str, Any]]


def definition_name(row: Resource, kind: str = "") -> str:
    """Return upstream's name of a custom kind's definition: the group reversed, version, kind."""
    return ".".join([*reversed(row.group.split(".")), row.version, kind or row.kind])


def render_custom(custom: Custom, dialect: Dialect) -> dict[str, Any]:
    """Return the definitions of a custom kind and of its list, by name."""
    row = custom.row
    name = definition_name(row)
    listed = definition_name(row, row.list_kind)
    items = {"type": "array", "items": {"$ref": dialect.prefix + name}}
    return {
        name: {**_own(custom, dialect), **_kind(row, row.kind)},
        listed: {
            "type": "object",
            "required": ["items"],
            "properties": {
                **_TYPE_META,
                "metadata": _meta(dialect, LIST_META),
                "items": items,
            },
            **_kind(row, row.list_kind),
        },
    }


def _kind(row: Resource, kind: str) -> dict[str, Any]:
    gvk = {"group": row.group, "kind": kind, "version": row.version}
    return {"x-kubernetes-group-version-kind": [gvk]}


def _meta(dialect: Dialect, name: str) -> dict[str, Any]:
    reference = {"$ref": dialect.prefix + name}
    return {"allOf": [reference]} if dialect.wraps_references else reference


def _own(custom: Custom, dialect: Dialect) -> dict[str, Any]:
    read = custom.read()
    if not read:
        return {"type": "object"}
    if dialect is V2 and read.get("x-kubernetes-preserve-unknown-fields"):
        # kubectl would take any listed field as the only ones allowed.
        return {"type": "object"}
    schema: dict[str, Any] = orjson.loads(orjson.dumps(read))
    if dialect is V2:
        schema = simplify(schema)
    _embed(schema, dialect)
    schema["properties"] = {
        **schema.get("properties", {}),
        **_TYPE_META,
        "metadata": _meta(dialect, OBJECT_META),
    }
    return schema


def _embed(schema: dict[str, Any], dialect: Dialect) -> None:
    """Give every embedded resource the metadata that it has."""
    below = [schema["items"]] if isinstance(schema.get("items"), dict) else []
    more = schema.get("additionalProperties")
    below += [more] if isinstance(more, dict) else []
    below += schema.get("properties", {}).values()
    for inner in below:
        _embed(inner, dialect)
        if inner.get("x-kubernetes-embedded-resource"):
            inner.setdefault("properties", {}).update(
                {**_TYPE_META, "metadata": _meta(dialect, OBJECT_META)}
            )


def simplify(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a structural schema without what OpenAPI v2 readers cannot take."""
    out = {key: value for key, value in schema.items() if key not in _JUNCTORS}
    keeps_unknown = bool(out.get("x-kubernetes-preserve-unknown-fields"))
    if out.pop("nullable", False):
        _without(out, "type", "items", "properties")
    if keeps_unknown:
        _without(out, "items", "properties")
    if "items" not in out and out.get("type") == "array":
        _without(out, "type")
    if keeps_unknown and out.get("type") == "object":
        _without(out, "type")
    properties: Mapping[str, Any] = out.get("properties", {})
    nullable = {name for name, inner in properties.items() if inner.get("nullable")}
    if nullable and "required" in out:
        out["required"] = [name for name in out["required"] if name not in nullable]
        if not out["required"]:
            del out["required"]
    if properties:
        out["properties"] = {name: simplify(inner) for name, inner in properties.items()}
    if isinstance(out.get("items"), dict):
        out["items"] = simplify(out["items"])
    if isinstance(out.get("additionalProperties"), dict):
        if out["additionalProperties"].get("nullable"):
            _without(out, "required")
        out["additionalProperties"] = simplify(out["additionalProperties"])
    return out


def _without(schema: dict[str, Any], *keys: str) -> None:
    for key in keys:
        schema.pop(key, None)
