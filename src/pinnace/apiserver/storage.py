"""The store as the server sees it: operations are timed, failed writes remembered."""

import time
from collections.abc import Callable, Sequence

from pinnace.store.base import (
    Compare,
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
Observe = Callable[[str, float], None]


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
        began = time.perf_counter()
        found = await self._store.get(key)
        self._observe("get", time.perf_counter() - began)
        return found

    async def range(
        self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0
    ) -> Page:
        began = time.perf_counter()
        page = await self._store.range(prefix, after=after, limit=limit, revision=revision)
        self._observe("list", time.perf_counter() - began)
        return page

    async def commit(
        self,
        *,
        compares: Sequence[Compare] = (),
        puts: Sequence[tuple[str, bytes]] = (),
        deletes: Sequence[str] = (),
        durable: bool = True,
        ttl: int = 0,
    ) -> int:
        began = time.perf_counter()
        try:
            revision = await self._store.commit(
                compares=compares, puts=puts, deletes=deletes, durable=durable, ttl=ttl
            )
        except StoreUnavailable as error:
            self.failure = error
            raise
        self.failure = None
        seconds = time.perf_counter() - began
        self._observe("update" if puts else "delete", seconds)
        return revision

    def watch(self, prefix: str, *, since: int, deliver: Deliver, failed: Failed) -> Watch:
        return self._store.watch(prefix, since=since, deliver=deliver, failed=failed)

    async def compact(self, revision: int) -> None:
        await self._store.compact(revision)

    async def revision(self) -> int:
        return await self._store.revision()

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
