"""Messages that look different in JSON: quantities, times, raw JSON and lists in disguise.

Each is a pair of functions between the message's bytes and the JSON value. Reading raises
ValueError or IndexError on malformed bytes; writing raises ValueError or TypeError.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import orjson

from pinnace.api import quantity
from pinnace.api.gotime import duration_of, duration_text
from pinnace.api.objects import parse_time

Read = Callable[[bytes], Any]
Write = Callable[[Any], bytes]
ReadSpan = Callable[[bytes, int, int], Any]

_EPOCH = datetime(1970, 1, 1)
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_TRUNCATED = "unexpected EOF"
# Most sizes and numbers are this small.
SMALL = tuple(bytes((number,)) for number in range(0x80))


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return an unsigned 64-bit number and where it ends; raises ValueError or IndexError."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift > 63:
            raise ValueError("proto: integer overflow")


def varint(value: int) -> bytes:
    """Return the bytes of a number; negative ones take ten, as in Go."""
    if 0 <= value < 0x80:
        return SMALL[value]
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value: int, bits: int = 64) -> int:
    """Return an unsigned number as Go casts it to a signed one."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def spans(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (field number, wire type, start, stop) of a message; of a number, (value, stop)."""
    while at < end:
        tag, at = read_varint(data, at)
        start = at
        if tag & 7 == 2:
            size, start = read_varint(data, at)
            at = start + size
        elif tag & 7 == 0:
            start, at = read_varint(data, at)
        else:
            at = skip(data, at, tag)
        if at > end:
            raise ValueError(_TRUNCATED)
        yield tag >> 3, tag & 7, start, at


def walk(data: bytes, wires: Mapping[int, int]) -> Iterator[tuple[int, Any]]:
    """Yield (field number, number or bytes) of the fields whose wire types are given."""
    for number, wire, start, stop in spans(data, 0, len(data)):
        wanted = wires.get(number)
        if wanted is None:
            continue
        if wire != wanted:
            raise ValueError(f"proto: wrong wireType = {wire} for field {number}")
        yield number, start if wire == 0 else data[start:stop]


def skip(data: bytes, at: int, tag: int) -> int:
    """Return where the value of an unknown field ends; raises ValueError or IndexError."""
    wire = tag & 7
    if tag >> 3 == 0:
        raise ValueError(f"proto: illegal tag {tag >> 3} (wire type {tag})")
    if wire == 0:
        return read_varint(data, at)[1]
    if wire == 1:
        return at + 8
    if wire == 2:
        size, at = read_varint(data, at)
        return at + size
    if wire == 5:
        return at + 4
    raise ValueError(f"proto: illegal wireType {wire}")


_RAW_WIRES = {1: 2}
_INT_OR_STRING_WIRES = {1: 0, 2: 0, 3: 2}
_TIME_WIRES = {1: 0, 2: 0}
_DURATION_WIRES = {1: 0}


def _first(data: bytes) -> bytes:
    """Return the bytes of field 1, the last if there are several."""
    found = b""
    for _, value in walk(data, _RAW_WIRES):
        found = value
    return found


def _sized(tag: int, data: bytes) -> bytes:
    return bytes((tag,)) + varint(len(data)) + data


def _read_quantity(data: bytes) -> str:
    return quantity.canonical(_first(data).decode().strip() or "0")


@lru_cache(maxsize=1024)  # few amounts are in use, and many times
def _write_quantity(value: Any) -> bytes:
    return _sized(0x0A, quantity.canonical(0 if value is None else value).encode())


def _read_int_or_string(data: bytes) -> int | str:
    found = dict(walk(data, _INT_OR_STRING_WIRES))
    if found.get(1, 0) == 1:
        return str(found.get(3, b"").decode())
    return signed(found.get(2, 0), 32)


def _write_int_or_string(value: Any) -> bytes:
    if isinstance(value, str):
        return b"\x08\x01\x10\x00" + _sized(0x1A, value.encode())
    return b"\x08\x00\x10" + varint(int(value or 0)) + b"\x1a\x00"


def _read_instant(data: bytes) -> datetime | None:
    if not data:
        return None
    found = dict(walk(data, _TIME_WIRES))
    micros = signed(found.get(2, 0), 32) // 1000
    return _EPOCH + timedelta(seconds=signed(found.get(1, 0)), microseconds=micros)


def _read_time(data: bytes) -> str | None:
    when = _read_instant(data)
    return None if when is None else when.isoformat(timespec="seconds") + "Z"


def _read_micro_time(data: bytes) -> str | None:
    when = _read_instant(data)
    return None if when is None else when.isoformat(timespec="microseconds") + "Z"


