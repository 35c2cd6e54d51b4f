"""The store's whole contract: etcd's semantics, no more. Every backend passes the same suite.

One revision counter for all keys, increased by one with every commit that changes something. A
commit is atomic; all the keys it writes share its revision. An acknowledged durable commit
survives a kill and a power cut. Events reach watchers in revision order, all events of one commit
together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """One key at one revision: `created` and `modified` are revisions."""

    key: str
    value: bytes
    created: int
    modified: int


@dataclass(frozen=True, slots=True)
class Event:
    """One committed change.

    For a DELETE, `entry` has an empty value, 0 as `created` and the revision of the deletion as
    `modified`; `previous` is what was there before (None for a key that was new, or when its
    history is compacted).
    """

    type: Literal["PUT", "DELETE"]
    entry: Entry
    previous: Entry | None


@dataclass(frozen=True, slots=True)
class Compare:
    """A condition: the key's modification revision is as given; 0 means that the key is absent."""

    key: str
    modified: int


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a range: entries in key order at `revision`.

    `more` says that keys were left out by the limit, `remaining` how many.
    """

    entries: Sequence[Entry]
    revision: int
    more: bool = False
    remaining: int = 0


class StoreError(Exception):
    """Anything that a backend cannot do; foreign exceptions do not leave a backend."""


class CompareFailed(StoreError):
    """A condition of a commit does not hold; nothing was written. `current` has what is there."""

    def __init__(self, key: str, current: Entry | None) -> None:
        super().__init__(f"{key} is not at the expected revision")
        self.key = key
        self.current = current


class Compacted(StoreError):
    """The asked-for revision is gone; `revision` is the oldest that is left."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"the revision is compacted; the oldest left is {revision}")
        self.revision = revision


class TooLarge(StoreError):
    """What a commit writes is more than the backend takes."""


class StoreUnavailable(StoreError):
    """The backend cannot be written or reached now (disk full, connection lost)."""


# What etcd takes in one transaction; no backend takes more, so that none hides what would fail.
MOST_KEYS = 128
MOST_BYTES = 1536 * 1024

Deliver = Callable[[Sequence[Event]], None]
Failed = Callable[[StoreError], None]


class Watch(Protocol):
    """A running watch."""

    def close(self) -> None:
        """End the watch; nothing is delivered afterwards."""
        ...


def check_size(
    compares: Sequence[Compare], puts: Sequence[tuple[str, bytes]], deletes: Sequence[str]
) -> None:
    """Raise StoreError for a commit that is larger than any backend takes."""
    if len(compares) > MOST_KEYS or len(puts) + len(deletes) > MOST_KEYS:
        raise StoreError("etcdserver: too many operations in txn request")
    if sum(len(value) for _, value in puts) > MOST_BYTES:
        raise TooLarge("etcdserver: request is too large")


class Store(Protocol):
    """A revisioned map of keys to bytes."""

    @property
    def shared(self) -> bool:
        """Whether others write to it: then only `revision` says how new it is."""
        ...

    async def get(self, key: str) -> Entry | None:
        """Return the key's current entry, or None."""
        ...

    async def range(
        self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0
    ) -> Page:
        """Return entries whose key starts with `prefix` and sorts after `after`, in key order.

        `revision` 0 means now; raises Compacted if that revision is gone, StoreError if it is in
        the future. `limit` 0 means all.
        """
        ...

    async def commit(
        self,
        *,
        compares: Sequence[Compare] = (),
        puts: Sequence[tuple[str, bytes]] = (),
        deletes: Sequence[str] = (),
        durable: bool = True,
        ttl: int = 0,
    ) -> int:
        """Write all or nothing and return the revision.

        Raises CompareFailed, TooLarge, StoreUnavailable. No key may be written twice, and there are
        at most MOST_KEYS conditions and as many writes.

        The events have been delivered to all watchers before this returns, and those of what a
        CompareFailed lost to before that is raised, unless the connection to the store is
        interrupted. Deleting absent keys only changes nothing and returns the current revision.

        A commit with `durable=False` survives a kill of the process, but its last moments may be
        lost with the power; it costs no flush of the disk. With `ttl`, a shared backend forgets
        what was put after so many seconds unless it is put again; others leave that to their owner.
        """
        ...

    def watch(self, prefix: str, *, since: int, deliver: Deliver, failed: Failed) -> Watch:
        """Deliver every event on keys under `prefix` with a revision greater than `since`.

        `deliver` is called in the event loop, with all events of a commit (or of several) in
        order; it must not block. `failed` is called once, with Compacted if `since` is gone, and
        ends the watch.
        """
        ...

    async def compact(self, revision: int) -> None:
        """Forget what was superseded before `revision`; older reads then raise Compacted."""
        ...

    async def revision(self) -> int:
        """Return the current revision; 1 for a new store."""
        ...

    async def size(self) -> int:
        """Return how many bytes the store takes where it is."""
        ...

    async def close(self) -> None:
        """Flush and let go of everything."""
        ...
