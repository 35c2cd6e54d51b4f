"""What an object of a built-in kind looks like after Go has decoded it and written it again.

Upstream's API server decodes bodies into structs, so fields that the kind does not know are
dropped, null means absent, quantities are written canonically and times in UTC. What is empty is
left out or written as the struct's tags say: a Pod always has a `status`, and a condition without a
time has a null there. Fields come in the order of the struct. Raw JSON inside an object is left
alone, and so are objects of kinds without a schema.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import UTC
from functools import cache
from operator import is_
from types import MappingProxyType
from typing import Any

import orjson

from pinnace.api import quantity
from pinnace.api.objects import Object, format_time, parse_time
from pinnace.api.resources import Resource
from pinnace.api.schema.load import load
from pinnace.api.schema.types import LEFT_OUT, FieldDef, Type

_MICRO_TIME = "MicroTime"
_HALF = 1 << 31
Write = Callable[[Any], Any]


def normalized(obj: Object, row: Resource, like: Object | None = None) -> Object:
    """Return an object as upstream would write it back, sharing what is so already.

    Expects an object without type errors (`fieldvalidation.type_errors`); what does not fit is left
    as it is. kind and apiVersion always stay. `like` is an object that came out of `stored`: parts
    that are as in it, which are most of them when an object changes, are not looked at.
    """
    return _written(obj, row, like, empties=True)


def stored(obj: Object, row: Resource, like: Object | None = None) -> Object:
    """Return an object as upstream would read it back from storage, sharing what is so already.

    Storage holds protobuf, which does not tell an empty list from none: where Go always writes a
    list or map, an empty one becomes null. `like` is as for `normalized`.
    """
    return _written(obj, row, like, empties=False)


def unlike(obj: Object, like: Object) -> Object:
    """Return those parts of an object that another one does not have exactly so."""
    return {
        name: part
        for name, part in obj.items()
        if name not in like or not _is_alike(part, like[name])
    }


def _is_alike(one: Any, other: Any) -> bool:
    # As JSON, for to Python 1, 1.0 and True are equal.
    return one is other or (one == other and orjson.dumps(one) == orjson.dumps(other))


def _written(obj: Object, row: Resource, like: Object | None, *, empties: bool) -> Object:
    kind = load().type_for(row.group, row.version, row.kind)
    if kind is None:
        return obj
    struct = _struct(kind.name, empties)
    if like is not None and isinstance(struct, _Struct):
        return struct.write_like(obj, like)
    made: Object = struct.write(obj)
    return made


def normalized_as(name: str, value: Object) -> Object:
    """Return a value of the type with that definition name as upstream would write it back."""
    made: Object = _struct(name, True).write(value)
    return made


class _Struct:
    """Writes the values of one named type."""

    __slots__ = ("_always", "_empties", "_fields", "_places", "_writes")

    def __init__(self, fields: Mapping[str, FieldDef], empties: bool) -> None:
        self._fields = fields
        self._empties = empties
        self._places = {name: place for place, name in enumerate(fields)}
        self._always = tuple(name for name, field in fields.items() if field.empty)
        # Of the fields met so far: what writes their values, and whether empty ones are left out.
        # And whether a null is written, and an empty list as one.
        self._writes: dict[str, tuple[Write | None, bool, bool, bool, int]] = {}

    def write(self, value: Any) -> Any:
        """Return a value as Go writes it; itself, if it is written so."""
        if type(value) is not dict:
            return value
        made: Object = {}
        same = ordered = True
        last = -1
        writes = self._writes
        for name, inner in value.items():
            known = writes.get(name)
            if known is None:
                known = self._meet(name)
                if known is None:
                    same = False
                    continue
            write, left_out, nullable, emptied, place = known
            if inner or not (left_out or emptied or inner is None):
                after = inner if write is None else write(inner)
            elif emptied or (nullable and inner is None):
                after = None
            else:
                same = False
                continue
            same = same and after is inner
            ordered = ordered and place > last
            last = place
            made[name] = after
        for name in self._always:
            if name not in made:
                made[name] = self._zero(name)
                same = ordered = False
        if ordered:
            return value if same else made
        return self._ordered(value, made, same=same)

    def write_like(self, value: Object, like: Object) -> Object:
        """Return a value as Go writes it, whose parts that are as in `like` are written so."""
        changed = unlike(value, like)
        made: Object = dict(self.write(changed))
        for name, part in value.items():
            if name not in changed and name in self._places:
                made[name] = part
        return self._ordered(made, made, same=True)

    def _ordered(self, value: Object, made: Object, *, same: bool) -> Object:
        names = sorted(made, key=self._places.__getitem__)
        if same and names == list(value):
            return value
        return {name: made[name] for name in names}

    def _meet(self, name: str) -> tuple[Write | None, bool, bool, bool, int] | None:
        field = self._fields.get(name)
        if field is None:
            return None
        nullable = field.empty == (None,)
        emptied = nullable and not self._empties and field.type in (Type.ARRAY, Type.MAP)
        write, left_out = _writer(field, self._empties), field.empty == LEFT_OUT
        known = (write, left_out, nullable, emptied, self._places[name])
        self._writes[name] = known
        return known

    def _zero(self, name: str) -> Any:
        field = self._fields[name]
        if field.type is Type.OBJECT and field.empty == ({},):
            return _struct(field.ref, self._empties).write({})
        return field.empty[0] if field.empty else None


@cache
def _struct(name: str, empties: bool) -> "_Struct | _Opaque":
    """Return what writes a named type; its fields are compiled when the first value comes."""
    kind = load().named(name)
    if kind is None or not kind.fields:
        return _Opaque()
    return _Struct(kind.fields, empties)


class _Opaque:
    """Leaves values alone of which the schema knows no fields."""

    def write(self, value: Any) -> Any:
        """Return the value."""
        return value


def _writer(field: FieldDef, empties: bool) -> Write | None:
    """Return what writes a field's values that are not null, or None if they stay as they are."""
    kind = field.type
    if kind is Type.STRING:
        return _FORMS.get(_MICRO_TIME if field.ref.endswith(_MICRO_TIME) else field.format)
    if kind is Type.OBJECT:
        return _struct(field.ref, empties).write if field.ref else None
    if kind is Type.ARRAY:
        return _list_writer(field.item, empties)
    if kind is Type.MAP:
        return _map_writer(field.item, empties)
    if kind is Type.INTEGER:
        return _int32 if field.format == "int32" else _int64
    if kind is Type.NUMBER:
        return _number
    return _quantity if kind is Type.QUANTITY else None


