"""The one suite that every store backend passes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pinnace.kit.clock import SystemClock
from pinnace.store.base import (
    MOST_BYTES,
    MOST_KEYS,
    Compacted,
    Compare,
    CompareFailed,
    Event,
    Store,
    StoreError,
    StoreUnavailable,
    TooLarge,
)
from pinnace.store.encryption.aes import Gcm
from pinnace.store.encryption.base import Transformer
from pinnace.store.encryption.settings import Encryption
from pinnace.store.encryption.store import EncryptedStore
from pinnace.store.encryption.transformers import Transformers
from pinnace.store.etcd.store import EtcdStore
from pinnace.store.memory import MemoryStore
from pinnace.store.sqlite import SqliteStore
from pinnace.testing.etcd import LocalEtcd, data_directory, installed


async def memory(tmp_path: Path) -> AsyncIterator[Store]:
    yield MemoryStore()


async def sqlite(tmp_path: Path) -> AsyncIterator[Store]:
    yield await SqliteStore.open(tmp_path / "store.db")


async def etcd(tmp_path: Path) -> AsyncIterator[Store]:
    if installed() is None:
        pytest.skip("etcd is not installed")
    with data_directory() as directory:
        server = LocalEtcd(directory)
        await server.start()
        try:
            yield await EtcdStore.open(server.settings())
        finally:
            server.kill()


class Encrypted(EncryptedStore):
    """Encrypts every value, whatever its key."""

    def _of(self, key: str) -> Transformer | None:
        return Gcm(b"0123456789abcdef")


async def encrypted(tmp_path: Path) -> AsyncIterator[Store]:
    transformers = Transformers(Encryption(()), SystemClock())
    yield Encrypted(await SqliteStore.open(tmp_path / "store.db"), transformers, {})


BACKENDS = {"memory": memory, "sqlite": sqlite, "etcd": etcd, "encrypted": encrypted}


@pytest.fixture(params=BACKENDS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with asynccontextmanager(BACKENDS[request.param])(tmp_path) as backend:
        yield backend
        await backend.close()


class Listener:
    """Remembers what a watch was told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.errors: list[StoreError] = []
        self._told = asyncio.Event()

    def deliver(self, events: Sequence[Event]) -> None:
        self.events.extend(events)
        self._told.set()

    def failed(self, error: StoreError) -> None:
        self.errors.append(error)
        self._told.set()

    async def until(self, *, events: int = 0, errors: int = 0) -> None:
        """Wait for what a backend reads from somewhere else."""
        async with asyncio.timeout(30):
            while len(self.events) < events or len(self.errors) < errors:
                self._told.clear()
                await self._told.wait()

    def told(self) -> list[tuple[str, str, int]]:
        return [(event.type, event.entry.key, event.entry.modified) for event in self.events]


def listen(store: Store, prefix: str, since: int) -> Listener:
    listener = Listener()
    store.watch(prefix, since=since, deliver=listener.deliver, failed=listener.failed)
    return listener


async def put(store: Store, key: str, value: bytes = b"v") -> int:
    return await store.commit(puts=[(key, value)])


async def test_a_new_store_is_at_revision_one(store: Store) -> None:
    assert await store.revision() == 1
    assert await store.get("/a") is None
    assert (await store.range("/")).entries == []


async def test_every_commit_raises_the_revision_by_one(store: Store) -> None:
    assert [await put(store, "/a"), await put(store, "/b"), await put(store, "/a")] == [2, 3, 4]
    entry = await store.get("/a")
    assert entry is not None
    assert (entry.created, entry.modified) == (2, 4)


async def test_a_commit_writes_all_keys_at_one_revision(store: Store) -> None:
    await put(store, "/old")
    revision = await store.commit(puts=[("/a", b"1"), ("/b", b"2")], deletes=["/old"])
    page = await store.range("/")
    assert [(entry.key, entry.value, entry.modified) for entry in page.entries] == [
        ("/a", b"1", revision),
        ("/b", b"2", revision),
    ]


