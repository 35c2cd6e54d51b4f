"""Compiles readers of protobuf messages: closures over the facts, made when first needed.

Each field of a message becomes a function from (bytes, position, end, object) to the position
after it. What Go would leave out of JSON is left out: a zero value that is omitempty and no
pointer. Malformed bytes raise ValueError, IndexError or RecursionError; a length beyond the end is
seen before anything is allocated for it.
"""

import struct
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from pinnace.api.codec.protobuf_facts import Facts, Field
from pinnace.api.codec.protobuf_special import (
    ReadSpan,
    read_varint,
    schema_or,
    signed,
    skip,
    spans,
    special,
)

Into = dict[str, Any]
ReadMessage = Callable[[bytes, int, int, Into], Into]
ReadField = Callable[[bytes, int, int, Into], int]

_TRUNCATED = "unexpected EOF"
_DOUBLE = struct.Struct("<d")
_NUMBERS: dict[str, Callable[[int], Any]] = {
    "b": bool,
    "i": lambda value: signed(value, 32),
    "l": signed,
}


class Readers:
    """Readers by message name."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._readers: dict[str, ReadMessage] = {}

    def reader(self, message: str) -> ReadMessage:
        """Return the function that reads a message's fields into an object."""
        known = self._readers.get(message)
        if known is None:
            known = self._readers[message] = _message(lambda table: self._fill(message, table))
        return known

    def _fill(self, message: str, table: dict[int, ReadField]) -> None:
        table[0] = _illegal
        for field in self._facts.fields(message):
            wire = {"b": 0, "i": 0, "l": 0, "d": 1}.get(field.type, 2)
            if field.map:
                wire = 2
            for other in range(8):
                table[field.number << 3 | other] = _wrong_wire(field)
            table[field.number << 3 | wire] = self._field(field)
            if field.repeated and wire == 0:
                table[field.number << 3 | 2] = _packed(field.name, _NUMBERS[field.type])

    def _field(self, field: Field) -> ReadField:
        if field.map:
            return _map(field.name, self._maker(field.type))
        if field.type in _NUMBERS:
            make = _NUMBERS[field.type]
            if field.repeated:
                return _number_item(field.name, make)
            return _number(field.name, make, keep_zero=field.pointer or not field.omitempty)
        if field.type == "d":
            return _double(field.name)
        keep_empty = field.pointer or not field.omitempty
        if field.type == "s" and not field.repeated:
            return _string(field.name, keep_empty=keep_empty)
        if field.repeated:
            return _item(field.name, self._maker(field.type))
        if field.type == "y" or self._pair(field.type) is not None:
            drop = _droppable(field)
            return _made(field.name, self._maker(field.type), drop)
        if field.inline:
            return _inline(self.reader(field.type))
        return _nested(field.name, self.reader(field.type))

    def _maker(self, kind: str) -> ReadSpan:
        """Return a function from the place of a value to its JSON."""
        if kind == "s":
            return _text
        if kind == "y":
            return _base64
        if len(kind) == 1:
            raise ValueError(f"no map or list of {kind}")
        made = self._pair(kind)
        if made is not None:
            return made
        read = self.reader(kind)
        return lambda data, at, end: read(data, at, end, {})

    def _pair(self, kind: str) -> ReadSpan | None:
        """Return how a message that is no plain object in JSON is read, or None."""
        if "PropsOr" in kind:
            read = self.reader(f"{kind.rpartition('.')[0]}.JSONSchemaProps")
            return schema_or(kind, lambda data, at, end: read(data, at, end, {}))
        pair = special(kind)
        if pair is None:
            return None
        make = pair[0]
        return lambda data, at, end: make(data[at:end])


def _droppable(field: Field) -> tuple[Any, ...]:
    """Return the values that mean `not set`."""
    # A zero time is null in JSON, and null says nothing.
    unset = field.omitempty and not field.pointer
    if unset and field.type == "y":
        return (None, "")
    return (None, 0) if unset and field.type == "IntOrString" else (None,)


def _message(fill: Callable[[dict[int, ReadField]], None]) -> ReadMessage:
    table: dict[int, ReadField] = {}

    def read(data: bytes, at: int, end: int, out: Into) -> Into:
        if not table:
            fill(table)
        while at < end:
            tag = data[at]
            at += 1
            if tag > 127:
                tag, at = read_varint(data, at - 1)
            field = table.get(tag)
            at = field(data, at, end, out) if field is not None else skip(data, at, tag)
        if at != end:
            raise ValueError(_TRUNCATED)
        return out

    return read


