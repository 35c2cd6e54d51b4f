"""One stored object at one revision, as the bytes that GET, LIST and WATCH hand out.

A stored value is canonical JSON without a resourceVersion:

    {"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","uid":"1-2","labels":{}},"spec":{}}

The item keeps what comes before `"metadata":` (the head, shared by all objects of a kind) apart
from the rest (the tail), and puts the revision behind the uid, once:

    "metadata":{"name":"a","uid":"1-2","resourceVersion":"17","labels":{}},"spec":{}}

An answer in the stored version is then a head and a tail. A name cannot smuggle in a uid of its
own, since its quotes are escaped.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import orjson

from pinnace.api.codec.canonical import split
from pinnace.api.objects import Object

PickFields = Callable[[Object], Mapping[str, str]]


_METADATA = b'"metadata":'
_UID = b'"uid":"'


class _Labels(msgspec.Struct):
    labels: dict[str, str] | None = None


class _Labelled(msgspec.Struct):
    metadata: _Labels


class _RawMetadata(msgspec.Struct):
    metadata: msgspec.Raw


_metadata = msgspec.json.Decoder(_RawMetadata)
_labels = msgspec.json.Decoder(_Labelled)


class Item:
    """One object at one revision; what must be looked up inside is decoded when first asked for."""

    __slots__ = (
        "_fields",
        "_labels",
        "_metadata_end",
        "_obj",
        "head",
        "kept",
        "key",
        "message",
        "name",
        "namespace",
        "revision",
        "since",
        "tail",
        "views",
    )

    def __init__(self, key: str, *, namespace: str, name: str, value: bytes, revision: int) -> None:
        self.key = key
        self.namespace = namespace
        self.name = name
        self.revision = revision
        self.since = 0.0
        head, self.tail = split(value, revision)
        # One copy of each head for all items; interning works on text only.
        self.head = sys.intern(head.decode())
        self._labels: Mapping[str, str] | None = None
        self._fields: Mapping[str, str] | None = None
        self._metadata_end = 0
        self._obj: Object | None = None
        # Whatever the form of an answer wants to find again with this object, and the object as a
        # protobuf message in its stored version: made by whoever first needs them.
        self.kept: Any = None
        self.message: bytes | None = None
        # The same object in other versions, where making that takes more than a moment.
        self.views: dict[str, Item] | None = None

    @property
    def metadata(self) -> bytes:
        """The object's metadata as JSON."""
        start = len(_METADATA)
        if not self._metadata_end:
            self._metadata_end = start + len(bytes(_metadata.decode(b"{" + self.tail).metadata))
        return self.tail[start : self._metadata_end]

    @property
    def uid(self) -> str:
        """The object's uid."""
        start = self.tail.index(_UID) + len(_UID)
        return self.tail[start : self.tail.index(b'"', start)].decode()

    @property
    def labels(self) -> Mapping[str, str]:
        """The object's labels."""
        if self._labels is None:
            self._labels = _labels.decode(b"{" + self.tail).metadata.labels or {}
        return self._labels

    def fields(self, pick: PickFields) -> Mapping[str, str]:
        """Return what field selectors look at, as `pick` finds it; there is one per resource."""
        if self._fields is None:
            self._fields = pick(self.decode())
        return self._fields

    def body(self) -> bytes:
        """Return the whole object as JSON in its stored version."""
        return self.head.encode() + self.tail

    def decode(self) -> Object:
        """Return a decoded copy of the object that is the caller's own."""
        obj: Object = orjson.loads(self.body())
        return obj

    def shared(self) -> Object:
        """Return the decoded object, kept for the next who asks: never change it."""
        if self._obj is None:
            self._obj = self.decode()
        return self._obj

    def forget(self) -> None:
        """Let go of the decoded object."""
        self._obj = None

    def at(self, revision: int) -> "Item":
        """Return the same object with another revision, as a DELETED event tells of it."""
        copy: Any = Item.__new__(Item)
        copy.key, copy.namespace, copy.name = self.key, self.namespace, self.name
        copy.revision, copy.head, copy.since = revision, self.head, self.since
        copy.tail = self.tail.replace(
            b'"resourceVersion":"%d"' % self.revision, b'"resourceVersion":"%d"' % revision, 1
        )
        copy._labels, copy._fields, copy._obj = self._labels, self._fields, None
        copy._metadata_end, copy.kept, copy.message, copy.views = 0, None, None, None
        if self.views is not None:
            copy.views = {version: view.at(revision) for version, view in self.views.items()}
        other: Item = copy
        return other
