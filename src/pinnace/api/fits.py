"""A quick look whether an object is of its kind, before anybody searches it for what is wrong
or writes it as Go would.

One compiled check per type answers yes or no, in a fraction of the time that `fieldvalidation`
needs to find and word complaints. Nearly all objects fit; only for the others is the long way gone.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from pinnace.api import quantity
from pinnace.api.objects import Object, parse_time
from pinnace.api.resources import Resource
from pinnace.api.schema.load import load
from pinnace.api.schema.types import FieldDef, Type

Check = Callable[[Any], bool]


def fits(obj: Object, row: Resource) -> bool:
    """Say whether an object surely has no unknown fields, no values of wrong types, and is written
    as Go would write it: quantities canonical, times in UTC, no nulls. Fields that are null, which
    Go's clients love to send and which mean nothing, are dropped on the way.

    False says only that it must be looked at closely; a row without a schema has nothing to break.
    """
    kind = load().type_for(row.group, row.version, row.kind)
    return kind is None or _struct(kind.name)(obj)


@cache
def _struct(name: str) -> Check:
    """Return the check of a named type; its fields are compiled when the first value comes."""
    schema = load()
    kind = schema.named(name)
    if kind is None or kind.type is not Type.OBJECT or not kind.fields:
        return _is_dict
    names = kind.fields
    checks: dict[str, Check] = {}

    def check(value: Any) -> bool:
        if type(value) is not dict:
            return False
        nulls: list[str] = []
        for key, inner in value.items():
            known = checks.get(key)
            if known is None:
                field = names.get(key)
                if field is None:
                    return False
                known = checks[key] = _field(field)
            if inner is None:
                nulls.append(key)
            elif not known(inner):
                return False
        for key in nulls:
            del value[key]
        return True

    return check


def _field(field: FieldDef) -> Check:
    kind = field.type
    if kind is Type.OBJECT:
        return _struct(field.ref) if field.ref else _is_dict
    if kind is Type.ARRAY:
        return _list(field.item)
    if kind is Type.MAP:
        return _map(field.item)
    if field.format == "date-time":
        return _is_micro_time if field.ref.endswith("MicroTime") else _is_time
    if kind is Type.INTEGER:
        return _is_int32 if field.format == "int32" else _is_int64
    if field.format == "byte":
        # Base64 has an alphabet of its own; whoever sends bytes is looked at closely.
        return _never
    return _SCALARS[kind]


def _list(item: FieldDef | None) -> Check:
    if item is None:
        return _is_list
    check = _field(item)

    def each(value: Any) -> bool:
        return type(value) is list and all(map(check, value))

    return each


def _map(item: FieldDef | None) -> Check:
    if item is None:
        return _is_dict
    check = _field(item)

    def each(value: Any) -> bool:
        return type(value) is dict and all(map(check, value.values()))

    return each


def _never(value: Any) -> bool:
    return False


def _always(value: Any) -> bool:
    return True


def _is_dict(value: Any) -> bool:
    return type(value) is dict


def _is_list(value: Any) -> bool:
    return type(value) is list


def _is_str(value: Any) -> bool:
    return type(value) is str


def _is_int32(value: Any) -> bool:
    return type(value) is int and -(1 << 31) <= value < 1 << 31


def _is_int64(value: Any) -> bool:
    return type(value) is int and -(1 << 63) <= value < 1 << 63


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_time(value: Any) -> bool:
    return type(value) is str and len(value) == len("2006-01-02T15:04:05Z") and _in_utc(value)


def _is_micro_time(value: Any) -> bool:
    long = len("2006-01-02T15:04:05.000000Z")
    return type(value) is str and len(value) == long and _in_utc(value)


def _in_utc(value: str) -> bool:
    try:
        return value.endswith("Z") and bool(parse_time(value))
    except ValueError:
        return False


@lru_cache(maxsize=1024)
def _is_quantity_text(value: str) -> bool:
    try:
        return quantity.canonical(value) == value
    except ValueError:
        return False


def _is_quantity(value: Any) -> bool:
    return type(value) is str and _is_quantity_text(value)


_SCALARS: dict[Type, Check] = {
    Type.STRING: _is_str,
    Type.BOOLEAN: lambda value: type(value) is bool,
    Type.NUMBER: _is_number,
    Type.QUANTITY: _is_quantity,
    Type.INT_OR_STRING: lambda value: type(value) is str or _is_int32(value),
    Type.RAW: _always,
    Type.ANY: _always,
}
