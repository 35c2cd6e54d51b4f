"""The current objects of one resource in key order, and what happened to them lately."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Sequence

from pinnace.kit.clock import Clock
from pinnace.store.base import Compacted, Deliver, Entry, Event, Store, StoreError, Watch
from pinnace.store.watchcache.changes import Change, ChangeType, Ring, Select, Watcher
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
        self.changed = 0
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

    def item(self, entry: Entry, revision: int = 0) -> Item:
        """Return the item of a stored entry, at its own revision or another."""
        namespace, _, name = entry.key.removeprefix(self.prefix).rpartition("/")
        item = Item(
            entry.key,
            namespace=namespace,
            name=name,
            value=self._refine(entry.value) if self._refine is not None else entry.value,
            revision=revision or entry.modified,
        )
        item.since = self._clock.monotonic()
        return item

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, namespace: str, name: str) -> Item | None:
        """Return the current item, or None."""
        return self._items.get(self.key(namespace, name))

    def items(self, namespace: str = "", *, after: str = "") -> list[Item]:
        """Return the items of a namespace, or all, in key order, behind the key `after`."""
        items, keys = self._items, self._keys
        scope = f"{self.prefix}{namespace}/" if namespace else self.prefix
        low = bisect_right(keys, after) if after > scope else bisect_left(keys, scope)
        # "0" is the character behind "/".
        high = bisect_left(keys, scope[:-1] + "0") if namespace else len(keys)
        return [items[key] for key in keys[low:high]]

    def fill(self, entries: Sequence[Entry]) -> None:
        """Take in the first range, which is in key order."""
        for entry in entries:
            self._items[entry.key] = self.item(entry)
            self.changed = max(self.changed, entry.modified)
        self._keys = list(self._items)

    def apply(self, event: Event) -> None:
        """Take in one change and tell the watchers."""
        change = self.change(event, self._items.get(event.entry.key))
        if change is None:
            return
        key = event.entry.key
        if change.type == "DELETED":
            del self._items[key]
            del self._keys[bisect_left(self._keys, key)]
        else:
            if change.type == "ADDED":
                insort(self._keys, key)
            self._items[key] = change.item
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
        kind: ChangeType = "ADDED" if previous is None else "MODIFIED"
        return Change(kind, self.item(event.entry), previous, at)

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
        """Feed a watcher from the store's own history, for a start older than the ring."""

        def deliver(events: Sequence[Event]) -> None:
            for event in events:
                entry = event.previous
                change = self.change(event, self.item(entry) if entry else None)
                if change is not None:
                    watcher.offer(change)

        def failed(error: StoreError) -> None:
            watcher.expired = isinstance(error, Compacted)
            watcher.end()

        feed: Deliver = deliver
        return store.watch(self.prefix, since=since, deliver=feed, failed=failed)

    def select(self, namespace: str, select: Select | None, after: str = "") -> list[Item]:
        """Return the items of a namespace that are selected, in key order."""
        items = self.items(namespace, after=after)
        return items if select is None else [item for item in items if select(item)]
