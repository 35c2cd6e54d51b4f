"""Protobuf bodies: upstream's `application/vnd.kubernetes.protobuf`, both ways.

A body is four bytes of magic and a runtime.Unknown, which holds apiVersion, kind and the message.
Readers and writers are compiled per message when first used; facts and codec are made once.
"""

import struct
from functools import cache

from pinnace.api.codec.json import check_depth
from pinnace.api.codec.protobuf_facts import load
from pinnace.api.codec.protobuf_reader import Readers
from pinnace.api.codec.protobuf_special import SMALL, read_varint, varint, walk
from pinnace.api.codec.protobuf_writer import Writers
from pinnace.api.errors import ApiError, BadRequest
from pinnace.api.objects import Object

MAGIC = b"k8s\x00"
# Neither an encoding nor a type of the message's content is named.
ENVELOPE_END = b"\x1a\x00\x22\x00"
_UNFIT = (TypeError, ValueError, AttributeError, OverflowError, RecursionError, struct.error)
# Fields 1 and 2 of the envelope and of its TypeMeta are all sized.
_STRINGS = {1: 2, 2: 2}
_SCHEME = "pkg/api/legacyscheme/scheme.go:30"


@cache
def _readers() -> Readers:
    return Readers(load())


@cache
def _writers() -> Writers:
    return Writers(load())


def message_of(api_version: str, kind: str) -> str:
    """Name the message of a kind that has one; raises ApiError."""
    message = load().message_for(api_version, kind)
    if message is None:
        raise ApiError(f'no kind "{kind}" is registered for version "{api_version}"')
    return message


def list_fields(message: str) -> tuple[int, int]:
    """Return the numbers of the metadata and of the items in the message of a list."""
    numbers = {found.name: found.number for found in load().fields(message)}
    return numbers["metadata"], numbers["items"]


def decode(body: bytes, *, api_version: str = "", kind: str = "") -> Object:
    """Read a body; the arguments name what it is when it does not say. Raises BadRequest."""
    if not body:
        raise BadRequest("empty data")
    if not body.startswith(MAGIC):
        raise BadRequest(
            "provided data does not appear to be a protobuf message, expected prefix "
            f"[{' '.join(str(byte) for byte in MAGIC)}]"
        )
    try:
        said_version, said_kind, raw = _open(body[len(MAGIC) :])
    except IndexError:
        raise BadRequest("unexpected EOF") from None
    except ValueError as error:
        raise BadRequest(str(error)) from None
    api_version, kind = said_version or api_version, said_kind or kind
    message = load().message_for(api_version, kind)
    if message is None:
        raise BadRequest(
            f'no kind "{kind}" is registered for version "{api_version}" in scheme "{_SCHEME}"'
        )
    obj = {"kind": kind, "apiVersion": api_version, **decode_message(message, raw)}
    if kind.endswith("List"):
        obj.setdefault("items", [])
    # Only raw JSON and the schemas of definitions nest without a bound.
    if b"{" in body or b"[" in body or kind.startswith("CustomResourceDefinition"):
        check_depth(obj)
    return obj


def decode_message(message: str, data: bytes) -> Object:
    """Read a bare message such as `meta.v1.DeleteOptions`; raises BadRequest."""
    try:
        return _readers().reader(message)(data, 0, len(data), {})
    except IndexError:
        raise BadRequest("unexpected EOF") from None
    except (ValueError, OverflowError) as error:
        raise BadRequest(str(error)) from None
    except RecursionError:
        raise BadRequest("exceeded max depth") from None


def encode(obj: Object) -> bytes:
    """Write an object with its envelope; raises ApiError when its kind has no message."""
    api_version, kind = obj.get("apiVersion", ""), obj.get("kind", "")
    # Some documents of discovery are of no version.
    message = message_of(api_version or "v1", kind)
    return enclosed(api_version, kind, encode_message(message, obj))


def encode_message(message: str, obj: Object) -> bytes:
    """Write a bare message; raises ApiError when a value does not fit its field."""
    try:
        return _writers().writer(message)(obj)
    except _UNFIT as error:
        raise ApiError(f"object *{message} cannot be encoded as protobuf: {error}") from None


def field_start(number: int, size: int) -> bytes:
    """Return what comes before the bytes of a field of a message; the number is below 16."""
    return SMALL[number << 3 | 2] + varint(size)


def first_field_end(message: bytes) -> int:
    """Return where the first field of a message ends; it is a sized one, of a number below 16."""
    size, start = read_varint(message, 1)
    return start + size


def envelope(api_version: str, kind: str, size: int) -> bytes:
    """Return what comes before a message of this size; `ENVELOPE_END` comes after it."""
    version, name = api_version.encode(), kind.encode()
    meta = field_start(1, len(version)) + version + field_start(2, len(name)) + name
    return b"".join((MAGIC, field_start(1, len(meta)), meta, field_start(2, size)))


def enclosed(api_version: str, kind: str, message: bytes) -> bytes:
    """Return a message with its envelope."""
    return b"".join((envelope(api_version, kind, len(message)), message, ENVELOPE_END))


def watch_event(kind: str, body: bytes) -> bytes:
    """Return one event of a watch: a bare meta.v1.WatchEvent around an enclosed object."""
    name = kind.encode()
    start = field_start(1, len(body))
    raw = field_start(2, len(start) + len(body))
    return b"".join((field_start(1, len(name)), name, raw, start, body))


def _open(data: bytes) -> tuple[str, str, bytes]:
    api_version = kind = ""
    raw = b""
    for number, value in walk(data, _STRINGS):
        if number == 1:
            for inner, text in walk(value, _STRINGS):
                if inner == 1:
                    api_version = text.decode()
                else:
                    kind = text.decode()
        else:
            raw = value
    return api_version, kind, raw
