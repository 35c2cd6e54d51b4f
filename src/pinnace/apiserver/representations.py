"""The forms in which objects leave the server as JSON: whole or metadata only.

Whole objects are never decoded here: a header in the asked-for version and the stored tail make
the answer. Tables are in `tables.py`, the same forms as protobuf in `protobuf_forms.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

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
    """Makes answers of items, and frames of a watch: each whole, with what separates them."""

    def one(self, item: Item) -> bytes:
        """Return one object."""
        ...

    def many(self, items: Sequence[Item], metadata: Object) -> Iterator[bytes]:
        """Make a list, in pieces of about `PIECE` bytes: a large one is never held as a whole.

        A piece may be empty: then nothing is to be sent yet, but others should have their turn.
        """
        ...

    def added(self, item: Item) -> bytes:
        """Return the event of an object that is there when a watch begins."""
        ...

    def event(self, told: Told) -> bytes:
        """Return one event of a watch."""
        ...

    def bookmark(self, revision: int, *, initial_events_end: bool = False) -> bytes:
        """Return a bookmark event."""
        ...

    def error(self, status: Object) -> bytes:
        """Return the event that says why a watch ends."""
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
    """An object looks the same alone and in a watch."""

    _key: object
    _header: str

    @property
    @abstractmethod
    def _list(self) -> bytes:
        """How a list begins."""

    @abstractmethod
    def one(self, item: Item) -> bytes:
        """Return the object."""

    def listed(self, item: Item) -> bytes:
        """Return the object as it stands in a list."""
        return self.one(item)

    def many(self, items: Sequence[Item], metadata: Object) -> Iterator[bytes]:
        about = orjson.dumps(self._about(metadata))
        start = b"".join((self._list, b'"metadata":', about, b',"items":['))
        return pieces(start, items, self.listed)

    def _about(self, metadata: Object) -> Object:
        """Return what a list says of itself."""
        return metadata

    def added(self, item: Item) -> bytes:
        return frame("ADDED", self.one(item))

    def event(self, told: Told) -> bytes:
        """Return the frame of an event, made by the first watcher that needs it."""
        key = (self._key, told.type)
        made = told.frames.get(key)
        if made is None:
            assert told.item is not None
            made = told.frames[key] = frame(told.type, self.one(told.item))
        return made

    def bookmark(self, revision: int, *, initial_events_end: bool = False) -> bytes:
        metadata = bookmark_metadata(revision, initial_events_end=initial_events_end)
        parts = (self._header.encode(), b'"metadata":', orjson.dumps(metadata), b"}")
        return frame("BOOKMARK", b"".join(parts))

    def error(self, status: Object) -> bytes:
        return frame("ERROR", orjson.dumps(status))


class Whole(_EachAlike):
    """Objects as they are stored, in the version of a row.

    Objects of types that are compiled into upstream's server stand in lists without their kind and
    version; custom ones with.
    """

    def __init__(self, row: Resource) -> None:
        self.row = row
        self._key = ("whole", row.group_version)
        self._compiled = row.custom is None
        self._header = header(row.kind, row.group_version)
        self._bytes = self._header.encode()

    @property
    def _list(self) -> bytes:
        return header(self.row.list_kind, self.row.group_version).encode()

    def _about(self, metadata: Object) -> Object:
        # Upstream's lists of untyped objects say it even when nothing follows.
        return metadata if self.row.custom is None else {"continue": "", **metadata}

    def one(self, item: Item) -> bytes:
        if item.head == self._header:
            return self._bytes + item.tail
        return orjson.dumps(rules.convert(item.decode(), self.row))

    def listed(self, item: Item) -> bytes:
        if not self._compiled:
            return self.one(item)
        if item.head == self._header:
            return b"{" + item.tail
        obj = rules.convert(item.decode(), self.row)
        del obj["kind"], obj["apiVersion"]
        return orjson.dumps(obj)


class MetadataOnly(_EachAlike):
    """PartialObjectMetadata: what generic controllers need of any kind."""

    def __init__(self, version: str) -> None:
        self._key = ("metadata", version)
        self._version = version
        self._header = header("PartialObjectMetadata", version)
        self._bytes = self._header.encode() + b'"metadata":'

    @property
    def _list(self) -> bytes:
        return header("PartialObjectMetadataList", self._version).encode()

    def one(self, item: Item) -> bytes:
        return b"".join((self._bytes, item.metadata, b"}"))

    def many(self, items: Sequence[Item], metadata: Object) -> Iterator[bytes]:
        made = super().many(items, metadata)
        # Upstream makes no list where there is nothing to put into it.
        return made if items else iter((next(made).removesuffix(b"[]}") + b"null}",))


def frame(kind: str, body: bytes) -> bytes:
    """Return an event of a watch, with its newline."""
    return b"".join((b'{"type":"', kind.encode(), b'","object":', body, b"}\n"))


def bookmark_metadata(revision: int, *, initial_events_end: bool) -> Object:
    """Return the metadata of a bookmark's object; there is nothing else in it."""
    metadata: Object = {"resourceVersion": str(revision)}
    if initial_events_end:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    return metadata
