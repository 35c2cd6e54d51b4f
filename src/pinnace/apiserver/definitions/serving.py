"""Which custom resources are served: the rows that definitions add, kept up to date.

A definition is served from the moment its names are accepted. When its spec changes, the cache of
its objects is dropped and their watches end, as upstream's do: what is read afterwards is read
with the new schema.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

import orjson

from pinnace.api.custom.definitions import (
    ESTABLISHED,
    NAMES_ACCEPTED,
    TERMINATING,
    is_true,
    rows_of,
)
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.routes import Rows
from pinnace.store.watchcache.caches import Caches


@dataclass(frozen=True, slots=True)
class _Served:
    """What is served of one definition, and what of it that was made from."""

    spec: bytes
    flags: tuple[bool, bool]
    rows: tuple[Resource, ...]


class Serving:
    """Keeps rows and caches in step with definitions; `changed` is called after every change."""

    def __init__(self, rows: Rows, caches: Caches, changed: Callable[[], None]) -> None:
        self._rows = rows
        self._caches = caches
        self._changed = changed
        self._served: dict[str, _Served] = {}
        self._own = frozenset((row.group, row.plural) for row in rows)

    def rows(self, name: str) -> tuple[Resource, ...]:
        """Return the rows of a definition, those of versions that are not served included."""
        found = self._served.get(name)
        return found.rows if found is not None else ()

    def take(self, crd: Object) -> None:
        """Serve a definition as it is now."""
        name, spec = crd["metadata"]["name"], crd["spec"]
        if (spec["group"], spec["names"]["plural"]) in self._own:
            return
        established = is_true(crd, ESTABLISHED)
        if not established and not is_true(crd, NAMES_ACCEPTED):
            self.drop(name)
            return
        accepted = (crd.get("status") or {}).get("acceptedNames")
        shape = blake2b(orjson.dumps((spec, accepted), option=orjson.OPT_SORT_KEYS)).digest()
        flags = (established, is_true(crd, TERMINATING))
        had = self._served.get(name)
        if had is not None and (had.spec, had.flags) == (shape, flags):
            return
        rows = tuple(rows_of(crd)) if had is None or had.spec != shape else had.rows
        if had is not None and rows is not had.rows:
            self._forget(had.rows)
        for row in rows:
            assert row.custom is not None
            row.custom.established, row.custom.terminating = flags
            self._rows.add(row, served=row.custom.served)
        self._served[name] = _Served(shape, flags, rows)
        self._changed()

    def drop(self, name: str) -> None:
        """Serve a definition no more."""
        had = self._served.pop(name, None)
        if had is not None:
            self._forget(had.rows)
            self._changed()

    def _forget(self, rows: tuple[Resource, ...]) -> None:
        for row in rows:
            self._rows.remove(row)
        if rows:
            self._caches.drop(rows[0].prefix)
