"""A work queue: keys that wait to be worked on, each at most once, by one worker at a time.

A key that is added while it waits is not added again; a key that is added while a worker has it
waits until that worker is done. So a burst of changes costs one pass, and no two passes over a
key overlap. Delayed keys wait on the Clock.
"""

import asyncio
import heapq
import itertools
from collections.abc import Hashable
from typing import Generic, TypeVar

from pinnace.kit.backoff import Backoffs
from pinnace.kit.clock import Clock

K = TypeVar("K", bound=Hashable)


class WorkQueue(Generic[K]):
    """client-go's rate-limiting queue; every key that `get` returns must be given to `done`."""

    def __init__(self, clock: Clock, backoffs: Backoffs[K] | None = None) -> None:
        self._clock = clock
        self._backoffs = backoffs or Backoffs[K]()
        self._ready: asyncio.Queue[K] = asyncio.Queue()
        # A key is dirty from add to get; it is in work from get to done; it may be both.
        self._dirty: set[K] = set()
        self._working: set[K] = set()
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        self._order = itertools.count()
        self._timer: asyncio.Task[None] | None = None
        self._timer_until = float("inf")

    def __len__(self) -> int:
        return self._ready.qsize()

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be worked on now and nobody works; delayed keys do not count."""
        return not self._dirty and not self._working

    def add(self, key: K) -> None:
        """Have the key worked on as soon as a worker is free."""
        if key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._working:
            self._ready.put_nowait(key)

    def add_after(self, key: K, seconds: float) -> None:
        """Have the key worked on after a while; of several delays the earliest counts."""
        if seconds <= 0:
            self.add(key)
            return
        due = self._clock.monotonic() + seconds
        if self._due.get(key, float("inf")) <= due:
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, next(self._order), key))
        if due < self._timer_until:
            self._restart_timer(due)

    def add_rate_limited(self, key: K) -> None:
        """Have the key worked on after its back-off, which grows until `forget`."""
        self.add_after(key, self._backoffs.next(key))

    def failures(self, key: K) -> int:
        """Return how often the key was added rate limited since it was last forgotten."""
        return self._backoffs.failures(key)

    def forget(self, key: K) -> None:
        """Reset the key's back-off: it was worked on well."""
        self._backoffs.forget(key)

    async def get(self) -> K:
        """Wait for a key and take it."""
        key = await self._ready.get()
        self._working.add(key)
        self._dirty.discard(key)
        return key

    def done(self, key: K) -> None:
        """Say that the worker has finished with the key."""
        self._working.discard(key)
        if key in self._dirty:
            self._ready.put_nowait(key)

    async def close(self) -> None:
        """Drop what is delayed and end the timer."""
        timer, self._timer = self._timer, None
        self._heap.clear()
        self._due.clear()
        self._timer_until = float("inf")
        if timer is not None:
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)

    def _restart_timer(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_until = due
        self._timer = asyncio.get_running_loop().create_task(self._run_timer())

    async def _run_timer(self) -> None:
        while self._heap:
            due, _, key = self._heap[0]
            if self._due.get(key) != due:
                heapq.heappop(self._heap)  # an earlier delay of this key has come true
                continue
            self._timer_until = due
            wait = due - self._clock.monotonic()
            if wait > 0:
                await self._clock.sleep(wait)
                continue
            heapq.heappop(self._heap)
            del self._due[key]
            self.add(key)
        self._timer_until = float("inf")
