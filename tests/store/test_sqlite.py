import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import apsw
import pytest

from pinnace.store import sqlite
from pinnace.store.base import Compare, CompareFailed, StoreError, StoreUnavailable
from pinnace.store.sqlite import SqliteStore


async def test_everything_is_there_after_opening_again(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await SqliteStore.open(path)
    await store.commit(puts=[("/a", b"1"), ("/b", b"1")])
    await store.commit(puts=[("/a", b"2")], deletes=["/b"])
    await store.close()

    again = await SqliteStore.open(path)
    assert await again.revision() == 3
    entry = await again.get("/a")
    assert entry is not None
    assert (entry.value, entry.created, entry.modified) == (b"2", 2, 3)
    with pytest.raises(CompareFailed):
        await again.commit(compares=[Compare("/b", 2)], puts=[("/b", b"x")])
    assert await again.commit(compares=[Compare("/a", 3)], puts=[("/a", b"3")]) == 4
    await again.close()


async def test_the_revision_does_not_fall_back_after_compacted_deletions(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await SqliteStore.open(path)
    await store.commit(puts=[("/a", b"1")])
    gone = await store.commit(deletes=["/a"])
    await store.compact(gone)
    await store.close()
    again = await SqliteStore.open(path)
    assert await again.revision() == gone
    await again.close()


async def test_many_writers_share_transactions_and_none_is_lost(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "store.db")
    revisions = await asyncio.gather(
        *(store.commit(puts=[(f"/k/{number:03}", b"v")]) for number in range(300))
    )
    assert sorted(revisions) == list(range(2, 302))
    assert len((await store.range("/k/")).entries) == 300
    await store.close()


async def test_of_many_writers_at_one_revision_one_wins(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "store.db")
    base = await store.commit(puts=[("/a", b"0")])
    results = await asyncio.gather(
        *(
            store.commit(compares=[Compare("/a", base)], puts=[("/a", b"%d" % number)])
            for number in range(20)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(result, int) for result in results) == 1
    assert sum(isinstance(result, CompareFailed) for result in results) == 19
    await store.close()


async def test_a_second_store_on_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await SqliteStore.open(path)
    with pytest.raises(StoreError, match=f"in use by another Pinnace \\(process {os.getpid()}\\)"):
        await SqliteStore.open(path)
    await store.close()
    await (await SqliteStore.open(path)).close()


async def test_a_file_of_a_newer_version_is_refused_unharmed(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await (await SqliteStore.open(path)).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="has format 99"):
        await SqliteStore.open(path)
    assert path.read_bytes() == before


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(StoreError, match="cannot open"):
        await SqliteStore.open(path)


async def test_a_failed_transaction_refuses_and_the_store_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await SqliteStore.open(tmp_path / "store.db")
    await store.commit(puts=[("/a", b"1")])
    real = store._database.write

    def full(*args: object, **kwargs: object) -> None:
        raise apsw.FullError("database or disk is full")

    monkeypatch.setattr(store._database, "write", full)
    results = await asyncio.gather(
        store.commit(puts=[("/a", b"2")]),
        store.commit(puts=[("/b", b"1")]),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [StoreUnavailable, StoreUnavailable]
    monkeypatch.setattr(store._database, "write", real)
    assert await store.commit(compares=[Compare("/a", 2)], puts=[("/a", b"3")]) == 3
    assert await store.get("/b") is None
    await store.close()


async def test_the_file_does_not_grow_with_rewrites(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await SqliteStore.open(path)

    async def churn() -> int:
        for _ in range(40):
            await asyncio.gather(
                *(store.commit(puts=[(f"/k/{key}", os.urandom(4000))]) for key in range(50))
            )
            await store.compact(await store.revision())
        return path.stat().st_size

    first = await churn()
    second = await churn()
    assert second <= first * 1.2
    await store.close()


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    writer = textwrap.dedent(
        """
        import asyncio, sys
        from pathlib import Path
        from pinnace.store.sqlite import SqliteStore

        async def main():
            store = await SqliteStore.open(Path(sys.argv[1]))
            async def write(lane):
                for number in range(100000):
                    key = f"/{lane}/{number}"
                    await store.commit(puts=[(key, key.encode())])
                    print(key, flush=True)
            await asyncio.gather(*(write(lane) for lane in range(8)))

        asyncio.run(main())
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", writer, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().strip() for _ in range(300)]
    process.send_signal(signal.SIGKILL)
    acknowledged += [
        line.strip() for line in process.stdout.read().splitlines(keepends=True) if "\n" in line
    ]
    process.wait()
    process.stdout.close()

    async def check() -> None:
        store = await SqliteStore.open(path)
        kept = {entry.key: entry.value for entry in (await store.range("/")).entries}
        await store.close()
        missing = [key for key in acknowledged if kept.get(key) != key.encode()]
        assert missing == []

    asyncio.run(check())


async def test_the_log_is_cut_though_readers_follow_one_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "LOG_LIMIT", 1 << 20)
    store = await SqliteStore.open(tmp_path / "store.db")
    for number in range(30):
        await store.commit(puts=[(f"/{number}", bytes(300_000))])
        reading = [asyncio.ensure_future(store.range("/")) for _ in range(2)]
        await asyncio.wait(reading, return_when=asyncio.FIRST_COMPLETED)
    assert (tmp_path / "store.db-wal").stat().st_size < 2 << 20
    await asyncio.gather(*reading)
    await store.close()


async def test_revisions_that_a_power_cut_may_have_taken_are_not_given_out_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store.db"
    store = await SqliteStore.open(path)
    await store.commit(puts=[("/a", b"1")])
    before = await store.commit(puts=[("/lease", b"1")], durable=False)
    for suffix in ("", "-wal"):  # what is on the disk when the power goes
        shutil.copyfile(f"{path}{suffix}", f"{tmp_path}/cut.db{suffix}")
    await store.close()
    monkeypatch.setattr(sqlite, "_boot", lambda: 7)
    again = await SqliteStore.open(tmp_path / "cut.db")
    assert await again.revision() > before + 1000
    revision = await again.commit(puts=[("/a", b"2")])
    assert revision == await again.revision()
    await again.close()
    clean = await SqliteStore.open(tmp_path / "cut.db")
    assert await clean.revision() == revision
    await clean.close()
