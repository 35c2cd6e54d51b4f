"""The embedded store: one append-only table in SQLite, a row per key and revision.

Writes are decided in the event loop, against the revisions of all keys held in memory, and are
handed to one writer thread, which puts whatever has gathered into one transaction: while the disk
flushes one batch the next one gathers (group commit). A commit returns, and its events go out,
only after its transaction is on disk.

Row ids are `revision << 20 | position`, so that the table's own order is the history and no index
by revision is needed. Superseded rows are remembered as they arise; compaction deletes just those
and gives their pages back, so a steady workload does not grow the file.

Should a transaction fail (a full disk), everything that had gathered behind it is refused too,
since it was decided against revisions that never came to be; the revisions are then read again.
"""

import asyncio
import fcntl
import os
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

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
    check_size,
)
from pinnace.store.sqlite_file import LOG_LIMIT, SHIFT, Database, Row, Worker
from pinnace.store.watchers import Watcher, Watchers

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(slots=True)
class _Write:
    """A commit on its way to the disk."""

    revision: int
    rows: list[Row]
    durable: bool
    done: "asyncio.Future[int]"
    replaced: list[int | None] = field(default_factory=list)


class SqliteStore:
    """Open with `await SqliteStore.open(path)`."""

    shared = False

    def __init__(self, path: Path, lock: IO[str], *, flush: bool) -> None:
        self._path = path
        self._flush = flush
        self._lock = lock
        self._writer = Worker("store-writer")
        self._reader = Worker("store-reader")
        self._database: Database
        self._read_database: Database
        # Per key: the id of its newest row and the revision of its creation. Pending writes count.
        self._heads: dict[str, tuple[int, int]] = {}
        self._superseded: deque[tuple[int, int]] = deque()
        self._revision = 1
        self._durable_revision = 1
        self._compacted = 0
        self._queue: list[_Write] = []
        self._writing: list[_Write] = []
        self._pending_keys: dict[str, _Write] = {}
        self._recovery: asyncio.Task[None] | None = None
        self._watchers = Watchers()
        self._closed = False

    @classmethod
    async def open(cls, path: Path, *, flush: bool = True) -> "SqliteStore":
        """Open or create the file; without `flush` no commit waits for the disk.

        Raises StoreError, in one clear line, when the file is in use by another process, was
        written by a newer version, is damaged or cannot be written.
        """
        lock = _take_lock(path)
        store = cls(path, lock, flush=flush)
        try:
            store._database = await store._writer.run(lambda: Database.open(path))
            store._read_database = await store._reader.run(lambda: Database.open(path))
            await store._load()
            await store._begin()
        except BaseException:
            await store._shut()
            raise
        return store

    async def _load(self) -> None:
        state = await self._writer.run(self._database.state)
        self._heads = state.heads
        self._superseded = deque(state.superseded)
        self._revision = self._durable_revision = state.revision
        self._compacted = state.compacted

    async def _begin(self) -> None:
        boot, revision = _boot(), self._revision
        revision = await self._writer.run(lambda: self._database.begin(boot, revision))
        self._revision = self._durable_revision = revision

    async def get(self, key: str) -> Entry | None:
        return await self._reader.run(lambda: self._read_database.get(key))

    async def range(
        self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0
    ) -> Page:
        if revision > self._durable_revision:
            raise StoreError(f"revision {revision} is in the future")
        if revision and revision < self._compacted:
            raise Compacted(self._compacted)
        at = revision or self._durable_revision
        entries, left = await self._reader.run(
            lambda: self._read_database.range(prefix, after, limit, at)
        )
        if at < self._compacted:
            raise Compacted(self._compacted)
        return Page(entries, at, more=left > 0, remaining=left)

    async def commit(
        self,
        *,
        compares: Sequence[Compare] = (),
        puts: Sequence[tuple[str, bytes]] = (),
        deletes: Sequence[str] = (),
        durable: bool = True,
        ttl: int = 0,
    ) -> int:
        check_size(compares, puts, deletes)
        await self._check(compares)
        gone = [key for key in deletes if key in self._heads]
        if not puts and not gone:
            return self._durable_revision
        write = self._decide(puts, gone, durable=durable)
        self._queue.append(write)
        if not self._writing:
            self._send()
        return await write.done

    async def _check(self, compares: Sequence[Compare]) -> None:
        """Raise unless every condition holds; waits for writes under way that would decide it."""
        while True:
            if self._recovery is not None:
                await asyncio.shield(self._recovery)
            if self._closed:
                raise StoreUnavailable("the store is closed")
            for compare in compares:
                head = self._heads.get(compare.key)
                if (head[0] >> SHIFT if head else 0) == compare.modified:
                    continue
                pending = self._pending_keys.get(compare.key)
                if pending is None:
                    raise CompareFailed(compare.key, await self.get(compare.key))
                # Nobody may learn of a value that might still fail to reach the disk.
                await asyncio.wait([pending.done])
                break
            else:
                return

    def _decide(
        self, puts: Sequence[tuple[str, bytes]], gone: Sequence[str], *, durable: bool
    ) -> _Write:
        """Give the write its revision and bring what is held in memory up to it."""
        revision = self._revision = self._revision + 1
        base = revision << SHIFT
        write = _Write(revision, [], durable, asyncio.get_running_loop().create_future())
        for at, (key, value) in enumerate(puts):
            head = self._heads.get(key)
            created = head[1] if head else revision
            write.rows.append(Row(base + at, key, created, value))
            write.replaced.append(head[0] if head else None)
            self._heads[key] = (base + at, created)
            self._pending_keys[key] = write
        for at, key in enumerate(gone, len(puts)):
            head = self._heads.pop(key)
            write.rows.append(Row(base + at, key, 0, None))
            write.replaced.append(head[0])
            self._pending_keys[key] = write
        return write

    def _send(self) -> None:
        """Give all that has gathered to the writer thread as one transaction."""
        batch = self._writing = self._queue
        self._queue = []
        rows = [row for write in batch for row in write.rows]
        replaced = [old for write in batch for old in write.replaced]
        durable = self._flush and any(write.durable for write in batch)
        self._writer.post(lambda: self._write(rows, replaced, durable=durable), self._written)

    def _write(
        self, rows: list[Row], replaced: list[int | None], *, durable: bool
    ) -> list[Entry | None]:
        """Write a batch, in the writer's thread; there is always an end to the log."""
        previous = self._database.write(rows, replaced, durable=durable)
        if self._database.log_bytes() > LOG_LIMIT:
            # Readers that follow one another without a pause would keep it from beginning anew.
            with self._reader.turn:
                self._database.cut_log()
        return previous

    def _written(self, previous: list[Entry | None], error: StoreError | None) -> None:
        batch, self._writing = self._writing, []
        if error is not None:
            self._refuse(batch, error)
            return
        at = 0
        for write in batch:
            events = []
            for row, old in zip(write.rows, write.replaced, strict=True):
                if self._pending_keys.get(row.key) is write:
                    del self._pending_keys[row.key]
                if old is not None:
                    self._superseded.append((write.revision, old))
                if row.value is None:
                    self._superseded.append((write.revision, row.id))
                events.append(_event(row, write.revision, previous[at]))
                at += 1
            self._durable_revision = write.revision
            self._watchers.publish(events)
            if not write.done.done():
                write.done.set_result(write.revision)
        if self._queue:
            self._send()

    def _refuse(self, batch: list[_Write], error: StoreError) -> None:
        """Fail the batch and all that was decided after it, then read the truth again."""
        refused = batch + self._queue
        self._queue = []
        self._pending_keys.clear()
        self._recovery = asyncio.get_running_loop().create_task(self._recover())
        for write in refused:
            if not write.done.done():
                write.done.set_exception(error)

    async def _recover(self) -> None:
        try:
            await self._load()
        finally:
            self._recovery = None

    def watch(self, prefix: str, *, since: int, deliver: Deliver, failed: Failed) -> Watcher:
        watcher = self._watchers.add(prefix, since, deliver, failed)
        if since < self._compacted:
            watcher.fail(Compacted(self._compacted))
        elif since < self._durable_revision:
            watcher.backlog = []
            upto = self._durable_revision
            self._reader.post(
                lambda: self._read_database.history(prefix, since, upto),
                lambda events, error: self._caught_up(watcher, events, error, upto),
            )
        return watcher

    def _caught_up(
        self, watcher: Watcher, events: list[Event], error: StoreError | None, upto: int
    ) -> None:
        if error is None and watcher.since < self._compacted:
            error = Compacted(self._compacted)
        if error is not None:
            watcher.fail(error)
        elif watcher.open:
            watcher.catch_up(events, upto)

    async def compact(self, revision: int) -> None:
        if revision > self._durable_revision:
            raise StoreError(f"revision {revision} is in the future")
        if revision < self._compacted:
            raise Compacted(self._compacted)
        self._compacted = revision
        while self._superseded and self._superseded[0][0] <= revision:
            # In pieces, so that writes are not held up behind a long transaction.
            ids: list[int] = []
            while self._superseded and self._superseded[0][0] <= revision and len(ids) < 1000:
                ids.append(self._superseded.popleft()[1])
            await self._writer.run(partial(self._database.forget, ids))
        await self._writer.run(lambda: self._database.finish_compaction(revision))
        left = await self._writer.run(self._database.free_pages)
        while left:
            left = await self._writer.run(partial(self._database.shrink, left))

    async def revision(self) -> int:
        return self._durable_revision

    async def size(self) -> int:
        return await asyncio.to_thread(lambda: self._path.stat().st_size)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        pending = [write.done for write in (*self._writing, *self._queue)]
        if pending:
            await asyncio.wait(pending)
        self._watchers.fail_all(StoreUnavailable("the store is closed"))
        with suppress(StoreError):
            await self._writer.run(self._database.end)
        await self._shut()

    async def _shut(self) -> None:
        if hasattr(self, "_read_database"):
            await self._reader.run(self._read_database.close)
        if hasattr(self, "_database"):
            await self._writer.run(self._database.close)
        await self._reader.stop()
        await self._writer.stop()
        self._lock.close()


def _take_lock(path: Path) -> IO[str]:
    """Keep other processes away from the file for as long as the returned file is open."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = open(f"{path}.lock", "a+", encoding="ascii")  # noqa: SIM115
    except OSError as error:
        raise StoreError(f"cannot write {path.parent}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        who = f" (process {holder})" if holder else ""
        raise StoreError(f"{path} is in use by another Pinnace{who}") from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _boot() -> int:
    """Return a number for the time since the machine was started."""
    try:
        return int(_BOOT.read_text().replace("-", "")[:15], 16)
    except (OSError, ValueError):
        return 1  # not Linux: a power cut is not told from a kill


def _event(row: Row, revision: int, previous: Entry | None) -> Event:
    if row.value is None:
        return Event("DELETE", Entry(row.key, b"", 0, revision), previous)
    return Event("PUT", Entry(row.key, row.value, row.created, revision), previous)
