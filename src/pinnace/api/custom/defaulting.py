"""Fills in the defaults of a structural schema, and drops nulls that may not be there.

Upstream: apiextensions-apiserver `pkg/apiserver/schema/defaulting`. Defaults are applied to what is
written and to what is read, so an object that was stored before a default existed shows it too.
"""

from typing import Any

import orjson

from pinnace.api.custom.structural import Structural
from pinnace.api.errors import ApiError

# More than any store takes for a whole object.
_MOST_BYTES = 1536 * 1024


class DefaultsTooLarge(ApiError):
    """The defaults of an object are more than any store would take; said as the store says it."""

    def __init__(self) -> None:
        super().__init__("etcdserver: request is too large", code=500, reason="")


def apply(value: Any, schema: Structural | None) -> int:
    """Fill in defaults, in place: for fields that are missing, or null and may not be.

    Returns how many bytes of JSON they are. A default of a megabyte in each of a thousand items
    is a gigabyte: raises DefaultsTooLarge long before.
    """
    filling = _Filling()
    filling.fill(value, schema)
    return filling.size


class _Filling:
    """Fills in the defaults of one object, and counts them."""

    def __init__(self) -> None:
        self.size = 0
        self._sizes: dict[int, int] = {}

    def fill(self, value: Any, schema: Structural | None) -> None:
        if schema is None:
            return
        if isinstance(value, dict):
            self._fill_fields(value, schema)
        elif isinstance(value, list):
            items = schema.items
            if items is None:
                return
            for index in range(len(value)):
                if _bad_null(value[index], items):
                    value[index] = self._fresh(items)
                self.fill(value[index], items)

    def _fill_fields(self, value: dict[str, Any], schema: Structural) -> None:
        for name, prop in schema.properties.items():
            if prop.has_default and (name not in value or _bad_null(value[name], prop)):
                value[name] = self._fresh(prop)
        for name in value:
            inner = schema.child(name)
            if inner is None:
                continue
            if name not in schema.properties and _bad_null(value[name], inner):
                value[name] = self._fresh(inner)
            self.fill(value[name], inner)

    def _fresh(self, schema: Structural) -> Any:
        """Return a default of its own; raises DefaultsTooLarge."""
        default = schema.default
        if not isinstance(default, dict | list | str):
            return default
        size = self._sizes.get(id(schema))
        if size is None:
            size = self._sizes[id(schema)] = len(orjson.dumps(default))
        self.size += size
        if self.size > _MOST_BYTES:
            raise DefaultsTooLarge
        return default if isinstance(default, str) else orjson.loads(orjson.dumps(default))


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


def size_of(schema: Structural | None) -> int:
    """Return how many bytes of JSON the defaults of a schema are, each counted once."""
    if schema is None:
        return 0
    inner = (*schema.properties.values(), schema.items, schema.additional)
    own = len(orjson.dumps(schema.default)) if schema.has_default else 0
    return own + sum(map(size_of, inner))


def _bad_null(value: Any, schema: Structural) -> bool:
    return value is None and not schema.nullable