async def test_create_fails_when_the_key_is_there(store: Store) -> None:
    await store.commit(compares=[Compare("/a", 0)], puts=[("/a", b"first")])
    with pytest.raises(CompareFailed) as failed:
        await store.commit(compares=[Compare("/a", 0)], puts=[("/a", b"second")])
    assert failed.value.current is not None
    assert failed.value.current.value == b"first"
    assert await store.revision() == 2


async def test_update_at_a_stale_revision_changes_nothing(store: Store) -> None:
    first = await put(store, "/a", b"1")
    await store.commit(compares=[Compare("/a", first)], puts=[("/a", b"2")])
    with pytest.raises(CompareFailed):
        await store.commit(compares=[Compare("/a", first)], puts=[("/a", b"3"), ("/b", b"x")])
    assert await store.get("/b") is None


async def test_a_key_created_again_has_a_new_creation_revision(store: Store) -> None:
    await put(store, "/a")
    await store.commit(deletes=["/a"])
    revision = await put(store, "/a")
    entry = await store.get("/a")
    assert entry is not None
    assert entry.created == revision


async def test_deleting_what_is_absent_changes_nothing(store: Store) -> None:
    await put(store, "/a")
    assert await store.commit(deletes=["/b"]) == 2
    assert await store.revision() == 2


async def test_ranges_are_ordered_limited_and_continued(store: Store) -> None:
    for name in ("c", "a", "d", "b"):
        await put(store, f"/x/{name}")
    await put(store, "/y/a")
    first = await store.range("/x/", limit=3)
    assert [entry.key for entry in first.entries] == ["/x/a", "/x/b", "/x/c"]
    assert (first.more, first.remaining) == (True, 1)
    rest = await store.range("/x/", after="/x/c", limit=3, revision=first.revision)
    assert [entry.key for entry in rest.entries] == ["/x/d"]
    assert (rest.more, rest.remaining) == (False, 0)


async def test_a_range_reads_an_older_revision(store: Store) -> None:
    await put(store, "/a", b"1")
    then = await put(store, "/b", b"1")
    await put(store, "/a", b"2")
    await store.commit(deletes=["/b"])
    await put(store, "/c", b"1")
    page = await store.range("/", revision=then)
    assert [(entry.key, entry.value) for entry in page.entries] == [("/a", b"1"), ("/b", b"1")]


async def test_a_revision_in_the_future_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="future"):
        await store.range("/", revision=99)


async def test_events_are_delivered_before_commit_returns(store: Store) -> None:
    listener = listen(store, "/a/", since=1)
    await put(store, "/a/1", b"one")
    await put(store, "/b/1")
    await put(store, "/a/1", b"two")
    await store.commit(deletes=["/a/1"])
    assert listener.told() == [("PUT", "/a/1", 2), ("PUT", "/a/1", 4), ("DELETE", "/a/1", 5)]
    previous = [event.previous.value if event.previous else None for event in listener.events]
    assert previous == [None, b"one", b"two"]


async def test_a_watch_from_the_past_replays_and_goes_on(store: Store) -> None:
    for name in ("1", "2", "3"):
        await put(store, f"/a/{name}")
    listener = listen(store, "/a/", since=2)
    await put(store, "/a/4")
    await listener.until(events=3)
    assert [key for _, key, _ in listener.told()] == ["/a/2", "/a/3", "/a/4"]


async def test_a_replayed_event_knows_what_it_replaced(store: Store) -> None:
    await put(store, "/a", b"1")
    await put(store, "/a", b"2")
    await store.commit(deletes=["/a"])
    listener = listen(store, "/a", since=2)
    await listener.until(events=2)
    previous = [event.previous.value if event.previous else None for event in listener.events]
    assert previous == [b"1", b"2"]


async def test_a_closed_watch_hears_nothing_more(store: Store) -> None:
    listener = Listener()
    watch = store.watch("/", since=1, deliver=listener.deliver, failed=listener.failed)
    await put(store, "/a")
    watch.close()
    await put(store, "/b")
    assert [key for _, key, _ in listener.told()] == ["/a"]


