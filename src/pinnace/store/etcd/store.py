"""The store in etcd, by its published v3 service.

One watch on all keys feeds everybody who watches from now on, so that every revision is seen and
"what was committed up to N has been delivered" can be waited for. A commit returns when its own
events have been delivered, and a commit that lost tells so when what it lost to has been; so a
caller finds its caches as new as the answer that it got. Who watches from earlier than the feed has
a watch of its own.
"""

import asyncio
import heapq
import itertools
from collections.abc import Coroutine, Sequence
from typing import Any

from pinnace.store.base import (
    Compacted,
    Compare,
    CompareFailed,
    Deliver,
    Entry,
    Event,
    Failed,
    Page,
    StoreError,
    StoreUnavailable,
    Watch,
)
from pinnace.store.etcd.client import EtcdClient, FutureRevision, HistoryGone
from pinnace.store.etcd.following import Following
from pinnace.store.etcd.leases import Leases
from pinnace.store.etcd.messages import DELETE, EQUAL, MOD
from pinnace.store.etcd.settings import PREFIX, EtcdSettings
from pinnace.store.watchers import Watchers

# etcd's own limits are 5 s and two elections for a write; a large range may take longer.
_WRITE, _READ = 10.0, 30.0
# How many entries one call asks for: a page of large objects is some tens of megabytes.
_AT_ONCE = 2000
# How long an answer waits for its events; a feed that is interrupted brings them later.
_FEED = 5.0
_EVERYTHING = (b"\0", b"\0")


