"""SPDY/3.1 frames as bytes and back: pure, but for the compression that both ends keep in step.

A frame is eight bytes and a payload:

    control   1 | version (15 bits) | type (16) | flags (8) | length (24)
    data      0 | stream (31 bits)              | flags (8) | length (24)

Headers travel compressed by zlib, with one dictionary known to both ends and one state per
direction for the whole connection: frames with headers must be made in the order in which they
are sent, and read in the order in which they come.
"""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

VERSION = 3
FIN = 1
_MOST_HEADERS = 1 << 20

SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, PING, GOAWAY, HEADERS, WINDOW_UPDATE = (
    1, 2, 3, 4, 6, 7, 8, 9,
)  # fmt: skip

# Why a stream is reset.
PROTOCOL_ERROR, INVALID_STREAM, REFUSED_STREAM, UNSUPPORTED_VERSION, CANCEL = 1, 2, 3, 4, 5

# The protocol's dictionary: words with their lengths before them, then plain text.
_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language "
    "accept-ranges age allow authorization cache-control connection content-base content-encoding "
    "content-language content-length content-location content-md5 content-range content-type date "
    "etag expect expires from host if-match if-modified-since if-none-match if-range "
    "if-unmodified-since last-modified location max-forwards pragma proxy-authenticate "
    "proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url "
    "public set-cookie keep-alive origin"
)
_TEXT = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request"
    "401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented"
    "503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, "
    "Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,"
    "application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age="
    "gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = (
    b"".join(
        struct.pack(">I", len(word)) + word.replace("_", " ").encode() for word in _WORDS.split()
    )
    + _TEXT.encode()
)

Headers = tuple[tuple[str, str], ...]


class ProtocolError(Exception):
    """The other end does not speak SPDY/3.1."""


@dataclass(frozen=True, slots=True)
class FrameHead:
    """The first eight bytes of a frame; `type` is 0 for data, `stream` is 0 for control."""

    type: int
    stream: int
    flags: int
    length: int


def head_of(data: bytes) -> FrameHead:
    """Read a frame's first eight bytes; raises ProtocolError for another version."""
    first, rest = struct.unpack(">II", data)
    flags, length = rest >> 24, rest & 0xFFFFFF
    if not first >> 31:
        return FrameHead(0, first, flags, length)
    if (version := first >> 16 & 0x7FFF) != VERSION:
        raise ProtocolError(f"a frame of SPDY version {version}")
    return FrameHead(first & 0xFFFF, 0, flags, length)


def data_frame(stream: int, data: bytes, *, fin: bool = False) -> bytes:
    """Return a frame that carries data, and ends our half of the stream with `fin`."""
    return struct.pack(">II", stream, (FIN if fin else 0) << 24 | len(data)) + data


def _control(kind: int, payload: bytes, flags: int = 0) -> bytes:
    head = struct.pack(">HHI", 1 << 15 | VERSION, kind, flags << 24 | len(payload))
    return head + payload


def rst_stream(stream: int, status: int) -> bytes:
    """Return a frame that ends a stream at once."""
    return _control(RST_STREAM, struct.pack(">II", stream, status))


def ping(number: int) -> bytes:
    """Return a ping, or the answer to one, which is the same frame."""
    return _control(PING, struct.pack(">I", number))


def go_away(last_stream: int, status: int = 0) -> bytes:
    """Return a frame that says that no more streams are taken after `last_stream`."""
    return _control(GOAWAY, struct.pack(">II", last_stream, status))


def settings(values: Iterable[tuple[int, int]]) -> bytes:
    """Return a frame of settings, by number."""
    pairs = list(values)
    body = b"".join(struct.pack(">II", number & 0xFFFFFF, value) for number, value in pairs)
    return _control(SETTINGS, struct.pack(">I", len(pairs)) + body)


def word(payload: bytes, position: int = 0) -> int:
    """Return a 32-bit number of a payload, without its reserved first bit."""
    if len(payload) < 4 * position + 4:
        raise ProtocolError("a frame that is too short")
    return int(struct.unpack_from(">I", payload, 4 * position)[0]) & 0x7FFFFFFF


class HeaderWriter:
    """Makes the frames that carry headers, in the order in which they will be sent."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(9, zdict=DICTIONARY)

    def syn_stream(self, stream: int, headers: Headers, *, fin: bool = False) -> bytes:
        """Return a frame that opens a stream."""
        payload = struct.pack(">IIH", stream, 0, 0) + self._block(headers)
        return _control(SYN_STREAM, payload, FIN if fin else 0)

    def syn_reply(self, stream: int, headers: Headers = (), *, fin: bool = False) -> bytes:
        """Return a frame that accepts a stream."""
        payload = struct.pack(">I", stream) + self._block(headers)
        return _control(SYN_REPLY, payload, FIN if fin else 0)

    def _block(self, headers: Headers) -> bytes:
        # One entry a name, in lower case; several values are joined by a zero byte.
        joined: dict[str, list[str]] = {}
        for name, value in headers:
            joined.setdefault(name.lower(), []).append(value)
        parts = [struct.pack(">I", len(joined))]
        for name, values in joined.items():
            for text in (name, "\0".join(values)):
                data = text.encode()
                parts += [struct.pack(">I", len(data)), data]
        packed = self._compressor.compress(b"".join(parts))
        return packed + self._compressor.flush(zlib.Z_SYNC_FLUSH)


class HeaderReader:
    """Reads the headers of frames, in the order in which they came."""

    def __init__(self) -> None:
        self._decompressor = zlib.decompressobj(zdict=DICTIONARY)

    def read(self, kind: int, payload: bytes) -> Headers:
        """Return the headers of a SYN_STREAM, SYN_REPLY or HEADERS payload."""
        packed = payload[10 if kind == SYN_STREAM else 4 :]
        try:
            block = self._decompressor.decompress(packed, _MOST_HEADERS)
        except zlib.error as failure:
            raise ProtocolError(f"headers that cannot be unpacked: {failure}") from failure
        if self._decompressor.unconsumed_tail:
            raise ProtocolError("headers that are too large")
        try:
            return _headers(block)
        except (struct.error, UnicodeDecodeError) as failure:
            raise ProtocolError("headers that are cut short") from failure


def _headers(block: bytes) -> Headers:
    position = 0

    def text() -> str:
        nonlocal position
        (size,) = struct.unpack_from(">I", block, position)
        start, position = position + 4, position + 4 + size
        if position > len(block):
            raise struct.error
        return block[start:position].decode()

    (count,) = struct.unpack_from(">I", block)
    position = 4
    found: list[tuple[str, str]] = []
    for _ in range(count):
        name, values = text(), text()
        found += [(name, value) for value in values.split("\0")]
    return tuple(found)