def _illegal(data: bytes, at: int, end: int, out: Into) -> int:
    raise ValueError("proto: illegal tag 0 (wire type 0)")


def _wrong_wire(field: Field) -> ReadField:
    def read(data: bytes, at: int, end: int, out: Into) -> int:
        raise ValueError(f"proto: wrong wireType for field {field.name}")

    return read


def _span(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return where a sized value starts and stops."""
    size = data[at]
    at += 1
    if size > 127:
        size, at = read_varint(data, at - 1)
    stop = at + size
    if stop > end:
        raise ValueError(_TRUNCATED)
    return at, stop


def _text(data: bytes, at: int, end: int) -> str:
    return data[at:end].decode("utf-8", "replace")


def _base64(data: bytes, at: int, end: int) -> str:
    return b64encode(data[at:end]).decode("ascii")


def _string(name: str, *, keep_empty: bool) -> ReadField:
    def read(data: bytes, at: int, end: int, out: Into) -> int:
        # The hottest of all: _span written out, which halves its cost.
        size = data[at]
        at += 1
        if size > 127:
            size, at = read_varint(data, at - 1)
        stop = at + size
        if stop > end:
            raise ValueError(_TRUNCATED)
        if size:
            out[name] = data[at:stop].decode("utf-8", "replace")
        elif keep_empty:
            out[name] = ""
        return stop

    return read


def _number(name: str, make: Callable[[int], Any], *, keep_zero: bool) -> ReadField:
    def read(data: bytes, at: int, end: int, out: Into) -> int:
        value, at = read_varint(data, at)
        if value or keep_zero:
            out[name] = make(value)
        return at

    return read


def _number_item(name: str, make: Callable[[int], Any]) -> ReadField:
    def read(data: bytes, at: int, end: int, out: Into) -> int:
        value, at = read_varint(data, at)
        out.setdefault(name, []).append(make(value))
        return at

    return read


def _packed(name: str, make: Callable[[int], Any]) -> ReadField:
    def read(data: bytes, at: int, end: int, out: Into) -> int:
        at, stop = _span(data, at, end)
        items = out.setdefault(name, [])
        while at < stop:
            value, at = read_varint(data, at)
            items.append(make(value))
        return at

    return read


def _double(name: str) -> ReadField:
    def read(data: bytes, at: int, end: int, out: Into) -> int:
        if at + 8 > end:
            raise ValueError(_TRUNCATED)
        out[name] = _DOUBLE.unpack_from(data, at)[0]
        return at + 8

    return read


def _made(name: str, make: ReadSpan, drop: tuple[Any, ...]) -> ReadField:
    def read(data: bytes, at: int, end: int, out: Into) -> int:
        at, stop = _span(data, at, end)
        value = make(data, at, stop)
        if value not in drop:
            out[name] = value
        return stop

    return read


def _item(name: str, make: ReadSpan) -> ReadField:
    def read(data: bytes, at: int, end: int, out: Into) -> int:
        at, stop = _span(data, at, end)
        items = out.get(name)
        if items is None:
            items = out[name] = []
        items.append(make(data, at, stop))
        return stop

    return read


def _nested(name: str, message: ReadMessage) -> ReadField:
    def read(data: bytes, at: int, end: int, out: Into) -> int:
        at, stop = _span(data, at, end)
        inner = out.get(name)
        if inner is None:
            inner = out[name] = {}
        message(data, at, stop, inner)
        return stop

    return read


def _inline(message: ReadMessage) -> ReadField:
    def read(data: bytes, at: int, end: int, out: Into) -> int:
        at, stop = _span(data, at, end)
        message(data, at, stop, out)
        return stop

    return read


def _map(name: str, make: ReadSpan) -> ReadField:
    def read(data: bytes, at: int, end: int, out: Into) -> int:
        at, stop = _span(data, at, end)
        key = value = (stop, stop)
        for number, wire, start, end_of in spans(data, at, stop):
            if number in (1, 2) and wire != 2:
                raise ValueError(f"proto: wrong wireType = {wire} for field {name}")
            if number == 1:
                key = (start, end_of)
            elif number == 2:
                value = (start, end_of)
        out.setdefault(name, {})[_text(data, *key)] = make(data, *value)
        return stop

    return read
