"""The store as the server sees it: operations are timed, failed writes remembered."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from pinnace.store.base import (
    Compare,
    CompareFailed,
    Deliver,
    Entry,
    Failed,
    Page,
    Store,
    StoreUnavailable,
    Watch,
)

# What is written to learn whether a store that refused a write takes them again.
PROBE_KEY = "/registry/health"


class Observe(Protocol):
    """Is told of an operation: upstream's name for it, a key, its seconds, whether it failed."""

    def __call__(self, name: str, key: str, seconds: float, *, failed: bool) -> None: ...


class ObservedStore:
    """Any store, watched over: `failure` is why the last write could not be made, None if it could.

    `observe` is told of every operation, by upstream's names for them, and its seconds.
    """

    def __init__(self, store: Store, observe: Observe) -> None:
        self._store = store
        self._observe = observe
        self.failure: StoreUnavailable | None = None

    @property
    def shared(self) -> bool:
        return self._store.shared

    async def get(self, key: str) -> Entry | None:
        with self._observed("get", key):
            return await self._store.get(key)

    async def range(
        self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0
    ) -> Page:
        with self._observed("list", prefix):
            return await self._store.range(prefix, after=after, limit=limit, revision=revision)

    async def commit(
        self,
        *,
        compares: Sequence[Compare] = (),
        puts: Sequence[tuple[str, bytes]] = (),
        deletes: Sequence[str] = (),
        durable: bool = True,
        ttl: int = 0,
    ) -> int:
        with self._observed(*_named(compares, puts, deletes)):
            try:
                revision = await self._store.commit(
                    compares=compares, puts=puts, deletes=deletes, durable=durable, ttl=ttl
                )
            except StoreUnavailable as error:
                self.failure = error
                raise
        self.failure = None
        return revision

    @contextmanager
    def _observed(self, name: str, key: str) -> Iterator[None]:
        began = time.perf_counter()
        failed = True
        try:
            yield
            failed = False
        except CompareFailed:
            failed = False  # an answer like any other
            raise
        finally:
            self._observe(name, key, time.perf_counter() - began, failed=failed)

    def watch(self, prefix: str, *, since: int, deliver: Deliver, failed: Failed) -> Watch:
        return self._store.watch(prefix, since=since, deliver=deliver, failed=failed)

    async def compact(self, revision: int) -> None:
        await self._store.compact(revision)

    async def revision(self) -> int:
        return await self._store.revision()

    async def size(self) -> int:
        return await self._store.size()

    async def close(self) -> None:
        await self._store.close()

    async def try_again(self) -> None:
        """Write something small if the last write failed; raises what the store still says.

        A shared store is only read, as upstream does: it serves others as well.
        """
        if self.failure is None:
            return
        if not self._store.shared:
            await self.commit(puts=[(PROBE_KEY, b"{}")])
            return
        await self.get(PROBE_KEY)
        self.failure = None


def _named(
    compares: Sequence[Compare], puts: Sequence[tuple[str, bytes]], deletes: Sequence[str]
) -> tuple[str, str]:
    """Return what upstream would call a commit, and the key that it is about."""
    if not puts:
        return "delete", deletes[0] if deletes else ""
    new = bool(compares) and compares[0].key == puts[0][0] and not compares[0].modified
    return ("create" if new else "update"), puts[0][0]
