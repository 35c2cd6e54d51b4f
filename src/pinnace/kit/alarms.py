"""Many deadlines on one clock with one sleeping task.

A server holds thousands of watches, each with a deadline and a bookmark due now and then; a task
for each would cost more than the watch itself.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable

from pinnace.kit.clock import Clock
from pinnace.kit.waits import set_or_elapsed


class Alarm:
    """One deadline that can be cancelled."""

    __slots__ = ("cancelled", "ring")

    def __init__(self, ring: Callable[[], None]) -> None:
        self.ring = ring
        self.cancelled = False

    def cancel(self) -> None:
        """See to it that the alarm does not ring any more."""
        self.cancelled = True


class Alarms:
    """Calls functions at their time; `run` must be running for anything to ring."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._order = itertools.count()
        self._heap: list[tuple[float, int, Alarm]] = []
        self._sooner = asyncio.Event()

    def after(self, seconds: float, ring: Callable[[], None]) -> Alarm:
        """Call `ring` in so many seconds; it must not block and not raise."""
        alarm = Alarm(ring)
        at = self._clock.monotonic() + seconds
        heapq.heappush(self._heap, (at, next(self._order), alarm))
        if self._heap[0][2] is alarm:
            self._sooner.set()
        return alarm

    async def run(self) -> None:
        """Ring what is due, for ever."""
        while True:
            self._ring_due()
            self._sooner.clear()
            wait = self._heap[0][0] - self._clock.monotonic() if self._heap else None
            await set_or_elapsed(self._sooner, self._clock, wait)

    def _ring_due(self) -> None:
        now = self._clock.monotonic()
        while self._heap and (self._heap[0][0] <= now or self._heap[0][2].cancelled):
            _, _, alarm = heapq.heappop(self._heap)
            if not alarm.cancelled:
                alarm.cancelled = True
                alarm.ring()
