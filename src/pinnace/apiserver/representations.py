"""The forms in which objects leave the server: whole, metadata only, or as a table.

Whole objects are never decoded here: a header in the asked-for version and the stored tail make
the answer.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import orjson

from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver import rules
from pinnace.store.watchcache.changes import Told
from pinnace.store.watchcache.item import Item

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
# Enough that a piece costs little, and little enough that a hundred readers do not fill the memory.
PIECE = 64 * 1024


class Representation(Protocol):
    """Makes JSON of items. `key` says under which name frames of it are shared."""

    key: object

    def one(self, item: Item) -> bytes:
        """Return one object."""
        ...

    def many(self, items: Sequence[Item], metadata: Object) -> Iterator[bytes]:
        """Make a list, in pieces of about `PIECE` bytes: a large one is never held as a whole."""
        ...

    def next(self, item: Item) -> bytes:
        """Return one object as the next initial event of a watch holds it."""
        ...

    def event(self, told: Told) -> bytes:
        """Return one event of a watch, with its newline."""
        ...

    def bookmark(self, revision: int, *, initial_events_end: bool = False) -> bytes:
        """Return a bookmark event."""
        ...


def pieces(start: bytes, items: Sequence[Item], one: Callable[[Item], bytes]) -> Iterator[bytes]:
    """Make a list of what `one` makes of each item; `start` is all that comes before the first."""
    held = [start]
    size, comma = 0, b""
    for item in items:
        body = one(item)
        held += (comma, body)
        comma = b","
        size += len(body)
        if size > PIECE:
            yield b"".join(held)
            held, size = [], 0
    held.append(b"]}")
    yield b"".join(held)


def header(kind: str, version: str) -> str:
    """Return how an object of a kind begins, up to its metadata."""
    return f'{{"kind":"{kind}","apiVersion":"{version}",'


class _EachAlike(ABC):
    """An object looks the same alone, in a list and in a watch."""

    key: object
    _header: str
    _list: bytes

    @abstractmethod
    def one(self, item: Item) -> bytes:
        """Return the object."""

    def many(self, items: Sequence[Item], metadata: Object) -> Iterator[bytes]:
        start = b"".join((self._list, b'"metadata":', orjson.dumps(metadata), b',"items":['))
        return pieces(start, items, self.one)

    def next(self, item: Item) -> bytes:
        return self.one(item)

    def event(self, told: Told) -> bytes:
        return _frame(self, told)

    def bookmark(self, revision: int, *, initial_events_end: bool = False) -> bytes:
        return _bookmark(self._header, revision, initial_events_end=initial_events_end)


class Whole(_EachAlike):
    """Objects as they are stored, in the version of a row."""

    def __init__(self, row: Resource) -> None:
        self.row = row
        self.key = ("whole", row.group_version)
        self._header = header(row.kind, row.group_version)
        self._bytes = self._header.encode()
        self._list = header(row.list_kind, row.group_version).encode()

    def one(self, item: Item) -> bytes:
        if item.head == self._header:
            return self._bytes + item.tail
        return orjson.dumps(rules.convert(item.decode(), self.row))


class MetadataOnly(_EachAlike):
    """PartialObjectMetadata: what generic controllers need of any kind."""

    def __init__(self, version: str) -> None:
        self.key = ("metadata", version)
        self._version = version
        self._header = header("PartialObjectMetadata", version)
        self._bytes = self._header.encode() + b'"metadata":'
        self._list = header("PartialObjectMetadataList", version).encode()

    def one(self, item: Item) -> bytes:
        return b"".join((self._bytes, item.metadata, b"}"))


def _frame(representation: Representation, told: Told) -> bytes:
    """Return the frame of an event, made by the first watcher that needs it."""
    key = (representation.key, told.type)
    frame = told.frames.get(key)
    if frame is None:
        assert told.item is not None
        body = representation.one(told.item)
        frame = b"".join((b'{"type":"', told.type.encode(), b'","object":', body, b"}\n"))
        told.frames[key] = frame
    return frame


def _bookmark(head: str, revision: int, *, initial_events_end: bool) -> bytes:
    metadata: dict[str, Any] = {"resourceVersion": str(revision)}
    if initial_events_end:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    body = b"".join((head.encode(), b'"metadata":', orjson.dumps(metadata), b"}"))
    return b'{"type":"BOOKMARK","object":' + body + b"}\n"
