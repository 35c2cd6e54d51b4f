"""Compiles writers of protobuf messages that give the very bytes that Go gives.

Go writes fields by number, maps by sorted key, and everything that is not a pointer even when it
is zero. So a message starts as the zero values of all its fields, in their order, and what an
object has is put in place of them: the cost is that of what is there, and most of what a Pod could
have is not.
"""

import struct
from base64 import b64decode
from collections.abc import Callable
from typing import Any

from pinnace.api.codec.protobuf_facts import Facts, Field
from pinnace.api.codec.protobuf_special import SMALL, Write, special, varint, write_schema_or

_EMPTY: dict[str, Any] = {}
_WIRES = {"b": 0, "i": 0, "l": 0, "d": 1}
# What is written of a field, whose value is not null.
Place = Callable[[Any], bytes]


class Writers:
    """Writers by message name."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._writers: dict[str, Write] = {}

    def writer(self, message: str) -> Write:
        """Return the function from an object to a message's bytes."""
        known = self._writers.get(message)
        if known is None:
            known = self._writers[message] = self._message(message)
        return known

    def _message(self, message: str) -> Write:
        zeros: list[bytes] = []
        places: dict[str, tuple[int, Place]] = {}
        inline: list[tuple[int, Place]] = []
        empty: list[bytes] = []

        def write(obj: Any) -> bytes:
            if not empty:
                # Messages may contain themselves, so their fields are compiled when first needed.
                self._compile(message, zeros, places, inline)
                empty.append(b"".join(zeros))
            if not obj:
                return empty[0]
            parts = zeros.copy()
            for name, value in obj.items():
                if value is not None and name in places:
                    at, place = places[name]
                    parts[at] = place(value)
            for at, place in inline:
                parts[at] = place(obj)
            return b"".join(parts)

        return write

    def _compile(
        self,
        message: str,
        zeros: list[bytes],
        places: dict[str, tuple[int, Place]],
        inline: list[tuple[int, Place]],
    ) -> None:
        for at, field in enumerate(self._facts.fields(message)):
            place = self._place(field)
            if field.inline:
                inline.append((at, place))
                zeros.append(place(_EMPTY))
            else:
                places[field.name] = at, place
                zeros.append(self._zero(field, place))

    def _place(self, field: Field) -> Place:
        wire = 2 if field.map else _WIRES.get(field.type, 2)
        tag = varint(field.number << 3 | wire)
        one = self._value(field.type)
        if field.map:
            return lambda values: _map(tag, one, values)
        if field.repeated:
            put = _sized(tag, one) if wire == 2 else _bare(tag, one)
            return lambda items: b"".join([put(item) for item in items])
        if field.type == "s":
            return _text(tag)
        if field.type == "b":
            true, false = tag + b"\x01", tag + b"\x00"
            return lambda value: true if value else false
        return _sized(tag, one) if wire == 2 else _bare(tag, one)

    def _zero(self, field: Field, place: Place) -> bytes:
        """Return what Go writes of a field that an object does not have."""
        if field.map or field.repeated or field.pointer or field.type == "y":
            return b""
        if field.type in _WIRES:
            return place(0)
        return place("" if field.type == "s" else None)

    def _value(self, kind: str) -> Write:
        if kind == "s":
            return str.encode
        if kind == "y":
            return lambda value: b64decode(value, validate=True)
        if kind == "d":
            return struct.Struct("<d").pack
        if kind in ("b", "i", "l"):
            return varint
        if "PropsOr" in kind:
            schema = self.writer(f"{kind.rpartition('.')[0]}.JSONSchemaProps")
            return write_schema_or(kind, schema) or self.writer(kind)
        pair = special(kind)
        return pair[1] if pair else self.writer(kind)


def _text(tag: bytes) -> Place:
    def place(value: str) -> bytes:
        data = value.encode()
        size = len(data)
        return tag + SMALL[size] + data if size < 0x80 else tag + varint(size) + data

    return place


def _sized(tag: bytes, one: Write) -> Place:
    def place(value: Any) -> bytes:
        data = one(value)
        size = len(data)
        return tag + SMALL[size] + data if size < 0x80 else tag + varint(size) + data

    return place


def _bare(tag: bytes, one: Write) -> Place:
    return lambda value: tag + one(value)


def _map(tag: bytes, one: Write, values: Any) -> bytes:
    put_key, put_value = _text(b"\x0a"), _sized(b"\x12", one)
    put_entry = _sized(tag, lambda key: put_key(key) + put_value(values[key]))
    return b"".join([put_entry(key) for key in sorted(values)])
