"""What happened lately to one resource, for watches that resume, and those who watch now."""

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from pinnace.store.watchcache.item import Item

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]
Select = Callable[[Item], bool]
# Frames by representation and type, shared by all watchers of one change.
Frames = dict[tuple[object, str], bytes]


@dataclass(slots=True)
class Change:
    """One change of one object. For DELETED, `item` is the last state at the deletion's revision.

    A representation keeps its encoding in `frames`, so that each is made once for all watchers.
    What they are told of it is made once, too: an event may go to thousands.
    """

    type: ChangeType
    item: Item
    previous: Item | None
    at: float
    frames: Frames = field(default_factory=dict)
    _told: "dict[str, Told]" = field(default_factory=dict)

    def seen_by(self, select: Select | None) -> "Told | None":
        """Return what a watcher with this selection is told: leaving it is a DELETED to him."""
        if select is None:
            return self._told.get(self.type) or self._tell(self.type, self.item)
        was = self.previous is not None and select(self.previous)
        if self.type != "DELETED" and select(self.item):
            kind: ChangeType = "MODIFIED" if was else "ADDED"
            return self._told.get(kind) or self._tell(kind, self.item)
        if not was or self.previous is None:
            return None
        return self._told.get("DELETED") or self._tell(
            "DELETED", self.previous.at(self.item.revision)
        )

    def _tell(self, type: ChangeType, item: Item) -> "Told":
        told = self._told[type] = Told(type, item, self.item.revision, self.frames, self.previous)
        return told


@dataclass(frozen=True, slots=True)
class Told:
    """One event, as watchers are told of it."""

    type: ChangeType | Literal["BOOKMARK"]
    item: Item | None
    revision: int
    frames: Frames
    previous: Item | None = None


class Watcher:
    """One watch: a bounded queue between the cache and whoever writes the frames out.

    `overrun` says that the reader was too slow and is cut off: its client lists or resumes again,
    and nobody else waits for it. `expired` says that the history it reads is compacted.
    `only` is a field and the one value that `select` lets pass, if there is such a field: changes
    of other objects need not be offered at all (5,000 kubelets each watch the Pods of their node).
    Changes up to the revision `after` are not told, should that be in the future.
    """

    def __init__(
        self,
        *,
        namespace: str,
        select: Select | None,
        limit: int = 1000,
        only: tuple[str, str] | None = None,
        after: int = 0,
    ) -> None:
        self.namespace = namespace
        self._after = after
        self.only = only
        self.revision = 0
        self.overrun = False
        self.expired = False
        self._select = select
        self._limit = limit
        self._queue: deque[Told] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._straight: Callable[[Told], bool] | None = None
        self.ended = False

    def offer(self, change: Change) -> None:
        """Queue the change if this watcher is to see it."""
        self.revision = change.item.revision
        if self.revision <= self._after:
            return
        if self.namespace and change.item.namespace != self.namespace:
            return
        told = change.seen_by(self._select)
        if told is not None:
            self._put(told)

    def replay(self, changes: Iterable[Change]) -> None:
        """Queue what happened before the watch began: as much as that may be."""
        limit, self._limit = self._limit, sys.maxsize
        for change in changes:
            self.offer(change)
        self._limit = limit + len(self._queue)

    def allow(self, more: int) -> None:
        """Let so many more wait than usual, for who has to read a long list first."""
        self._limit += more

    def bookmark(self, revision: int) -> None:
        """Queue a bookmark."""
        self._put(Told("BOOKMARK", None, revision, {}))

    def end(self) -> None:
        """Let the reader finish what is queued, and then stop."""
        self.ended = True
        self._wake()

    def serve(self, straight: Callable[[Told], bool]) -> None:
        """Hand what is new to this function while the reader waits; it returns False to decline."""
        self._straight = straight

    def _put(self, told: Told) -> None:
        if self.ended:
            return
        waiting = self._waiting
        # While the reader waits all that was queued has been written, so this one is next.
        idle = waiting is not None and not waiting.done()
        if idle and self._straight is not None and self._straight(told):
            return
        if len(self._queue) >= self._limit:
            self.overrun = True
            self.end()
            return
        self._queue.append(told)
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def next(self) -> list[Told]:
        """Return all that is queued, waiting for at least one; empty when the watch has ended."""
        while not self._queue and not self.ended:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        batch = list(self._queue)
        self._queue.clear()
        return batch


class Ring:
    """The latest changes in order; `floor` is the revision after which nothing is missing."""

    def __init__(self, floor: int, *, count: int, seconds: float) -> None:
        self.floor = floor
        self._count = count
        self._seconds = seconds
        self._changes: deque[Change] = deque()

    def add(self, change: Change) -> None:
        """Append a change and forget those that are too many or too old."""
        changes = self._changes
        changes.append(change)
        oldest = change.at - self._seconds
        while len(changes) > self._count or changes[0].at < oldest:
            self.floor = changes.popleft().item.revision

    def since(self, revision: int) -> Iterable[Change]:
        """Return the changes after a revision that is not below the floor."""
        found: list[Change] = []
        for change in reversed(self._changes):
            if change.item.revision <= revision:
                break
            found.append(change)
        found.reverse()
        return found
