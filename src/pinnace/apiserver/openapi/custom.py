"""Schemas of custom resources, as published.

The schema of a CustomResourceDefinition is published as it is, with the type and object metadata
added. The v2 dialect drops what kubectl's validation cannot read, as upstream does. What upstream's
server itself says of these fields is said here: the words of custom kinds need no package.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from pinnace.api.resources import Resource
from pinnace.api.schema.load import LIST_META, OBJECT_META
from pinnace.apiserver.openapi.schemas import V2, Dialect

_JUNCTORS = ("allOf", "oneOf", "anyOf", "not")
_KEEPS_UNKNOWN = "x-kubernetes-preserve-unknown-fields"
_CONVENTIONS = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
_TYPE_META = {
    "apiVersion": {
        "description": "APIVersion defines the versioned schema of this representation of an"
        " object. Servers should convert recognized schemas to the latest internal value, and may"
        f" reject unrecognized values. More info: {_CONVENTIONS}#resources",
        "type": "string",
    },
    "kind": {
        "description": "Kind is a string value representing the REST resource this object"
        " represents. Servers may infer this from the endpoint the client submits requests to."
        f" Cannot be updated. In CamelCase. More info: {_CONVENTIONS}#types-kinds",
        "type": "string",
    },
}
_EMBEDDED_META = {
    "apiVersion": {
        "description": "apiVersion defines the versioned schema of this representation of an"
        f" object. More info: {_CONVENTIONS}#resources",
        "type": "string",
    },
    "kind": {
        "description": "kind is a string value representing the type of this object. In CamelCase."
        f" More info: {_CONVENTIONS}#types-kinds",
        "type": "string",
    },
}
_OBJECT_WORDS = f"Standard object's metadata. More info: {_CONVENTIONS}#metadata"
_LIST_WORDS = f"Standard list metadata. More info: {_CONVENTIONS}#types-kinds"
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]


@dataclass(frozen=True, slots=True)
class Custom:
    """A custom kind: its row, what returns the `openAPIV3Schema` of that version, and the JSON
    paths to select objects by.

    Schemas are large and documents are kept, so a schema is only looked at while one is made.
    """

    row: Resource
    read: Callable[[], Mapping[str, Any]]
    selectable: Sequence[str] = ()


def definition_name(row: Resource, kind: str = "") -> str:
    """Return upstream's name of a custom kind's definition: the group reversed, version, kind."""
    return ".".join([*reversed(row.group.split(".")), row.version, kind or row.kind])


def render_custom(custom: Custom, dialect: Dialect) -> dict[str, Any]:
    """Return the definitions of a custom kind and of its list, by name."""
    row = custom.row
    name = definition_name(row)
    return {
        name: {**_own(custom, dialect), **_kind(custom, row.kind)},
        definition_name(row, row.list_kind): {
            "description": f"{row.list_kind} is a list of {row.kind}",
            "type": "object",
            "required": ["items"],
            "properties": {
                **_TYPE_META,
                "metadata": _meta(dialect, LIST_META, _LIST_WORDS),
                "items": {
                    "description": f"List of {row.plural}. More info: {_CONVENTIONS}",
                    "type": "array",
                    "items": {"$ref": dialect.prefix + name},
                },
            },
            **_kind(custom, row.list_kind),
        },
    }


def _kind(custom: Custom, kind: str) -> dict[str, Any]:
    row = custom.row
    gvk = {"group": row.group, "kind": kind, "version": row.version}
    out: dict[str, Any] = {"x-kubernetes-group-version-kind": [gvk]}
    if custom.selectable:
        fields = [{"fieldPath": path.removeprefix(".")} for path in custom.selectable]
        out["x-kubernetes-selectable-fields"] = fields
    return out


def _meta(dialect: Dialect, name: str, words: str) -> dict[str, Any]:
    reference = {"$ref": dialect.prefix + name}
    wrapped = {"allOf": [reference]} if dialect.wraps_references else reference
    return {"description": words, **wrapped}


def _own(custom: Custom, dialect: Dialect) -> dict[str, Any]:
    read = custom.read()
    if not read:
        return {"type": "object"}
    if dialect is V2 and read.get(_KEEPS_UNKNOWN):
        # kubectl would take any listed field as the only ones allowed.
        return {"type": "object"}
    schema: dict[str, Any] = orjson.loads(orjson.dumps(read))
    if dialect is V2:
        schema = simplify(schema)
    _complete(schema, dialect)
    schema["properties"] = {
        **schema.get("properties", {}),
        **_TYPE_META,
        "metadata": _meta(dialect, OBJECT_META, _OBJECT_WORDS),
    }
    return schema


def _complete(schema: dict[str, Any], dialect: Dialect) -> None:
    """Write out, all the way down, what embedded resources and numbers or words stand for."""
    below = [schema["items"]] if isinstance(schema.get("items"), dict) else []
    more = schema.get("additionalProperties")
    below += [more] if isinstance(more, dict) else []
    below += schema.get("properties", {}).values()
    for inner in below:
        _complete(inner, dialect)
        if inner.get("x-kubernetes-embedded-resource"):
            _embed(inner, dialect)
        if inner.get("x-kubernetes-int-or-string") and dialect is not V2:
            _unfold(inner)


def _embed(schema: dict[str, Any], dialect: Dialect) -> None:
    """Give an embedded resource the metadata that it has."""
    if dialect is V2 and schema.get(_KEEPS_UNKNOWN):
        # As above: kubectl would refuse all other fields.
        return
    metadata = _meta(dialect, OBJECT_META, _OBJECT_WORDS)
    schema.setdefault("properties", {}).update({**_EMBEDDED_META, "metadata": metadata})
    required = schema.setdefault("required", [])
    required += [name for name in ("kind", "apiVersion") if name not in required]


def _unfold(schema: dict[str, Any]) -> None:
    """Say in standard words that a value is a number or a string, unless that is said already."""
    every = schema.get("allOf") or []
    if schema.get("anyOf") == _INT_OR_STRING or (every and _says_either(every[0])):
        return
    if schema.get("anyOf"):
        schema["allOf"] = [{"anyOf": _INT_OR_STRING}, *every]
    else:
        schema["anyOf"] = _INT_OR_STRING


def _says_either(schema: Mapping[str, Any]) -> bool:
    return bool(schema.get("anyOf") == _INT_OR_STRING)


def simplify(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a structural schema without what OpenAPI v2 readers cannot take."""
    out = {key: value for key, value in schema.items() if key not in _JUNCTORS}
    _without(out, "default")
    keeps_unknown = bool(out.get(_KEEPS_UNKNOWN))
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
