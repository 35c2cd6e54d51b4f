"""The forms in which objects leave the server as protobuf: what compiled clients ask for first.

A message is made of an object when somebody first wants it, and kept with the object until that
changes; the answers to GET, LIST and WATCH are envelopes around the same bytes.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import orjson

from pinnace.api.codec import protobuf
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver import rules
from pinnace.apiserver.representations import PIECE, bookmark_metadata, header
from pinnace.store.watchcache.changes import Told
from pinnace.store.watchcache.item import Item

_METADATA, _LIST_METADATA = "meta.v1.ObjectMeta", "meta.v1.ListMeta"
_PARTIAL = "PartialObjectMetadata"
# So many objects are encoded before others have their turn: two or three milliseconds.
_TURN = 50


class _Messages(ABC):
    """An object is the same message alone, in a list and in a watch."""

    def __init__(self, version: str, kind: str, list_kind: str) -> None:
        self._version = version
        self._kind = kind
        self._list_kind = list_kind

    @abstractmethod
    def message(self, item: Item) -> bytes:
        """Return the object as a bare message."""

    def one(self, item: Item) -> bytes:
        return protobuf.enclosed(self._version, self._kind, self.message(item))

    def many(self, items: Sequence[Item], metadata: Object) -> Iterator[bytes]:
        """Make a list. All messages are made before the first is sent: it begins with its size."""
        list_message = protobuf.message_of(self._version, self._list_kind)
        metadata_number, items_number = protobuf.list_fields(list_message)
        about = protobuf.encode_message(_LIST_METADATA, metadata)
        parts = [protobuf.field_start(metadata_number, len(about)), about]
        for at, item in enumerate(items, 1):
            message = self.message(item)
            parts += (protobuf.field_start(items_number, len(message)), message)
            if at % _TURN == 0:
                yield b""
        size = sum(map(len, parts))
        parts.append(protobuf.ENVELOPE_END)
        yield from _joined(protobuf.envelope(self._version, self._list_kind, size), parts)

    def added(self, item: Item) -> bytes:
        return _frame("ADDED", self.one(item))

    def event(self, told: Told) -> bytes:
        # The frame is not kept for the other watchers, as one of JSON is: the object has kept the
        # message, which is most of it.
        assert told.item is not None
        return _frame(told.type, self.one(told.item))

    def bookmark(self, revision: int, *, initial_events_end: bool = False) -> bytes:
        metadata = bookmark_metadata(revision, initial_events_end=initial_events_end)
        obj = {"kind": self._kind, "apiVersion": self._version, "metadata": metadata}
        return _frame("BOOKMARK", protobuf.encode(obj))

    def error(self, status: Object) -> bytes:
        return _frame("ERROR", protobuf.encode(status))


class WholeMessages(_Messages):
    """Objects in the version of a row that has a message."""

    def __init__(self, row: Resource) -> None:
        super().__init__(row.group_version, row.kind, row.list_kind)
        self._row = row
        self._header = header(row.kind, row.group_version)
        self._message = protobuf.message_of(row.group_version, row.kind)

    def message(self, item: Item) -> bytes:
        if item.head != self._header:
            obj = rules.convert(item.decode(), self._row)
            return protobuf.encode_message(self._message, obj)
        if item.message is None:
            item.message = protobuf.encode_message(self._message, item.decode())
        return item.message


class MetadataMessages(_Messages):
    """PartialObjectMetadata, of any kind: a message with the first field of the object's own."""

    def __init__(self, version: str) -> None:
        super().__init__(version, _PARTIAL, f"{_PARTIAL}List")

    def message(self, item: Item) -> bytes:
        if item.message is not None:
            return item.message[: protobuf.first_field_end(item.message)]
        raw = protobuf.encode_message(_METADATA, orjson.loads(item.metadata))
        return protobuf.field_start(1, len(raw)) + raw


def _frame(kind: str, body: bytes) -> bytes:
    """Return an event of a watch behind its length."""
    event = protobuf.watch_event(kind, body)
    return len(event).to_bytes(4, "big") + event


def _joined(start: bytes, parts: Sequence[bytes]) -> Iterator[bytes]:
    held, size = [start], 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size > PIECE:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)