def _write_instant(value: Any, *, micros: bool) -> bytes:
    if value is None:
        return b""
    since = parse_time(value) - _EPOCH_UTC
    nanos = since.microseconds * 1000 if micros else 0
    return b"\x08" + varint(since.days * 86400 + since.seconds) + b"\x10" + varint(nanos)


@lru_cache(maxsize=1024)  # what is written together was often made in the same second
def _write_time(value: Any) -> bytes:
    return _write_instant(value, micros=False)


def _write_micro_time(value: Any) -> bytes:
    return _write_instant(value, micros=True)


def _read_duration(data: bytes) -> str:
    found = dict(walk(data, _DURATION_WIRES))
    return duration_text(signed(found.get(1, 0)))


def _write_duration(value: Any) -> bytes:
    return b"\x08" + varint(duration_of(value or "0s"))


def _read_raw(data: bytes) -> Any:
    raw = _first(data)
    return orjson.loads(raw) if raw else None


def _write_raw(value: Any) -> bytes:
    return b"" if value is None else _sized(0x0A, orjson.dumps(value))


def _read_items(data: bytes) -> list[str]:
    return [value.decode() for _, value in walk(data, _RAW_WIRES)]


def _write_items(value: Any) -> bytes:
    return b"".join(_sized(0x0A, item.encode()) for item in value or ())


_RAW = (_read_raw, _write_raw)
_ITEMS = (_read_items, _write_items)
_SPECIAL: dict[str, tuple[Read, Write]] = {
    "Quantity": (_read_quantity, _write_quantity),
    "IntOrString": (_read_int_or_string, _write_int_or_string),
    "meta.v1.Time": (_read_time, _write_time),
    "meta.v1.MicroTime": (_read_micro_time, _write_micro_time),
    "meta.v1.Duration": (_read_duration, _write_duration),
    "runtime.RawExtension": _RAW,
    "meta.v1.FieldsV1": _RAW,
    "JSON": _RAW,
    "meta.v1.Verbs": _ITEMS,
    "ExtraValue": _ITEMS,
}


def special(message: str) -> tuple[Read, Write] | None:
    """Return how to read and write a message whose JSON is no object of its fields, or None."""
    return _SPECIAL.get(message) or _SPECIAL.get(message.rpartition(".")[2])


def schema_or(message: str, read_schema: ReadSpan) -> ReadSpan | None:
    """Return how one of CustomResourceDefinitions' `JSONSchemaPropsOr...` is read, or None.

    Of fields 1 and 2, one is a schema and the other the alternative. Nothing is copied on the way,
    since these nest as deep as a client likes.
    """
    name = message.rpartition(".")[2]
    if name == "JSONSchemaPropsOrBool":
        return lambda data, at, end: _either(data, at, end, 2, read_schema, _read_allows)
    if name == "JSONSchemaPropsOrArray":
        return lambda data, at, end: _either(
            data,
            at,
            end,
            1,
            read_schema,
            lambda found: [read_schema(data, *span) for span in found],
        )
    if name == "JSONSchemaPropsOrStringArray":
        return lambda data, at, end: _either(
            data, at, end, 1, read_schema, lambda found: [data[a:b].decode() for a, b in found]
        )
    return None


def _read_allows(found: list[tuple[int, int]]) -> bool:
    return bool(found) and bool(found[-1][0])


def _either(
    data: bytes,
    at: int,
    end: int,
    number: int,
    read_schema: ReadSpan,
    other: Callable[[list[tuple[int, int]]], Any],
) -> Any:
    schema = None
    found = []
    for which, wire, start, stop in spans(data, at, end):
        if which not in (1, 2):
            continue
        # Beside a schema in field 2 stands a bool, beside one in field 1 a list.
        if wire != (0 if number == 2 and which == 1 else 2):
            raise ValueError(f"proto: wrong wireType = {wire} for field {which}")
        if which == number:
            schema = (start, stop)
        else:
            found.append((start, stop))
    return read_schema(data, *schema) if schema else other(found)


def write_schema_or(message: str, write_schema: Write) -> Write | None:
    """Return how one of the `JSONSchemaPropsOr...` is written, or None."""
    name = message.rpartition(".")[2]
    if name == "JSONSchemaPropsOrBool":
        return lambda value: (
            b"\x08" + varint(value)
            if isinstance(value, bool)
            else b"\x08\x01" + _sized(0x12, write_schema(value))
        )
    if name in ("JSONSchemaPropsOrArray", "JSONSchemaPropsOrStringArray"):
        write_one: Write = str.encode if name.endswith("StringArray") else write_schema
        return lambda value: (
            b"".join(_sized(0x12, write_one(item)) for item in value)
            if isinstance(value, list)
            else _sized(0x0A, write_schema(value))
        )
    return None
