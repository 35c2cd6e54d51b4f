"""The store with transformers before it: nothing plain lies there, and nothing else changes."""

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from pinnace.kit.clock import VirtualClock
from pinnace.store.base import Compare, CompareFailed, Event, Store
from pinnace.store.encryption.base import TransformError
from pinnace.store.encryption.kms import Kms
from pinnace.store.encryption.settings import read
from pinnace.store.encryption.store import EncryptedStore
from pinnace.store.encryption.transformers import Transformers
from pinnace.store.memory import MemoryStore
from pinnace.store.sqlite import SqliteStore

SECRET, POD = "/registry/secrets/n/a", "/registry/pods/n/a"
BUILT_IN = {"/registry/secrets": ("", "secrets"), "/registry/pods": ("", "pods")}


def transformers(*keys: str, plain: bool = True) -> Transformers:
    listed = [{"name": key, "secret": base64.b64encode(key.encode() * 32).decode()} for key in keys]
    rule = {
        "resources": ["secrets", "things.example.com"],
        "providers": [{"aesgcm": {"keys": listed}}, *([{"identity": {}}] if plain else [])],
    }
    given = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [rule],
    }
    return Transformers(read(orjson.dumps(given)), VirtualClock())


@pytest.fixture(params=["memory", "sqlite"])
async def inner(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    store: Store
    if request.param == "memory":
        store = MemoryStore()
    else:
        store = await SqliteStore.open(tmp_path / "s.db")
    yield store
    await store.close()


async def raw(store: Store, key: str) -> bytes:
    entry = await store.get(key)
    assert entry is not None
    return entry.value


async def test_values_are_encrypted_where_they_lie_and_plain_to_whoever_asks(inner: Store) -> None:
    store = EncryptedStore(inner, transformers("a"), BUILT_IN)
    seen: list[Event] = []
    watch = store.watch("", since=await store.revision(), deliver=seen.extend, failed=print)
    custom = "/registry/example.com/things/n/a"
    await store.commit(puts=[(SECRET, b"{one}"), (POD, b"{pod}"), (custom, b"{custom}")])
    revision = await store.revision()
    assert (await raw(inner, SECRET)).startswith(b"k8s:enc:aesgcm:v1:a:")
    assert b"custom" not in await raw(inner, custom)
    assert await raw(inner, POD) == b"{pod}"
    await store.commit(puts=[(SECRET, b"{two}")])
    assert await raw(store, SECRET) == b"{two}"
    [old] = (await store.range("/registry/secrets/", revision=revision)).entries
    assert old.value == b"{one}"
    changes = [(event.entry.value, event.previous and event.previous.value) for event in seen]
    assert changes[-1] == (b"{two}", b"{one}")
    with pytest.raises(CompareFailed) as caught:
        await store.commit(compares=[Compare(SECRET, 0)], puts=[(SECRET, b"")])
    assert caught.value.current is not None
    assert caught.value.current.value == b"{two}"
    later: list[Event] = []
    past = store.watch("/registry/secrets/", since=1, deliver=later.extend, failed=print)
    for _ in range(200):
        if len(later) == 2:
            break
        await asyncio.sleep(0.01)
    assert [event.entry.value for event in later] == [b"{one}", b"{two}"]
    watch.close()
    past.close()


async def test_what_another_key_wrote_is_read_and_is_stale_until_it_is_written_again(
    inner: Store,
) -> None:
    store = EncryptedStore(inner, transformers("a"), BUILT_IN)
    await store.commit(puts=[(SECRET, b"{}")])
    assert not await store.is_stale(SECRET)
    store.use(transformers("b", "a"))
    assert await raw(store, SECRET) == b"{}"
    assert await store.is_stale(SECRET)
    await store.commit(puts=[(SECRET, b"{}")])
    assert not await store.is_stale(SECRET)
    assert not await store.is_stale(POD)
    assert not await store.is_stale("/registry/secrets/n/none")


async def test_a_value_that_cannot_be_read_is_said_to_be_so_and_the_others_are_read(
    inner: Store,
) -> None:
    await EncryptedStore(inner, transformers("a"), BUILT_IN).commit(puts=[(SECRET, b"{}")])
    store = EncryptedStore(inner, transformers("b"), BUILT_IN)
    good = "/registry/secrets/n/b"
    await store.commit(puts=[(good, b"{b}")])
    page = await store.range("/registry/secrets/")
    assert [entry.value for entry in page.entries] == [b"", b"{b}"]
    why = "no matching key was found for the provided AES transformer"
    with pytest.raises(TransformError) as caught:
        store.check("/registry/secrets/")
    assert str(caught.value) == f'unable to transform key "{SECRET}": {why}'
    with pytest.raises(TransformError, match=f"^{why}$"):
        store.check_key(SECRET)
    store.check("/registry/pods/")
    store.check_key(good)
    store.use(transformers("b", "a"))
    assert store.forget_unreadable() == [SECRET]
    assert await raw(store, SECRET) == b"{}"


async def test_an_encrypted_value_where_none_is_expected_cannot_be_read(inner: Store) -> None:
    await inner.commit(puts=[(POD, b"k8s:enc:aesgcm:v1:a:xyz")])
    store = EncryptedStore(inner, transformers("a"), BUILT_IN)
    assert await raw(store, POD) == b""
    with pytest.raises(TransformError, match="identity transformer tried to read encrypted data"):
        store.check_key(POD)


async def test_events_keep_their_order_when_a_plugin_is_asked_first(plugin: Any) -> None:
    inner, clock = MemoryStore(), VirtualClock()
    other = Kms("p", plugin, clock)
    own = Kms("p", plugin, clock)
    await other.start()
    await own.start()

    class Made(Transformers):
        def of(self, group: str, resource: str) -> Any:
            return own if resource == "secrets" else None

    store = EncryptedStore(inner, Made(read_nothing(), clock), BUILT_IN)
    seen: list[str] = []

    def deliver(events: Sequence[Event]) -> None:
        seen.extend(event.entry.value.decode() for event in events)

    store.watch("", since=1, deliver=deliver, failed=print)
    await inner.commit(puts=[(SECRET, other.write(b"foreign", SECRET.encode()))])
    assert seen == []
    await store.commit(puts=[(POD, b"own")])
    assert seen == ["foreign", "own"]
    await own.close()
    await other.close()
    await store.close()


def read_nothing() -> Any:
    return read(
        orjson.dumps(
            {
                "apiVersion": "apiserver.config.k8s.io/v1",
                "kind": "EncryptionConfiguration",
                "resources": [{"resources": ["none"], "providers": [{"identity": {}}]}],
            }
        )
    )
