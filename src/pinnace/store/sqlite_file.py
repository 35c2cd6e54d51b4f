"""The SQLite file and the threads that touch it: the only door to apsw."""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import apsw

from pinnace.store.base import Entry, Event, StoreError, StoreUnavailable

T = TypeVar("T")

SHIFT = 20
SCHEMA_VERSION = 1
# One statement for many rows waits once, and not for each row, for a busy interpreter.
_ROWS_AT_ONCE = 64
_READ_AT_ONCE = 500
# More relaxed commits than are made between two flushes.
_SKIPPED = 1_000_000
# The log is cut to its usual size whenever it begins anew, which it does when all of it is in the
# file and nobody reads it. Beyond the limit, readers are made to wait until that is so.
_LOG_BYTES = 8 * 1024 * 1024
LOG_LIMIT = 32 * 1024 * 1024
# How many free pages go back to the file system in one transaction, and how many are kept.
_PAGES_AT_ONCE = 512
_PAGES_KEPT = 1024
# "pinn", so that `file` and a curious operator can tell whose file this is.
APPLICATION_ID = 0x70696E6E

SCHEMA = """
CREATE TABLE revisions (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    created INTEGER NOT NULL,
    value BLOB
);
CREATE UNIQUE INDEX by_key ON revisions (key, id, created);
CREATE TABLE facts (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO facts VALUES ('compacted', 0);
"""


class Row(NamedTuple):
    """One row: a deletion has created 0 and no value."""

    id: int
    key: str
    created: int
    value: bytes | None


@dataclass(frozen=True, slots=True)
class State:
    """What the store holds in memory about the file."""

    heads: dict[str, tuple[int, int]]
    superseded: list[tuple[int, int]]
    revision: int
    compacted: int


