"""Letting go of history and of old Events."""

from typing import Any

import pytest

from pinnace.apiserver.compaction import KEY, Compactor
from pinnace.store.base import Compacted
from pinnace.store.memory import MemoryStore

EVENTS = "/api/v1/namespaces/default/events"


async def test_a_round_compacts_to_where_the_store_was_a_round_ago() -> None:
    store = MemoryStore()
    compactor = Compactor(store)
    await store.commit(puts=[("/a", b"1")])
    await compactor.round()
    before = await store.revision()
    await store.commit(puts=[("/a", b"2")])
    assert compactor.compacted == 0
    await compactor.round()
    assert compactor.compacted == before
    entry = await store.get(KEY)
    assert entry is not None
    assert entry.value == b"%d" % before
    with pytest.raises(Compacted):
        await store.range("/", revision=before - 1)


async def test_of_two_servers_one_compacts_in_each_round() -> None:
    store = MemoryStore()
    one, other = Compactor(store), Compactor(store)
    for _ in range(4):
        await one.round()
        await other.round()
        await store.commit(puts=[("/a", b"1")])
    assert one.compacted > 0
    assert other.compacted == 0


async def test_when_a_server_is_gone_the_other_takes_over() -> None:
    store = MemoryStore()
    one, other = Compactor(store), Compactor(store)
    for _ in range(3):
        await one.round()
        await other.round()
    await other.round()
    await other.round()
    assert other.compacted > one.compacted


async def test_a_compaction_that_fails_does_not_end_the_server(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(revision: int) -> None:
        raise Compacted(revision)

    monkeypatch.setattr(api.server.core.store, "compact", refuse)
    await api.clock.advance(1000)
    code, _ = await api.do("GET", "/api/v1/namespaces/default")
    assert code == 200
    assert (await api.answer("GET", "/readyz")).status == 200


async def test_events_go_an_hour_after_they_were_last_written(api: Any) -> None:
    regarding = {"kind": "Pod", "namespace": "default", "name": "p"}
    for name in ("a", "b"):
        event = {"metadata": {"name": name}, "involvedObject": regarding}
        assert (await api.do("POST", EVENTS, event))[0] == 201
    await api.clock.advance(3000)
    await api.do("PATCH", f"{EVENTS}/b", {"count": 2}, content_type="application/merge-patch+json")
    await api.clock.advance(1000)
    await api.settle()
    _, left = await api.do("GET", EVENTS)
    assert [item["metadata"]["name"] for item in left["items"]] == ["b"]