async def test_compaction_keeps_what_is_current_and_forgets_the_rest(store: Store) -> None:
    first = await put(store, "/a", b"1")
    await put(store, "/b", b"1")
    await store.commit(deletes=["/b"])
    now = await put(store, "/a", b"2")
    await store.compact(now)
    assert [entry.value for entry in (await store.range("/")).entries] == [b"2"]
    assert [entry.value for entry in (await store.range("/", revision=now)).entries] == [b"2"]
    with pytest.raises(Compacted):
        await store.range("/", revision=first)
    listener = listen(store, "/", since=first)
    await listener.until(errors=1)
    assert [type(error) for error in listener.errors] == [Compacted]
    assert listen(store, "/", since=now).errors == []


async def test_reads_at_the_compacted_revision_still_work(store: Store) -> None:
    await put(store, "/a", b"1")
    kept = await put(store, "/b", b"1")
    await put(store, "/a", b"2")
    await store.compact(kept)
    page = await store.range("/", revision=kept)
    assert [(entry.key, entry.value) for entry in page.entries] == [("/a", b"1"), ("/b", b"1")]


async def test_a_closed_store_refuses_and_ends_its_watches(store: Store) -> None:
    listener = listen(store, "/", since=1)
    await store.close()
    assert [type(error) for error in listener.errors] == [StoreUnavailable]
    with pytest.raises(StoreUnavailable):
        await put(store, "/a")


async def test_relaxed_commits_are_seen_like_others(store: Store) -> None:
    listener = listen(store, "/", since=1)
    await store.commit(puts=[("/a", b"1")], durable=False)
    await put(store, "/b")
    assert [key for _, key, _ in listener.told()] == ["/a", "/b"]


async def test_those_who_watch_from_different_moments_hear_each_event_once(store: Store) -> None:
    for name in ("1", "2", "3"):
        await put(store, f"/a/{name}")
    late, early = listen(store, "/a/", since=4), listen(store, "/a/", since=2)
    await put(store, "/a/4")
    await early.until(events=3)
    assert [key for _, key, _ in late.told()] == ["/a/4"]
    assert [key for _, key, _ in early.told()] == ["/a/2", "/a/3", "/a/4"]


async def test_who_lost_has_been_told_of_what_it_lost_to(store: Store) -> None:
    listener = listen(store, "/", since=1)
    lost = await asyncio.gather(
        *(store.commit(compares=[Compare("/a", 0)], puts=[("/a", b"%d" % n)]) for n in range(5)),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in lost) == ["CompareFailed"] * 4 + ["int"]
    assert listener.told() == [("PUT", "/a", 2)]


async def test_a_range_is_whole_however_many_keys_it_has(store: Store) -> None:
    names = [f"/x/{number:05}" for number in range(4500)]
    for at in range(0, len(names), MOST_KEYS):
        await store.commit(puts=[(name, b"v") for name in names[at : at + MOST_KEYS]])
    page = await store.range("/x/")
    assert [entry.key for entry in page.entries] == names
    assert (page.more, page.remaining) == (False, 0)
    part = await store.range("/x/", limit=4000)
    assert (len(part.entries), part.more, part.remaining) == (4000, True, 500)


async def test_a_commit_of_too_many_keys_is_refused(store: Store) -> None:
    puts = [(f"/{number}", b"v") for number in range(MOST_KEYS + 1)]
    with pytest.raises(StoreError):
        await store.commit(puts=puts)
    assert await store.revision() == 1


async def test_values_larger_than_the_limit_are_refused(store: Store) -> None:
    with pytest.raises(TooLarge, match="etcdserver: request is too large"):
        await put(store, "/a", bytes(MOST_BYTES + 1))
    assert await store.get("/a") is None
    await put(store, "/a", bytes(MOST_BYTES - 1024))
