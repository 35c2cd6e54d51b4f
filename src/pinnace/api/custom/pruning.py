"""Drops the fields that a schema does not know, and tells which they were.

Upstream: apiextensions-apiserver `pkg/apiserver/schema/pruning`. A schema that preserves unknown
fields keeps what it does not name; what it does name, and the schemas below, prune again.
"""

from typing import Any

from pinnace.api.custom.structural import META_FIELDS, Structural
from pinnace.api.objects import Object


def prune(obj: Object, schema: Structural) -> list[str]:
    """Drop unknown fields of a whole resource, in place; return their paths, sorted."""
    dropped: list[str] = []
    _prune(obj, schema.as_resource(), "", dropped)
    return sorted(dropped)


def prune_value(value: Any, schema: Structural) -> list[str]:
    """Drop unknown fields of a value that is no resource, in place; return their paths, sorted."""
    dropped: list[str] = []
    _prune(value, schema, "", dropped)
    return sorted(dropped)


def _prune(
    value: Any, schema: Structural | None, path: str, dropped: list[str], *, keep: bool = False
) -> None:
    keep = keep or (schema is not None and schema.preserve_unknown)
    if isinstance(value, dict):
        _prune_fields(value, schema, path, dropped, keep=keep)
    elif isinstance(value, list):
        items = schema.items if schema is not None else None
        if keep and items is None:
            return
        for index, entry in enumerate(value):
            _prune(entry, items, f"{path}[{index}]", dropped, keep=keep)


def _prune_fields(
    value: Object, schema: Structural | None, path: str, dropped: list[str], *, keep: bool
) -> None:
    for name in list(value):
        if schema is not None and schema.embedded and name in META_FIELDS:
            continue
        below = f"{path}.{name}" if path else name
        if schema is not None and (name in schema.properties or schema.has_map_values):
            # `additionalProperties: true` has no schema: what is below such a value is unknown.
            _prune(value[name], schema.child(name), below, dropped)
        elif not keep:
            if path or name not in META_FIELDS:
                dropped.append(below)
            del value[name]