class Database:
    """One connection, used by one thread."""

    def __init__(self, connection: apsw.Connection, path: Path) -> None:
        self._connection = connection
        self._log = Path(f"{path}-wal")
        self._flushing = True

    @classmethod
    def open(cls, path: Path) -> "Database":
        """Open the file, creating it when new; raises StoreError in one line."""
        try:
            connection = apsw.Connection(str(path))
            connection.set_busy_timeout(5000)
            version = _pragma(connection, "user_version")
            if version == 0 and _pragma(connection, "schema_version") == 0:
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("PRAGMA page_size = 8192")
                connection.execute("PRAGMA journal_mode = WAL")
                with connection:
                    connection.execute(SCHEMA)
                    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            elif version != SCHEMA_VERSION:
                connection.close()
                raise StoreError(
                    f"{path} has format {version}, this version of Pinnace reads "
                    f"{SCHEMA_VERSION}: use the version that wrote it"
                )
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
        except apsw.Error as error:
            raise StoreError(f"cannot open {path}: {error}") from error
        return cls(connection, path)

    def state(self) -> State:
        """Read every key's revisions; the values stay on disk."""
        heads: dict[str, tuple[int, int]] = {}
        superseded: list[tuple[int, int]] = []
        newest = 1 << SHIFT
        last_key, last_id = "", 0
        rows = self._connection.execute("SELECT key, id, created FROM revisions ORDER BY key, id")
        for key, row_id, created in rows:
            newest = max(newest, row_id)
            if key == last_key:
                superseded.append((row_id >> SHIFT, last_id))
            last_key, last_id = key, row_id
            if created:
                heads[key] = (row_id, created)
            else:
                heads.pop(key, None)
                superseded.append((row_id >> SHIFT, row_id))
        superseded.sort()
        compacted = self._fact("compacted")
        # A compacted deletion may have been the newest row: the revision must not fall back.
        revision = max(newest >> SHIFT, compacted, self._fact("floor"))
        return State(heads, superseded, revision, compacted)

    def begin(self, boot: int, revision: int) -> int:
        """Note that the file is in use since a boot of the machine; return where to go on from.

        After a power cut the last relaxed commits may be lost, and somebody may have seen their
        revisions: those are never given out again.
        """
        before = self._fact("in_use")
        if before and before != boot:
            revision += _SKIPPED
        with self._connection:
            self._set_fact("floor", revision)
            self._set_fact("in_use", boot)
        return revision

    def end(self) -> None:
        """Note that the file is complete."""
        with self._connection:
            self._set_fact("in_use", 0)

    def _set_fact(self, name: str, number: int) -> None:
        self._connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, number))

    def _fact(self, name: str) -> int:
        row = self._connection.execute(
            "SELECT number FROM facts WHERE name = ?", (name,)
        ).fetchone()
        return int(row[0]) if row else 0

    def get(self, key: str) -> Entry | None:
        """Return the newest entry of a key, or None."""
        row = self._connection.execute(
            "SELECT id, created, value FROM revisions WHERE key = ? ORDER BY id DESC LIMIT 1",
            (key,),
        ).fetchone()
        if row is None or row[1] == 0:
            return None
        return Entry(key, row[2], row[1], row[0] >> SHIFT)

    def range(self, prefix: str, after: str, limit: int, revision: int) -> tuple[list[Entry], int]:
        """Return the entries at a revision in key order, and how many the limit left out."""
        upper = ((revision + 1) << SHIFT) - 1
        ids = [
            row_id
            for row_id, created in self._connection.execute(
                # With max(), SQLite takes the other columns from the row that has the maximum.
                "SELECT max(id), created FROM revisions WHERE key >= ? AND key > ? AND key < ?"
                " AND id <= ? GROUP BY key ORDER BY key",
                (prefix, after, prefix + "\U0010ffff", upper),
            )
            if created
        ]
        wanted = ids[:limit] if limit else ids
        found: list[Entry] = []
        for at in range(0, len(wanted), _READ_AT_ONCE):
            found += self._entries(wanted[at : at + _READ_AT_ONCE])
        return found, len(ids) - len(wanted)

    def _entries(self, ids: Sequence[int]) -> list[Entry]:
        """Return the entries of rows, in the order of their ids as given."""
        rows = {
            row_id: Entry(key, value, created, row_id >> SHIFT)
            for row_id, key, value, created in self._connection.execute(_select(len(ids)), ids)
        }
        missing = [row_id for row_id in ids if row_id not in rows]
        if missing:
            raise StoreUnavailable(f"row {missing[0]} was compacted while it was read")
        return [rows[row_id] for row_id in ids]

    def history(self, prefix: str, since: int, upto: int) -> list[Event]:
        """Return the events under a prefix after one revision up to another."""
        rows = self._connection.execute(
            "SELECT id, key, created, value FROM revisions WHERE id >= ? AND id < ?"
            " AND key >= ? AND key < ? ORDER BY id",
            ((since + 1) << SHIFT, (upto + 1) << SHIFT, prefix, prefix + "\U0010ffff"),
        ).fetchall()
        return [self._past_event(Row(*row)) for row in cast("list[Row]", rows)]

    def _past_event(self, row: Row) -> Event:
        found = self._connection.execute(
            "SELECT id, created, value FROM revisions WHERE key = ? AND id < ?"
            " ORDER BY id DESC LIMIT 1",
            (row.key, row.id),
        ).fetchone()
        previous = None
        if found is not None and found[1]:
            previous = Entry(row.key, found[2], found[1], found[0] >> SHIFT)
        revision = row.id >> SHIFT
        if row.value is None:
            return Event("DELETE", Entry(row.key, b"", 0, revision), previous)
        return Event("PUT", Entry(row.key, row.value, row.created, revision), previous)

    def write(
        self, rows: Sequence[Row], replaced: Sequence[int | None], *, durable: bool
    ) -> list[Entry | None]:
        """Insert the rows in one transaction; return the entries that they replace, if asked."""
        if durable != self._flushing:
            # NORMAL leaves the flush of a WAL commit to the next checkpoint or durable commit.
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._flushing = durable
        with self._connection:
            previous = [None if old is None else self._before(old, rows) for old in replaced]
            for at in range(0, len(rows), _ROWS_AT_ONCE):
                some = rows[at : at + _ROWS_AT_ONCE]
                values = [value for row in some for value in row]
                self._connection.execute(_insert(len(some)), values)
        return previous

    def _before(self, row_id: int, rows: Sequence[Row]) -> Entry | None:
        row = self._connection.execute(
            "SELECT key, created, value FROM revisions WHERE id = ?", (row_id,)
        ).fetchone()
        if row is not None:
            return Entry(row[0], row[2], row[1], row_id >> SHIFT)
        for pending in rows:  # replaced within its own batch
            if pending.id == row_id and pending.value is not None:
                return Entry(pending.key, pending.value, pending.created, row_id >> SHIFT)
        return None

    def forget(self, ids: Sequence[int]) -> None:
        """Delete superseded rows."""
        with self._connection:
            self._connection.executemany(
                "DELETE FROM revisions WHERE id = ?", [(row_id,) for row_id in ids]
            )

    def finish_compaction(self, revision: int) -> None:
        """Remember the compacted revision."""
        with self._connection:
            self._connection.execute(
                "UPDATE facts SET number = ? WHERE name = 'compacted'", (revision,)
            )

    def free_pages(self) -> int:
        """Return how many pages may go back to the file system: half of those beyond the spare."""
        free = _pragma(self._connection, "freelist_count")
        return free // 2 if free > _PAGES_KEPT else 0

    def shrink(self, pages: int) -> int:
        """Give some of the pages back, in one short transaction; return how many are left to do."""
        some = min(pages, _PAGES_AT_ONCE)
        for _ in self._connection.execute(f"PRAGMA incremental_vacuum({some})"):
            pass
        return pages - some

    def log_bytes(self) -> int:
        """Return the size of the write-ahead log."""
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0

    def cut_log(self) -> None:
        """Bring the log into the file and empty it; nobody may be reading."""
        self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _pragma(connection: apsw.Connection, name: str) -> int:
    row = connection.execute(f"PRAGMA {name}").fetchone()
    return int(row[0]) if row else 0


