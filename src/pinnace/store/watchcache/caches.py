"""All watch caches of a server, fed by one watch on the whole store.

One watch, and not one for each resource, so that "everything up to revision N has been seen" is
one number for all of them: a list may then be stamped with the latest revision of the store, and
not with that of the last change of its own resource. A resource is loaded when first asked for;
changes that arrive meanwhile are kept and applied after.
"""

import asyncio
from collections.abc import Callable, Sequence

from pinnace.kit.clock import Clock
from pinnace.store.base import Event, Store, StoreError, Watch
from pinnace.store.watchcache.cache import Refine, WatchCache
from pinnace.store.watchcache.item import PickFields

ROOT = "/registry/"


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

    async def start(self) -> None:
        """Begin to follow the store."""
        self.revision = await self.store.revision()
        self._watch = self.store.watch(
            ROOT, since=self.revision, deliver=self._deliver, failed=self._failed
        )

    async def close(self) -> None:
        """Stop following, and end every load under way."""
        if self._watch is not None:
            self._watch.close()
        for task in tuple(self._loading.values()):
            task.cancel()
        await asyncio.gather(*self._loading.values(), return_exceptions=True)

    def drop(self, prefix: str) -> None:
        """Forget a prefix and end its watches; who asks for it next loads it again."""
        found = self._caches.pop(prefix, None)
        if found is not None:
            found.end()
        task = self._loading.pop(prefix, None)
        if task is not None:
            task.cancel()

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
