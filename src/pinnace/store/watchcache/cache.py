"""The current objects of one resource in key order, and what happened to them lately."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence

from pinnace.kit.clock import Clock
from pinnace.store.base import Compacted, Entry, Event, Store, StoreError, Watch
from pinnace.store.watchcache.changes import Change, Ring, Select, Watcher
from pinnace.store.watchcache.foreign import readable
from pinnace.store.watchcache.item import Item, PickFields

# Watches resume from memory for this long and this many changes; before that the store's own
# history answers, until it is compacted.
RING_SECONDS = 300.0
RING_COUNT = 10_000


Refine = Callable[[bytes], bytes]


class WatchCache:
    """One resource. Everything is synchronous; `Caches` feeds it.

    `refine` makes of stored bytes what is read, for kinds whose schema may have changed since.

    `listeners` are told of every change before any watcher; they must not block.
    """

    def __init__(
        self,
        prefix: str,
        *,
        namespaced: bool,
        pick: PickFields,
        clock: Clock,
        revision: int,
        refine: Refine | None = None,
    ) -> None:
        self.prefix = prefix + "/"
        self.namespaced = namespaced
        self.pick = pick
        # Since this revision it is as it is; what was deleted before it was loaded left no trace.
        self.changed = revision
        # When it was loaded: what is older was written nobody knows when.
        self.since = clock.monotonic()
        # For the metrics: how many events came, and the size of what is here.
        self.received = 0
        self.bytes = 0
        self._refine = refine
        self._clock = clock
        self._items: dict[str, Item] = {}
        self._keys: list[str] = []
        self._watchers: dict[Watcher, None] = {}
        self._narrow: dict[str, dict[str, dict[Watcher, None]]] = {}
        self.listeners: list[Callable[[Change], None]] = []
        self._ring = Ring(revision, count=RING_COUNT, seconds=RING_SECONDS)

    def key(self, namespace: str, name: str) -> str:
        """Return the storage key of an object."""
        return f"{self.prefix}{namespace}/{name}" if self.namespaced else self.prefix + name

    def item(self, entry: Entry) -> Item | None:
        """Return the item of a stored entry; None if nobody can read it."""
        value = readable(entry.key, entry.value)
        if value is None:
            return None
        namespace, _, name = entry.key.removeprefix(self.prefix).rpartition("/")
        item = Item(
            entry.key,
            namespace=namespace,
            name=name,
            value=self._refine(value) if self._refine is not None else value,
            revision=entry.modified,
        )
        item.since = self._clock.monotonic()
        return item

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, namespace: str, name: str) -> Item | None:
        """Return the current item, or None."""
        return self._items.get(self.key(namespace, name))

    def items(self, namespace: str = "", *, after: str = "", limit: int = 0) -> list[Item]:
        """Return the items of a namespace, or all, in key order, behind the key `after`."""
        items, keys = self._items, self._keys
        low, high = self._between(namespace, after)
        if limit:
            high = min(high, low + limit)
        return [items[key] for key in keys[low:high]]

    def count(self, namespace: str = "", *, after: str = "") -> int:
        """Return how many items `items` would return."""
        low, high = self._between(namespace, after)
        return high - low

    def _between(self, namespace: str, after: str) -> tuple[int, int]:
        """Return where the keys of a namespace behind the key `after` begin and end."""
        keys = self._keys
        scope = f"{self.prefix}{namespace}/" if namespace else self.prefix
        low = bisect_right(keys, after) if after > scope else bisect_left(keys, scope)
        # "0" is the character behind "/".
        high = bisect_left(keys, scope[:-1] + "0") if namespace else len(keys)
        return low, max(low, high)

    def items_of(self, entries: Sequence[Entry]) -> list[Item]:
        """Return the items of stored entries, without those that nobody can read."""
        found = [self.item(entry) for entry in entries]
        return [item for item in found if item is not None]

    def fill(self, entries: Sequence[Entry]) -> None:
        """Take in the first range, which is in key order."""
        for item in self.items_of(entries):
            self._items[item.key] = item
            item.since = self.since
            self.bytes += len(item.tail)
        self._keys = list(self._items)

    def apply(self, event: Event) -> None:
        """Take in one change and tell the watchers."""
        change = self.change(event, self._items.get(event.entry.key))
        if change is None:
            return
        self.received += 1
        key = event.entry.key
        if change.previous is not None:
            self.bytes -= len(change.previous.tail)
        if change.type == "DELETED":
            del self._items[key]
            del self._keys[bisect_left(self._keys, key)]
        else:
            if change.type == "ADDED":
                insort(self._keys, key)
            self._items[key] = change.item
            self.bytes += len(change.item.tail)
        self.changed = change.item.revision
        self._ring.add(change)
        for listener in self.listeners:
            listener(change)
        for watcher in tuple(self._watchers):
            watcher.offer(change)
        for field, by_value in self._narrow.items():
            for value in self._values(change, field):
                for watcher in tuple(by_value.get(value, ())):
                    watcher.offer(change)

    def change(self, event: Event, previous: Item | None) -> Change | None:
        """Return what an event means, given the item that was there; None for nothing."""
        at = self._clock.monotonic()
        revision = event.entry.modified
        if event.type == "DELETE":
            if previous is None:
                return None
            return Change("DELETED", previous.at(revision), previous, at)
        item = self.item(event.entry)
        if item is None:
            return None
        return Change("ADDED" if previous is None else "MODIFIED", item, previous, at)

    def watch(self, watcher: Watcher, *, since: int | None) -> None:
        """Add a watcher, telling it first what happened after `since`; raises Compacted."""
        if since is not None:
            if since < self._ring.floor:
                raise Compacted(self._ring.floor)
            watcher.replay(self._ring.since(since))
        self._group(watcher)[watcher] = None

    def end(self) -> None:
        """End every watch: their clients list anew."""
        for watcher in self._all_watchers():
            watcher.end()

    def _all_watchers(self) -> list[Watcher]:
        narrow = [w for values in self._narrow.values() for group in values.values() for w in group]
        return [*self._watchers, *narrow]

    def unwatch(self, watcher: Watcher) -> None:
        """Forget a watcher."""
        self._group(watcher).pop(watcher, None)
        if watcher.only is not None and not self._group(watcher):
            field, value = watcher.only
            del self._narrow[field][value]
            if not self._narrow[field]:
                del self._narrow[field]

    @property
    def watching(self) -> int:
        """How many watch now."""
        return len(self._all_watchers())

    def _group(self, watcher: Watcher) -> dict[Watcher, None]:
        if watcher.only is None:
            return self._watchers
        field, value = watcher.only
        return self._narrow.setdefault(field, {}).setdefault(value, {})

    def _values(self, change: Change, field: str) -> set[str]:
        """Return what a field is and was in a changed object."""
        items = (change.item, change.previous)
        return {item.fields(self.pick).get(field, "") for item in items if item is not None}

    def watch_history(self, store: Store, watcher: Watcher, *, since: int) -> Watch:
        """Feed a watcher from the store's own history, for a start older than the ring.

        At the first event that the ring has as well, the watcher joins those who watch from memory.
        """
        return _History(self, store, watcher, since)

    def joins(self, watcher: Watcher, *, before: int) -> bool:
        """Let a watcher go on from memory with a change, if all since then are in the ring."""
        if before - 1 < self._ring.floor:
            return False
        self.watch(watcher, since=before - 1)
        return True

    def select(self, namespace: str, select: Select | None, after: str = "") -> list[Item]:
        """Return the items of a namespace that are selected, in key order."""
        items = self.items(namespace, after=after)
        return items if select is None else [item for item in items if select(item)]


class _History:
    """One watcher that is fed from the store's history."""

    def __init__(self, cache: WatchCache, store: Store, watcher: Watcher, since: int) -> None:
        self._cache = cache
        self._watcher = watcher
        self._joined = False
        self._watch: Watch | None = None
        self._watch = store.watch(
            cache.prefix, since=since, deliver=self._deliver, failed=self._failed
        )
        if self._joined:  # a store may deliver at once
            self.close()

    def close(self) -> None:
        """End the watch."""
        if self._watch is not None:
            self._watch.close()

    def _deliver(self, events: Sequence[Event]) -> None:
        cache, watcher = self._cache, self._watcher
        for event in events:
            if self._joined:
                return
            if cache.joins(watcher, before=event.entry.modified):
                self._joined = True
                self.close()
                return
            previous = cache.item(event.previous) if event.previous else None
            change = cache.change(event, previous)
            if change is not None:
                watcher.offer(change)

    def _failed(self, error: StoreError) -> None:
        self._watcher.expired = isinstance(error, Compacted)
        self._watcher.end()
