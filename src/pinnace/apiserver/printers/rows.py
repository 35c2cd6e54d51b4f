"""Rows of a Table as JSON: what does not age of an object is made once and kept with it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from pinnace.api.objects import Object, parse_time
from pinnace.api.resources import Resource
from pinnace.apiserver import rules
from pinnace.apiserver.printers.base import AGE, age, human_duration
from pinnace.apiserver.printers.table import printer_for
from pinnace.store.watchcache.item import Item

# A cell that is the same now and then does not depend on the time at all.
_LATER = timedelta(days=36525)


@dataclass(frozen=True, slots=True)
class _Steady:
    """A row around its age; without a creation time it has none."""

    row: Resource
    before: bytes
    after: bytes
    created: datetime | None


class Rows:
    """Makes rows with metadata, all at one time."""

    def __init__(self, row: Resource, *, version: str, now: datetime) -> None:
        self._row = row
        self._now = now
        self._printer = printer_for(row)
        columns = self._printer.columns
        self._age = columns.index(AGE) if AGE in columns else len(columns)
        self._object = (
            b'"object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/%b","metadata":'
            % version.encode()
        )

    def one(self, item: Item) -> bytes:
        """Return the row of an item."""
        kept = item.kept
        if not isinstance(kept, _Steady) or kept.row is not self._row:
            kept = self._made(item)
        cells = kept.before
        if kept.created is not None:
            text = human_duration((self._now - kept.created).total_seconds())
            cells += b'"%b"' % text.encode()
        return b"".join((cells, kept.after, self._object, item.metadata, b"}}"))

    def _made(self, item: Item) -> _Steady:
        """Work a row out, and keep it with the item unless more than its age depends on time."""
        obj = rules.convert(item.decode(), self._row)
        cells = self._printer.cells(obj, self._now)
        later = self._printer.cells(obj, self._now + _LATER)
        at = self._age
        others = cells[:at] + cells[at + 1 :] == later[:at] + later[at + 1 :]
        created = _created(obj) if others and at < len(cells) else None
        if created is not None and cells[at] != age(obj, self._now):
            created = None
        before, after = orjson.dumps(cells), b""
        if created is not None:
            before, after = orjson.dumps(cells[:at])[:-1], orjson.dumps(cells[at + 1 :])[1:]
            before += b"," if at else b""
            after = b"," + after if at + 1 < len(cells) else after
        conditions = self._printer.conditions(obj)
        after += b',"conditions":' + orjson.dumps(conditions) + b"," if conditions else b","
        made = _Steady(self._row, b'{"cells":' + before, after, created)
        if created is not None or cells == later:
            item.kept = made
        return made


def _created(obj: Object) -> datetime | None:
    try:
        return parse_time(obj["metadata"]["creationTimestamp"])
    except (KeyError, TypeError, ValueError):
        return None
