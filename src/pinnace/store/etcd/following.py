"""A watch on etcd that goes on when the connection breaks."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pinnace.kit.backoff import Backoff
from pinnace.store.base import Compacted, Event, StoreError, StoreUnavailable
from pinnace.store.etcd.client import EtcdClient

_log = logging.getLogger(__name__)


class Following:
    """Delivers every event of a range after `seen`, in order, until closed or failed.

    A connection that breaks is made again, with back-off, for as long as it takes; the watch then
    goes on behind the last event. It fails with Compacted if that is compacted meanwhile, and with
    a StoreError if etcd has fallen back behind it (somebody restored an older copy).
    """

    def __init__(
        self,
        client: EtcdClient,
        span: tuple[bytes, bytes],
        *,
        since: int,
        event: Callable[[Any], Event],
        revision: Callable[[], Awaitable[int]],
    ) -> None:
        self.seen = since
        self._client = client
        self._span = span
        self._event = event
        self._revision = revision
        self._task: asyncio.Task[None] | None = None

    def start(
        self, deliver: Callable[[Sequence[Event]], None], failed: Callable[[StoreError], None]
    ) -> None:
        """Begin; `failed` is called at most once, in the end."""
        self._task = asyncio.get_running_loop().create_task(self._run(deliver, failed))

    def close(self) -> None:
        """End without another word."""
        if self._task is not None:
            self._task.cancel()

    async def closed(self) -> None:
        """End, and wait for it."""
        self.close()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(
        self, deliver: Callable[[Sequence[Event]], None], failed: Callable[[StoreError], None]
    ) -> None:
        backoff = Backoff(0.05, 2.0, jitter=0.5, random=random.random)
        while True:
            try:
                await self._follow(deliver, backoff)
                why = "the stream ended"
            except StoreUnavailable as error:
                why = str(error)
            except StoreError as error:
                failed(error)
                return
            except Exception as error:  # noqa: BLE001  # the caches are not known here
                # Whoever was told could not take it in; a feed that ended silently would be worse.
                _log.exception("what came from etcd cannot be taken in")
                failed(StoreError(f"what came from etcd cannot be taken in: {error}"))
                return
            _log.warning("a watch on etcd is interrupted behind revision %d: %s", self.seen, why)
            await asyncio.sleep(backoff.next())

    async def _follow(self, deliver: Callable[[Sequence[Event]], None], backoff: Backoff) -> None:
        newest = await self._revision()
        if newest < self.seen:
            raise StoreError(f"etcd went back from revision {self.seen} to {newest}")
        key, end = self._span
        answers = self._client.watch(
            key=key, range_end=end, start_revision=self.seen + 1, prev_kv=True
        )
        async for answer in answers:
            backoff.reset()
            if answer.compact_revision:
                raise Compacted(answer.compact_revision)
            if answer.canceled:
                raise StoreUnavailable(answer.cancel_reason or "etcd cancelled the watch")
            if answer.events:
                events = [self._event(event) for event in answer.events]
                self.seen = events[-1].entry.modified
                deliver(events)
