"""Who wants to hear of which keys: used by the backends that live in this process."""

import bisect
from collections.abc import Sequence

from pinnace.store.base import Deliver, Event, Failed, StoreError


class Watcher:
    """One watch. While `backlog` is a list it is catching up, and live events wait there."""

    __slots__ = ("_registry", "backlog", "deliver", "failed", "prefix", "since")

    def __init__(
        self, registry: "Watchers", prefix: str, since: int, deliver: Deliver, failed: Failed
    ) -> None:
        self._registry = registry
        self.prefix = prefix
        self.since = since
        self.deliver = deliver
        self.failed = failed
        self.backlog: list[Event] | None = None

    def close(self) -> None:
        """End the watch; nothing is delivered afterwards."""
        self._registry.remove(self)

    @property
    def open(self) -> bool:
        """Whether events are still wanted."""
        return self in self._registry

    def offer(self, events: Sequence[Event]) -> None:
        """Deliver those of the events that this watch asked for, or keep them while catching up."""
        wanted = [
            event
            for event in events
            if event.entry.key.startswith(self.prefix) and event.entry.modified > self.since
        ]
        if not wanted:
            return
        if self.backlog is not None:
            self.backlog.extend(wanted)
            return
        self.deliver(wanted)

    def catch_up(self, events: Sequence[Event], upto: int) -> None:
        """Deliver the history up to a revision, then what arrived meanwhile, then go live."""
        waiting, self.backlog = self.backlog or [], None
        if events:
            self.deliver(events)
        late = [event for event in waiting if event.entry.modified > upto]
        if late and self.open:
            self.deliver(late)

    def fail(self, error: StoreError) -> None:
        """Tell the watcher why there is nothing more, and end."""
        if self.open:
            self.close()
            self.failed(error)


class Watchers:
    """All watches of a store."""

    def __init__(self) -> None:
        self._all: dict[Watcher, None] = {}

    def __contains__(self, watcher: Watcher) -> bool:
        return watcher in self._all

    def __len__(self) -> int:
        return len(self._all)

    def add(self, prefix: str, since: int, deliver: Deliver, failed: Failed) -> Watcher:
        """Start a watch."""
        watcher = Watcher(self, prefix, since, deliver, failed)
        self._all[watcher] = None
        return watcher

    def remove(self, watcher: Watcher) -> None:
        """End a watch."""
        self._all.pop(watcher, None)

    def publish(self, events: Sequence[Event]) -> None:
        """Hand committed events to all who asked for them."""
        if not events:
            return
        for watcher in tuple(self._all):
            if watcher in self._all:
                watcher.offer(events)

    def fail_all(self, error: StoreError) -> None:
        """End every watch."""
        for watcher in tuple(self._all):
            watcher.fail(error)


class SortedKeys:
    """Keys in order, for prefix ranges."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._keys = sorted(keys)

    def add(self, key: str) -> None:
        """Insert a key that is not there."""
        if self._keys and self._keys[-1] < key:
            self._keys.append(key)
        else:
            bisect.insort(self._keys, key)

    def discard(self, key: str) -> None:
        """Remove a key if it is there."""
        at = bisect.bisect_left(self._keys, key)
        if at < len(self._keys) and self._keys[at] == key:
            del self._keys[at]

    def under(self, prefix: str, after: str = "") -> list[str]:
        """Return the keys that start with the prefix and sort after `after`."""
        start = bisect.bisect_left(self._keys, prefix)
        if after:
            start = max(start, bisect.bisect_right(self._keys, after))
        # The highest code point sorts after everything that continues the prefix.
        end = bisect.bisect_left(self._keys, prefix + "\U0010ffff") if prefix else len(self._keys)
        return self._keys[start:end]
