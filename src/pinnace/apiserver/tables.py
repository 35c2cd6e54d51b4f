"""The Table form: what `kubectl get` prints."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import orjson

from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver import rules
from pinnace.apiserver.printers.rows import Rows
from pinnace.apiserver.printers.table import printer_for, table
from pinnace.apiserver.representations import bookmark_metadata, frame, header, pieces
from pinnace.store.watchcache.changes import Told
from pinnace.store.watchcache.item import Item


class Tables:
    """Objects as rows. Frames of a watch are not shared: ages differ, and the first has headers."""

    def __init__(
        self, row: Resource, *, version: str, include: str, now: Callable[[], datetime]
    ) -> None:
        self._row = row
        self._version = version
        self._include = include
        self._now = now
        self._headers = True

    def one(self, item: Item) -> bytes:
        return self._table([item], {"resourceVersion": str(item.revision)})

    def many(self, items: Sequence[Item], metadata: Object) -> Iterator[bytes]:
        """Make a table: rows that are in order, and hold no more than metadata, piece by piece."""
        plain = header(self._row.kind, self._row.group_version)
        if (
            printer_for(self._row).order is not None
            or self._include not in ("", "Metadata")
            or any(item.head != plain for item in items)
        ):
            return iter((self._table(items, metadata),))
        rows = Rows(self._row, version=self._version, now=self._now())
        return pieces(self._table((), metadata)[: -len("]}")], items, rows.one)

    def added(self, item: Item) -> bytes:
        return frame("ADDED", self._next(item))

    def event(self, told: Told) -> bytes:
        assert told.item is not None
        return frame(told.type, self._next(told.item))

    def error(self, status: Object) -> bytes:
        return frame("ERROR", orjson.dumps(status))

    def _next(self, item: Item) -> bytes:
        """Return one table of a watch: only the first of them has headers."""
        body = self._table([item], {"resourceVersion": str(item.revision)}, headers=self._headers)
        self._headers = False
        return body

    def bookmark(self, revision: int, *, initial_events_end: bool = False) -> bytes:
        held: Object = {
            "kind": self._row.kind,
            "apiVersion": self._row.group_version,
            "metadata": bookmark_metadata(revision, initial_events_end=initial_events_end),
        }
        answer = table(
            self._row,
            [held],
            now=self._now(),
            include_object="Object" if self._include == "Object" else "Metadata",
            list_metadata={"resourceVersion": str(revision)},
            headers=self._headers,
            version=self._version,
        )
        self._headers = False
        return frame("BOOKMARK", orjson.dumps(answer))

    def _table(self, items: Sequence[Item], metadata: Object, *, headers: bool = True) -> bytes:
        row = self._row
        objects = (rules.convert(item.decode(), row) for item in items)
        return orjson.dumps(
            table(
                row,
                objects,
                now=self._now(),
                include_object=self._include,
                list_metadata=metadata,
                headers=headers,
                version=self._version,
            )
        )
