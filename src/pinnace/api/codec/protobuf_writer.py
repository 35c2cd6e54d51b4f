"""Compiles writers of protobuf messages that give the very bytes that Go gives.

Go writes fields by number, maps by sorted key, and everything that is not a pointer even when it
is zero; what is missing in an object is therefore written as its zero value, made once.
"""

import struct
from base64 import b64decode
from collections.abc import Callable
from typing import Any

from pinnace.api.codec.protobuf_facts import Facts, Field
from pinnace.api.codec.protobuf_special import Write, special, varint, write_schema_or

_EMPTY: dict[str, Any] = {}


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
        parts: list[Write] = []
        empty: list[bytes] = []

        def write(obj: Any) -> bytes:
            if not parts:
                parts.extend(self._field(field) for field in self._facts.fields(message))
            if obj:
                return b"".join([part(obj) for part in parts])
            if not empty:
                empty.append(b"".join([part(_EMPTY) for part in parts]))
            return empty[0]

        return write

    def _field(self, field: Field) -> Write:
        name = field.name
        wire = {"b": 0, "i": 0, "l": 0, "d": 1}.get(field.type, 2)
        tag = varint(field.number << 3 | (2 if field.map else wire))
        put = _sized(tag) if wire == 2 or field.map else _bare(tag)
        one = self._value(field.type)
        if field.inline:
            return lambda obj: put(one(obj))
        if field.map:
            return lambda obj: _map(put, one, obj.get(name))
        if field.repeated:
            return lambda obj: b"".join([put(one(item)) for item in obj.get(name) or ()])
        if field.pointer or field.type == "y":
            return lambda obj: b"" if obj.get(name) is None else put(one(obj[name]))
        if wire != 2 or field.type == "s":
            zero = put(one("" if field.type == "s" else 0))
            return lambda obj: zero if obj.get(name) is None else put(one(obj[name]))
        return lambda obj: put(one(obj.get(name)))

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


def _sized(tag: bytes) -> Callable[[bytes], bytes]:
    return lambda data: tag + varint(len(data)) + data


def _bare(tag: bytes) -> Callable[[bytes], bytes]:
    return lambda data: tag + data


def _map(put: Callable[[bytes], bytes], one: Write, values: Any) -> bytes:
    if not values:
        return b""
    out = []
    for key in sorted(values):
        name, value = key.encode(), one(values[key])
        entry = b"\x0a" + varint(len(name)) + name + b"\x12" + varint(len(value)) + value
        out.append(put(entry))
    return b"".join(out)
