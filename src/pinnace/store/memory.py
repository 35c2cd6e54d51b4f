"""The store in memory: for tests and for clusters that live inside a process."""

from collections.abc import Sequence

from pinnace.store.base import (
    Compacted,
    Compare,
    CompareFailed,
    Deliver,
    Entry,
    Event,
    Failed,
    Page,
    StoreError,
    StoreUnavailable,
    check_size,
)
from pinnace.store.watchers import SortedKeys, Watcher, Watchers


class MemoryStore:
    """A revisioned map; nothing is durable, everything else is the contract's."""

    shared = False

    def __init__(self) -> None:
        self._revision = 1
        self._compacted = 0
        self._current: dict[str, Entry] = {}
        self._keys = SortedKeys()
        # Every version of a key that is not compacted, oldest first; deletions have no value.
        self._versions: dict[str, list[Entry]] = {}
        self._all_keys = SortedKeys()
        self._log: list[Event] = []
        self._watchers = Watchers()
        self._closed = False

    async def get(self, key: str) -> Entry | None:
        return self._current.get(key)

    async def range(
        self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0
    ) -> Page:
        if revision == 0 or revision == self._revision:
            found = [self._current[key] for key in self._keys.under(prefix, after)]
            return _page(found, limit, self._revision)
        self._check_revision(revision)
        found = []
        for key in self._all_keys.under(prefix, after):
            entry = _version_at(self._versions[key], revision)
            if entry is not None:
                found.append(entry)
        return _page(found, limit, revision)

    def _check_revision(self, revision: int) -> None:
        if revision > self._revision:
            raise StoreError(f"revision {revision} is in the future")
        if revision < self._compacted:
            raise Compacted(self._compacted)

    async def commit(
        self,
        *,
        compares: Sequence[Compare] = (),
        puts: Sequence[tuple[str, bytes]] = (),
        deletes: Sequence[str] = (),
        durable: bool = True,
        ttl: int = 0,
    ) -> int:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        check_size(compares, puts, deletes)
        for compare in compares:
            current = self._current.get(compare.key)
            if (current.modified if current else 0) != compare.modified:
                raise CompareFailed(compare.key, current)
        gone = [key for key in deletes if key in self._current]
        if not puts and not gone:
            return self._revision
        revision = self._revision = self._revision + 1
        events = [self._put(key, value, revision) for key, value in puts]
        events += [self._delete(key, revision) for key in gone]
        self._log.extend(events)
        self._watchers.publish(events)
        return revision

    def _put(self, key: str, value: bytes, revision: int) -> Event:
        previous = self._current.get(key)
        entry = Entry(key, value, previous.created if previous else revision, revision)
        if previous is None:
            self._keys.add(key)
        self._current[key] = entry
        self._remember(key, entry)
        return Event("PUT", entry, previous)

    def _delete(self, key: str, revision: int) -> Event:
        previous = self._current.pop(key)
        self._keys.discard(key)
        entry = Entry(key, b"", 0, revision)
        self._remember(key, entry)
        return Event("DELETE", entry, previous)

    def _remember(self, key: str, entry: Entry) -> None:
        versions = self._versions.get(key)
        if versions is None:
            self._versions[key] = [entry]
            self._all_keys.add(key)
        else:
            versions.append(entry)

    def watch(self, prefix: str, *, since: int, deliver: Deliver, failed: Failed) -> Watcher:
        watcher = self._watchers.add(prefix, since, deliver, failed)
        if since < self._compacted:
            watcher.fail(Compacted(self._compacted))
            return watcher
        past = [event for event in self._log if event.entry.modified > since]
        watcher.offer(past)
        return watcher

    async def compact(self, revision: int) -> None:
        self._check_revision(revision)
        self._compacted = revision
        touched = {event.entry.key for event in self._log}
        self._log = [event for event in self._log if event.entry.modified > revision]
        for key in touched:
            kept = _without_superseded(self._versions[key], revision)
            if kept:
                self._versions[key] = kept
            else:
                del self._versions[key]
                self._all_keys.discard(key)

    async def revision(self) -> int:
        return self._revision

    async def size(self) -> int:
        versions = self._versions.values()
        return sum(len(entry.value) for kept in versions for entry in kept)

    async def close(self) -> None:
        self._closed = True
        self._watchers.fail_all(StoreUnavailable("the store is closed"))


def _is_deletion(entry: Entry) -> bool:
    return entry.created == 0


def _version_at(versions: Sequence[Entry], revision: int) -> Entry | None:
    for entry in reversed(versions):
        if entry.modified <= revision:
            return None if _is_deletion(entry) else entry
    return None


def _without_superseded(versions: list[Entry], revision: int) -> list[Entry]:
    """Return what reads at `revision` and later can still see."""
    seen = 0
    for at, entry in enumerate(versions):
        if entry.modified <= revision:
            seen = at
    kept = versions[seen:]
    if kept and kept[0].modified <= revision and _is_deletion(kept[0]):
        kept = kept[1:]
    return kept


def _page(found: Sequence[Entry], limit: int, revision: int) -> Page:
    if limit and len(found) > limit:
        return Page(found[:limit], revision, more=True, remaining=len(found) - limit)
    return Page(found, revision)
