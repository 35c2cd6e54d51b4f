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
        self._ending = False
        self._task: asyncio.Task[None] | None = None
        self._giving: set[asyncio.Task[object]] = set()
        self._tokens = float(config.burst)
        self._filled = clock.monotonic()

    def take(self, events: Sequence[Event]) -> bool:
        """Put events into the queue; never fails a request."""
        room = self._config.buffer_size - len(self._queue)
        if self._ending:
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
        self._ending = True
        self._stirred.set()
        if self._task is not None:
            await self._task
        await asyncio.gather(*self._giving, return_exceptions=True)
        await self._end()

    async def _run(self) -> None:
        while self._queue or not self._ending:
            batch = await self._batch()
            if not batch:
                continue
            if self._config.throttle and not self._ending:
                await self._throttled()
            if self._at_once:
                task = asyncio.ensure_future(self._give(batch))
                self._giving.add(task)
                task.add_done_callback(self._giving.discard)
            else:
                await self._give(batch)

    async def _batch(self) -> list[Event]:
        """Return a full batch, or what there is when it has been waited for long enough."""
        most = self._config.max_size
        due: asyncio.Task[None] | None = None
        try:
            while len(self._queue) < most and not self._ending:
                self._stirred.clear()
                if self._config.max_size > 1 and due is None:
                    due = asyncio.create_task(self._clock.sleep(self._config.max_wait))
                stirred = asyncio.create_task(self._stirred.wait())
                waited = {stirred} | ({due} if due is not None else set())
                try:
                    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    stirred.cancel()
                if due is not None and due.done():
                    break
        finally:
            if due is not None:
                due.cancel()
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
            await self._clock.sleep(-self._tokens / config.rate)