Job = tuple[Callable[[], Any], Callable[[Any, StoreError | None], None]]


@cache
def _select(rows: int) -> str:
    """Return the statement that reads so many rows."""
    marks = ", ".join("?" * rows)
    return f"SELECT id, key, value, created FROM revisions WHERE id IN ({marks})"


@cache
def _insert(rows: int) -> str:
    """Return the statement that inserts so many rows."""
    return "INSERT INTO revisions VALUES " + ", ".join(["(?, ?, ?, ?)"] * rows)


class Worker:
    """One thread that runs jobs in order and answers in the event loop.

    `turn` is held during each job.
    """

    def __init__(self, name: str) -> None:
        self.turn = threading.Lock()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def post(self, work: Callable[[], T], done: Callable[[T, StoreError | None], None]) -> None:
        """Run `work` in the thread, then `done(result, error)` in the event loop."""
        self._jobs.put((work, done))

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in the thread and return what it returns; raises StoreError."""
        future: asyncio.Future[T] = self._loop.create_future()

        def answer(result: T, error: StoreError | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self.post(work, answer)
        return await future

    async def stop(self) -> None:
        """End the thread after the jobs that it has."""
        self._jobs.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    def _work(self) -> None:
        for work, done in self._next_jobs():
            result: Any = None
            error: StoreError | None = None
            try:
                with self.turn:
                    result = work()
            except StoreError as refused:
                error = refused
            except (apsw.Error, OSError) as failed:
                error = StoreUnavailable(f"the store cannot be used: {failed}")
            if self._loop.is_closed():
                return
            self._loop.call_soon_threadsafe(done, result, error)

    def _next_jobs(self) -> Iterator[Job]:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            yield job
