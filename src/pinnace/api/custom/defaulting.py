"""Fills in the defaults of a structural schema, and drops nulls that may not be there.

Upstream: apiextensions-apiserver `pkg/apiserver/schema/defaulting`. Defaults are applied to what is
written and to what is read, so an object that was stored before a default existed shows it too.
"""

from typing import Any

import orjson

from pinnace.api.custom.structural import Structural


def apply(value: Any, schema: Structural | None) -> None:
    """Fill in defaults, in place: for fields that are missing, or null and may not be."""
    if schema is None:
        return
    if isinstance(value, dict):
        for name, prop in schema.properties.items():
            if prop.has_default and (name not in value or _bad_null(value[name], prop)):
                value[name] = _fresh(prop.default)
        for name in value:
            inner = schema.child(name)
            if inner is None:
                continue
            if name not in schema.properties and _bad_null(value[name], inner):
                value[name] = _fresh(inner.default)
            apply(value[name], inner)
    elif isinstance(value, list):
        items = schema.items
        if items is None:
            return
        for index in range(len(value)):
            if _bad_null(value[index], items):
                value[index] = _fresh(items.default)
            apply(value[index], items)


def drop_nulls(value: Any, schema: Structural | None) -> None:
    """Drop, in place, null fields that are not nullable and have no default to take their place."""
    if isinstance(value, dict):
        for name in list(value):
            inner = schema.child(name) if schema is not None else None
            if inner is not None and _bad_null(value[name], inner) and not inner.has_default:
                del value[name]
            else:
                drop_nulls(value[name], inner)
    elif isinstance(value, list):
        items = schema.items if schema is not None else None
        for entry in value:
            drop_nulls(entry, items)


def has_defaults(schema: Structural | None) -> bool:
    """Say whether there is any default in a schema, so that reading must fill it in."""
    if schema is None:
        return False
    inner = (*schema.properties.values(), schema.items, schema.additional)
    return schema.has_default or any(map(has_defaults, inner))


def _bad_null(value: Any, schema: Structural) -> bool:
    return value is None and not schema.nullable


def _fresh(default: Any) -> Any:
    return orjson.loads(orjson.dumps(default)) if isinstance(default, dict | list) else default