def _list_writer(item: FieldDef | None, empties: bool) -> Write | None:
    if item is None:
        return None
    write = _writer(item, empties)

    def each(value: Any) -> Any:
        if type(value) is not list:
            return value
        made = [
            _zero(item) if one is None else one if write is None else write(one) for one in value
        ]
        return value if all(map(is_, made, value)) else made

    return each


def _map_writer(item: FieldDef | None, empties: bool) -> Write | None:
    if item is None:
        return None
    write = _writer(item, empties)

    def each(value: Any) -> Any:
        if type(value) is not dict:
            return value
        if write is None and None not in value.values():
            return value if _is_sorted(value) else {name: value[name] for name in sorted(value)}
        names = sorted(value)
        before = [value[name] for name in names]
        after = [
            _zero(item) if one is None else one if write is None else write(one) for one in before
        ]
        if all(map(is_, after, before)) and names == list(value):
            return value
        return dict(zip(names, after, strict=True))

    return each


def _is_sorted(value: Object) -> bool:
    """Say whether a map's keys come as Go writes them."""
    if len(value) < 2:
        return True
    names = list(value)
    return names == sorted(names)


def _zero(field: FieldDef) -> Any:
    """Return what Go makes of a null inside a list or map, where it cannot be absent."""
    zeros: dict[Type, Any] = {
        Type.STRING: "", Type.QUANTITY: "0", Type.INT_OR_STRING: 0, Type.INTEGER: 0,
        Type.NUMBER: 0, Type.BOOLEAN: False,
    }  # fmt: skip
    if field.type is Type.OBJECT:
        return _struct(field.ref, True).write({}) if field.ref else {}
    return zeros.get(field.type)


def _int32(value: Any) -> Any:
    return value if type(value) is int and -_HALF <= value < _HALF else _wrapped(value, 32)


def _int64(value: Any) -> Any:
    return value if type(value) is int else _wrapped(value, 64)


def _wrapped(value: Any, bits: int) -> Any:
    """Return a number as Go converts it to an integer of so many bits: what is over is lost.

    Only what is restored into a struct without being decoded can be out of range.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    half = 1 << 63
    whole = int(value)
    if not -half <= whole < half:
        whole = -half
    return (whole + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))


def _number(value: Any) -> Any:
    return int(value) if type(value) is float and value.is_integer() else value


def _quantity(value: Any) -> Any:
    try:
        text = quantity.canonical(value.strip() if isinstance(value, str) else value)
    except (TypeError, ValueError):
        return value
    return value if text == value else text


def _time(value: Any) -> Any:
    # Nearly all times are written so already: 2026-01-02T03:04:05Z, with or without six digits.
    if not isinstance(value, str) or (value.endswith("Z") and len(value) == 20):
        return value
    try:
        return format_time(parse_time(value).astimezone(UTC))
    except ValueError:
        return value


def _micro_time(value: Any) -> Any:
    if not isinstance(value, str) or (value.endswith("Z") and len(value) == 27):
        return value
    try:
        return parse_time(value).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except ValueError:
        return value


def _base64(value: Any) -> Any:
    """Go's decoder skips line ends; what it writes has none, and no stray bits at its end."""
    if not isinstance(value, str) or not ("\n" in value or "\r" in value or value.endswith("=")):
        return value
    try:
        text = b64encode(b64decode(value.replace("\r", "").replace("\n", ""))).decode()
    except ValueError:
        return value
    return value if text == value else text


_FORMS: Mapping[str, Write] = MappingProxyType(
    {"date-time": _time, _MICRO_TIME: _micro_time, "byte": _base64}
)
