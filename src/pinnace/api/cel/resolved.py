"""The schema of a kind in one piece, as expressions are declared by it: every reference replaced.

Upstream: apiserver `cel/openapi/resolver`. What refers to itself ends in an object without fields.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pinnace.api.schema.load import Schema
from pinnace.api.schema.types import FieldDef, Type, TypeDef

_INT_OR_STRING = "x-kubernetes-int-or-string"
_ENDED: Mapping[str, Any] = {"type": "object"}


def of_built_in(schema: Schema, group: str, version: str, kind: str) -> dict[str, Any] | None:
    """Return the schema of a built-in kind, or None when it is not one."""
    known = schema.type_for(group, version, kind)
    return None if known is None else _of_type(schema, known, frozenset())


def _of_type(schema: Schema, known: TypeDef, seen: frozenset[str]) -> dict[str, Any]:
    if known.name in seen:
        return dict(_ENDED)
    if known.type is not Type.OBJECT:
        return _scalar(known.type, known.format)
    below = seen | {known.name}
    return {
        "type": "object",
        "properties": {each.name: _of_field(schema, each, below) for each in known},
        "required": list(known.required),
    }


def _of_field(schema: Schema, field: FieldDef, seen: frozenset[str]) -> dict[str, Any]:
    known = field.inner or schema.type_of(field)
    if known is not None and field.item is None:
        return _of_type(schema, known, seen)
    if field.item is not None:
        inner = _of_field(schema, field.item, seen)
        if field.type is Type.ARRAY:
            return {"type": "array", "items": inner}
        return {"type": "object", "additionalProperties": inner}
    return _scalar(field.type, field.format)


def _scalar(kind: Type, form: str) -> dict[str, Any]:
    if kind is Type.INT_OR_STRING:
        return {_INT_OR_STRING: True}
    if kind in (Type.RAW, Type.OBJECT, Type.MAP):
        return dict(_ENDED)
    # A quantity is a string or a number, which upstream's schema does not tell with one type.
    if kind in (Type.ANY, Type.QUANTITY):
        return {}
    return {"type": str(kind), **({"format": form} if form else {})}


def of_document(
    document: Mapping[str, Any], group: str, version: str, kind: str
) -> dict[str, Any] | None:
    """Return the schema of a kind out of a published OpenAPI v3 document, or None."""
    schemas = (document.get("components") or {}).get("schemas") or {}
    wanted = {"group": group, "version": version, "kind": kind}
    for name, found in schemas.items():
        if wanted in (found.get("x-kubernetes-group-version-kind") or ()):
            return _replaced(found, schemas.get, frozenset((name,)))
    return None


_Find = Callable[[str], Any]


def _replaced(given: Mapping[str, Any], find: _Find, seen: frozenset[str]) -> dict[str, Any]:
    name = _reference(given)
    if name in seen:
        return dict(_ENDED)
    if name:
        given, seen = find(name) or {}, seen | {name}
    made = dict(given)
    if made.get("format") == "int-or-string":
        made[_INT_OR_STRING] = True
    properties = made.get("properties")
    if isinstance(properties, dict):
        made["properties"] = {
            each: _replaced(inner, find, seen) for each, inner in properties.items()
        }
    for one in ("additionalProperties", "items"):
        if isinstance(made.get(one), dict):
            made[one] = _replaced(made[one], find, seen)
    return made


def _reference(given: Mapping[str, Any]) -> str:
    """Return the name that a schema refers to, itself or as the one part that it consists of."""
    parts: list[Any] = given.get("allOf") or []
    found = given.get("$ref") or (parts[0].get("$ref") if len(parts) == 1 else "")
    return str(found or "").rpartition("/")[2]
