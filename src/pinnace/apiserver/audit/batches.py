"""Events gathered in a queue, so that no request waits for a sink (mode `batch`).

Upstream: apiserver `plugin/pkg/audit/buffered`. What does not fit into the queue is lost, and
counted; what is in it when the process is killed is lost too.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from pinnace.apiserver.audit.config import BatchConfig
from pinnace.apiserver.audit.events import Event
from pinnace.apiserver.audit.sinks import Lost
from pinnace.kit.clock import Clock
from pinnace.kit.waits import set_or_elapsed

# Passes a batch on.
Give = Callable[[Sequence[Event]], Awaitable[object]]


class Batches:
    """Gives events to a sink in batches; `at_once` says how many batches may be under way."""

    def __init__(
        self,
        give: Give,
        config: BatchConfig,
        clock: Clock,
        lost: Lost,
        *,
        end: Callable[[], Awaitable[None]],
        at_once: bool,
    ) -> None:
        self._give = give
        self._config = config
        self._clock = clock
        self._lost = lost
        self._end = end
        self._at_once = at_once
        self._queue: list[Event] = []
        self._stirred = asyncio.Event()
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._giving: set[asyncio.Task[object]] = set()
        self._tokens = float(config.burst)
        self._filled = clock.monotonic()

    def take(self, events: Sequence[Event]) -> bool:
        """Put events into the queue; never fails a request."""
        room = self._config.buffer_size - len(self._queue)
        if self._ended.is_set():
            self._lost("buffered", "audit backend shut down", events)
            return True
        self._queue += events[:room]
        if len(events) > room:
            self._lost("buffered", "audit buffer queue blocked", events[room:])
        self._stirred.set()
        return True

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Pass on what is held."""
        self._ended.set()
        self._stirred.set()
        if self._task is not None:
            await self._task
        await asyncio.gather(*self._giving, return_exceptions=True)
        await self._end()

    async def _run(self) -> None:
        while self._queue or not self._ended.is_set():
            batch = await self._batch()
            if not batch:
                continue
            if self._config.throttle and not self._ended.is_set():
                await self._throttled()
            if self._at_once:
                task = asyncio.ensure_future(self._give(batch))
                self._giving.add(task)
                task.add_done_callback(self._giving.discard)
            else:
                await self._give(batch)

    async def _batch(self) -> list[Event]:
        """Return a full batch, or what there is when it has been waited for long enough."""
        most, clock = self._config.max_size, self._clock
        due = clock.monotonic() + self._config.max_wait if most > 1 else None
        while len(self._queue) < most and not self._ended.is_set():
            left = None if due is None else due - clock.monotonic()
            if left is not None and left <= 0:
                break
            self._stirred.clear()
            await set_or_elapsed(self._stirred, clock, left)
        batch, self._queue = self._queue[:most], self._queue[most:]
        return batch

    async def _throttled(self) -> None:
        """Wait until one more batch may be passed on."""
        config = self._config
        now = self._clock.monotonic()
        self._tokens = min(config.burst, self._tokens + (now - self._filled) * config.rate)
        self._filled = now
        self._tokens -= 1
        if self._tokens < 0:
            await set_or_elapsed(self._ended, self._clock, -self._tokens / config.rate)
