"""Drops fields that a kind does not have, as Go's decoder does for built-in kinds."""

from typing import Any

from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.schema.load import Schema, load
from pinnace.api.schema.types import FieldDef, Type, TypeDef


def prune(obj: Object, row: Resource) -> None:
    """Drop unknown fields in place; a row without a schema keeps everything."""
    schema = load()
    _object(schema, obj, schema.type_for(row.group, row.version, row.kind))


def _object(schema: Schema, value: Any, kind: TypeDef | None) -> None:
    if not isinstance(value, dict) or kind is None:
        return
    if kind.type is not Type.OBJECT or not kind.fields:
        return
    for name in [name for name in value if name not in kind.fields]:
        del value[name]
    for name, inner in value.items():
        _field(schema, inner, kind.fields[name])


def _field(schema: Schema, value: Any, field: FieldDef | None) -> None:
    if field is None:
        return
    if field.type is Type.ARRAY and isinstance(value, list):
        for item in value:
            _field(schema, item, field.item)
    elif field.type is Type.MAP and isinstance(value, dict):
        for item in value.values():
            _field(schema, item, field.item)
    elif field.type is Type.OBJECT:
        _object(schema, value, schema.type_of(field))
