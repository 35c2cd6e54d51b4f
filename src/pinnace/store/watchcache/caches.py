"""All watch caches of a server, fed by one watch on the whole store.

One watch, and not one for each resource, so that "everything up to revision N has been seen" is
one number for all of them: a list may then be stamped with the latest revision of the store, and
not with that of the last change of its own resource. A resource is loaded when first asked for;
changes that arrive meanwhile are kept and applied after.

Behind a store that others write to, the caches may be a moment late; `catch_up` waits for what was
there when it was called.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Sequence

from pinnace.kit.clock import Clock
from pinnace.store.base import Event, Store, StoreError, StoreUnavailable, Watch
from pinnace.store.watchcache.cache import Refine, WatchCache
from pinnace.store.watchcache.item import PickFields

# All keys, not those of the cluster alone: each revision is seen by what it wrote.
_EVERYTHING = ""
# As long as upstream waits for its caches.
_WAIT_SECONDS = 3.0


class Caches:
    """Hands out one cache per storage prefix."""

    def __init__(self, store: Store, clock: Clock, *, failed: Callable[[StoreError], None]) -> None:
        self.store = store
        self.revision = 0
        self._clock = clock
        self._failed = failed
        self._caches: dict[str, WatchCache] = {}
        self._loading: dict[str, asyncio.Task[WatchCache]] = {}
        self._early: dict[str, list[Event]] = {}
        self._watch: Watch | None = None
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    async def start(self) -> None:
        """Begin to follow the store."""
        self.revision = await self.store.revision()
        self._watch = self.store.watch(
            _EVERYTHING, since=self.revision, deliver=self._deliver, failed=self._failed
        )

    async def close(self) -> None:
        """Stop following, and end every load under way."""
        if self._watch is not None:
            self._watch.close()
        for task in tuple(self._loading.values()):
            task.cancel()
        await asyncio.gather(*self._loading.values(), return_exceptions=True)

    async def catch_up(self) -> None:
        """Wait until the caches are as new as the store was at the call; raises StoreError.

        That costs nothing on a store of one's own, whose commits return when they are seen.
        """
        if self.store.shared:
            await self._at_least(await self.store.revision())

    async def reach(self, revision: int) -> bool:
        """Wait a while for a revision, if another server may have told of it; say whether it came.

        Nobody knows of a revision of one's own store before the caches do.
        """
        if not self.store.shared:
            return self.revision >= revision
        try:
            await self._at_least(revision)
        except StoreUnavailable:
            return False
        return True

    async def _at_least(self, revision: int) -> None:
        if self.revision >= revision:
            return
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (revision, next(self._order), reached))
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await reached
        except TimeoutError as error:
            raise StoreUnavailable("the changes of the store do not arrive") from error

    def drop(self, prefix: str) -> None:
        """Forget a prefix and end its watches; who asks for it next loads it again."""
        found = self._caches.pop(prefix, None)
        if found is not None:
            found.end()
        task = self._loading.pop(prefix, None)
        if task is not None:
            task.cancel()

    def drop_key(self, key: str) -> None:
        """Forget the prefix that a key is under: what is there now is not known."""
        head = key.rpartition("/")[0]
        for prefix in (head, head.rpartition("/")[0]):
            self.drop(prefix)

    def loaded(self, prefix: str) -> WatchCache | None:
        """Return the cache of a prefix if it is loaded."""
        return self._caches.get(prefix)

    async def cache(
        self, prefix: str, *, namespaced: bool, pick: PickFields, refine: Refine | None = None
    ) -> WatchCache:
        """Return the cache of a prefix, loading it if this is the first to ask."""
        found = self._caches.get(prefix)
        if found is not None:
            return found
        task = self._loading.get(prefix)
        if task is None:
            load = self._load(prefix, namespaced=namespaced, pick=pick, refine=refine)
            task = asyncio.create_task(load)
            self._loading[prefix] = task
        # The load goes on for the others when one of those who wait is cancelled.
        return await asyncio.shield(task)

    async def _load(
        self, prefix: str, *, namespaced: bool, pick: PickFields, refine: Refine | None
    ) -> WatchCache:
        early = self._early[prefix] = []
        try:
            page = await self.store.range(prefix + "/")
            if self._watch is not None:
                # The range may be ahead of the watch; the cache joins when the watch is there.
                await self._at_least(page.revision)
            cache = WatchCache(
                prefix,
                namespaced=namespaced,
                pick=pick,
                refine=refine,
                clock=self._clock,
                revision=page.revision,
            )
            cache.fill(page.entries)
            for event in early:
                if event.entry.modified > page.revision:
                    cache.apply(event)
            self._caches[prefix] = cache
            return cache
        finally:
            del self._early[prefix]
            self._loading.pop(prefix, None)

    def _deliver(self, events: Sequence[Event]) -> None:
        for event in events:
            self.revision = max(self.revision, event.entry.modified)
            head, _, _ = event.entry.key.rpartition("/")
            if not self._give(head, event):
                self._give(head.rpartition("/")[0], event)
        while self._waiting and self._waiting[0][0] <= self.revision:
            _, _, reached = heapq.heappop(self._waiting)
            if not reached.done():
                reached.set_result(None)

    def _give(self, prefix: str, event: Event) -> bool:
        cache = self._caches.get(prefix)
        if cache is not None:
            cache.apply(event)
            return True
        early = self._early.get(prefix)
        if early is not None:
            early.append(event)
            return True
        return False