class EtcdStore:
    """Open with `await EtcdStore.open(settings)`."""

    shared = True

    def __init__(self, client: EtcdClient, prefix: str) -> None:
        self._client = client
        self._leases = Leases(client)
        self._prefix = prefix.rstrip("/")
        self._watchers = Watchers()
        self._feed: Following | None = None
        self._own: dict[Following, Failed] = {}
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._asking: asyncio.Task[int] | None = None
        self._next: asyncio.Task[int] | None = None
        self._closed = False

    @classmethod
    async def open(cls, settings: EtcdSettings, *, wait: float = 20.0) -> "EtcdStore":
        """Connect; raises StoreError, in one line, if no server answers for so many seconds."""
        client = EtcdClient(settings)
        store = cls(client, settings.prefix)
        try:
            async with asyncio.timeout(wait):
                await store._first_answer()
        except TimeoutError as error:
            await client.close()
            servers = ", ".join(settings.servers)
            raise StoreError(f"no etcd server answers at {servers}") from error
        except BaseException:
            await client.close()
            raise
        return store

    async def _first_answer(self) -> None:
        while True:
            try:
                await self._ask_revision()
            except StoreUnavailable:
                await asyncio.sleep(0.2)
            else:
                return

    async def get(self, key: str) -> Entry | None:
        self._check_open()
        answer = await self._client.call("Range", deadline=_READ, key=self._outer(key))
        return self._entry(answer.kvs[0]) if answer.kvs else None

    async def range(
        self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0
    ) -> Page:
        self._check_open()
        start, end = self._span(prefix)
        if after:
            start = max(start, self._outer(after) + b"\0")
        found: list[Entry] = []
        while True:
            size = min(limit - len(found), _AT_ONCE) if limit else _AT_ONCE
            answer = await self._page(start, end, size, revision)
            revision = revision or answer.header.revision
            found += [self._entry(kv) for kv in answer.kvs]
            left = answer.count - len(answer.kvs)
            if not left or len(found) == limit:
                return Page(found, revision, more=left > 0, remaining=left)
            start = answer.kvs[-1].key + b"\0"

    async def _page(self, start: bytes, end: bytes, limit: int, revision: int) -> Any:
        try:
            return await self._client.call(
                "Range", deadline=_READ, key=start, range_end=end, limit=limit, revision=revision
            )
        except HistoryGone as error:
            raise Compacted(await self._oldest()) from error
        except FutureRevision as error:
            raise StoreError(f"revision {revision} is in the future") from error

    async def _oldest(self) -> int:
        """Return the compacted revision: etcd names it to who watches from before it."""
        async for answer in self._client.watch(key=b"\0", start_revision=1):
            if answer.compact_revision or not answer.created:
                return int(answer.compact_revision)
        raise StoreUnavailable("etcd ended a watch")

    async def commit(
        self,
        *,
        compares: Sequence[Compare] = (),
        puts: Sequence[tuple[str, bytes]] = (),
        deletes: Sequence[str] = (),
        durable: bool = True,
        ttl: int = 0,
    ) -> int:
        self._check_open()
        lease = await self._leases.lease(ttl) if ttl and puts else 0
        answer = await self._client.call(
            "Txn",
            deadline=_WRITE,
            compare=[
                {"result": EQUAL, "target": MOD, "key": self._outer(one.key),
                 "mod_revision": one.modified}
                for one in compares
            ],
            success=[
                *({"request_put": {"key": self._outer(key), "value": value, "lease": lease}}
                  for key, value in puts),
                *({"request_delete_range": {"key": self._outer(key)}} for key in deletes),
            ],
            failure=[{"request_range": {"key": self._outer(one.key)}} for one in compares],
        )  # fmt: skip
        await self._delivered(answer.header.revision)
        if not answer.succeeded:
            raise self._lost(compares, answer)
        return int(answer.header.revision)

    def _lost(self, compares: Sequence[Compare], answer: Any) -> CompareFailed:
        for compare, response in zip(compares, answer.responses, strict=True):
            kvs = response.response_range.kvs
            if (kvs[0].mod_revision if kvs else 0) != compare.modified:
                return CompareFailed(compare.key, self._entry(kvs[0]) if kvs else None)
        raise StoreError("etcd refused conditions that hold")

    def watch(self, prefix: str, *, since: int, deliver: Deliver, failed: Failed) -> Watch:
        self._check_open()
        if self._feed is None:
            self._feed = self._following(_EVERYTHING, since)
            self._feed.start(self._fed, self._starved)
        if since >= self._feed.seen:
            return self._watchers.add(prefix, since, deliver, failed)
        own = self._following(self._span(prefix), since)

        def ended(error: StoreError) -> None:
            self._own.pop(own, None)
            failed(error)

        self._own[own] = failed
        own.start(deliver, ended)
        return _OwnWatch(self._own, own)

    def _following(self, span: tuple[bytes, bytes], since: int) -> Following:
        return Following(
            self._client, span, since=since, event=self._event, revision=self._ask_revision
        )

    def _fed(self, events: Sequence[Event]) -> None:
        self._watchers.publish(events)
        seen = events[-1].entry.modified
        while self._waiting and self._waiting[0][0] <= seen:
            _, _, waiter = heapq.heappop(self._waiting)
            if not waiter.done():
                waiter.set_result(None)

    def _starved(self, error: StoreError) -> None:
        self._feed = None
        for _, _, waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()
        self._watchers.fail_all(error)

    async def _delivered(self, revision: int) -> None:
        """Wait until the feed has brought all up to a revision; not for ever."""
        if self._feed is None or self._feed.seen >= revision:
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (revision, next(self._order), waiter))
        await asyncio.wait((waiter,), timeout=_FEED)

    async def compact(self, revision: int) -> None:
        self._check_open()
        try:
            await self._client.call("Compact", deadline=_READ, revision=revision)
        except HistoryGone as error:
            oldest = await self._oldest()
            if oldest != revision:
                raise Compacted(oldest) from error
        except FutureRevision as error:
            raise StoreError(f"revision {revision} is in the future") from error

    async def revision(self) -> int:
        """Return etcd's revision at some moment after this was called.

        Those who ask while a question is under way share the next one.
        """
        self._check_open()
        if self._asking is None or self._asking.done():
            task = self._asking = _looked_at(self._ask_revision())
        elif self._next is None or self._next.done():
            task = self._next = _looked_at(self._ask_after(self._asking))
        else:
            task = self._next
        return await asyncio.shield(task)

    async def _ask_after(self, asked: "asyncio.Task[int]") -> int:
        await asyncio.wait((asked,))
        self._asking, self._next = self._next, None
        return await self._ask_revision()

    async def _ask_revision(self) -> int:
        # The smallest question that goes through the leader.
        answer = await self._client.call("Range", deadline=_WRITE, key=b"\0", count_only=True)
        return int(answer.header.revision)

    async def size(self) -> int:
        """Return how many bytes the database has on etcd's disk."""
        answer = await self._client.call("Status", deadline=_WRITE)
        return int(answer.dbSize)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        error = StoreUnavailable("the store is closed")
        own, self._own = self._own, {}
        if self._feed is not None:
            await self._feed.closed()
        self._starved(error)
        for following, failed in own.items():
            await following.closed()
            failed(error)
        asked = [task for task in (self._asking, self._next) if task is not None]
        await self._client.close()
        await asyncio.gather(*asked, return_exceptions=True)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")

    def _outer(self, key: str) -> bytes:
        """Return a key as etcd has it."""
        if key.startswith(PREFIX + "/"):
            return (self._prefix + key[len(PREFIX) :]).encode()
        return key.encode()

    def _inner(self, key: bytes) -> str:
        text = key.decode(errors="replace")
        if self._prefix != PREFIX and text.startswith(self._prefix + "/"):
            return PREFIX + text[len(self._prefix) :]
        return text

    def _span(self, prefix: str) -> tuple[bytes, bytes]:
        if not prefix:
            return _EVERYTHING
        start = self._outer(prefix)
        return start, start[:-1] + bytes([start[-1] + 1])

    def _entry(self, kv: Any) -> Entry:
        return Entry(self._inner(kv.key), kv.value, kv.create_revision, kv.mod_revision)

    def _event(self, event: Any) -> Event:
        previous = self._entry(event.prev_kv) if event.HasField("prev_kv") else None
        if event.type == DELETE:
            key = self._inner(event.kv.key)
            return Event("DELETE", Entry(key, b"", 0, event.kv.mod_revision), previous)
        return Event("PUT", self._entry(event.kv), previous)


def _looked_at(work: Coroutine[Any, Any, int]) -> "asyncio.Task[int]":
    """Return a task whose failure may be heard by nobody: all who asked may be gone."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


class _OwnWatch:
    """A watch that began before the feed."""

    def __init__(self, all_own: dict[Following, Failed], own: Following) -> None:
        self._all = all_own
        self._own = own

    def close(self) -> None:
        """End the watch."""
        self._all.pop(self._own, None)
        self._own.close()
