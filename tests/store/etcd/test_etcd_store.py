"""What etcd's store does beyond the contract: outages, certificates, prefixes, leases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pinnace.kit import x509
from pinnace.store.base import Event, StoreError, StoreUnavailable
from pinnace.store.etcd.settings import EtcdSettings
from pinnace.store.etcd.store import EtcdStore
from pinnace.testing.etcd import LocalEtcd, data_directory, installed

pytestmark = pytest.mark.skipif(installed() is None, reason="etcd is not installed")


@pytest.fixture
async def etcd() -> AsyncIterator[LocalEtcd]:
    with data_directory() as directory:
        server = LocalEtcd(directory)
        await server.start()
        yield server
        server.kill()


class Told:
    """What a watch was told, to wait for."""

    def __init__(self, store: EtcdStore, prefix: str, since: int) -> None:
        self.keys: list[str] = []
        self.errors: list[StoreError] = []
        self._changed = asyncio.Event()
        store.watch(prefix, since=since, deliver=self._deliver, failed=self._failed)

    def _deliver(self, events: object) -> None:
        self.keys += [event.entry.key for event in events if isinstance(event, Event)]  # type: ignore[attr-defined]
        self._changed.set()

    def _failed(self, error: StoreError) -> None:
        self.errors.append(error)
        self._changed.set()

    async def until(self, *keys: str) -> None:
        async with asyncio.timeout(60):
            while self.keys != list(keys) and not self.errors:
                self._changed.clear()
                await self._changed.wait()
        assert not self.errors


async def test_a_write_of_one_store_reaches_the_watch_of_another_at_its_revision(
    etcd: LocalEtcd,
) -> None:
    one, other = await EtcdStore.open(etcd.settings()), await EtcdStore.open(etcd.settings())
    told = Told(other, "/registry/", 1)
    revision = await one.commit(puts=[("/registry/a", b"1")])
    await told.until("/registry/a")
    assert await other.revision() == revision
    entry = await other.get("/registry/a")
    assert entry is not None
    assert entry.modified == revision
    await one.close()
    await other.close()


async def test_a_watch_goes_on_where_it_was_when_etcd_comes_back(etcd: LocalEtcd) -> None:
    store = await EtcdStore.open(etcd.settings())
    told, early = Told(store, "/", 1), None
    await store.commit(puts=[("/a", b"1")])
    early = Told(store, "/", 1)
    await early.until("/a")
    etcd.kill()
    with pytest.raises(StoreUnavailable):
        await store.get("/a")
    with pytest.raises(StoreUnavailable):
        await store.commit(puts=[("/b", b"1")])
    await etcd.start()
    async with asyncio.timeout(60):
        while True:
            try:
                await store.commit(puts=[("/c", b"1")])
            except StoreUnavailable:
                continue
            break
    await told.until("/a", "/c")
    await early.until("/a", "/c")
    await store.close()


async def test_an_etcd_that_is_gone_is_refused_in_one_line(etcd: LocalEtcd) -> None:
    etcd.kill()
    with pytest.raises(StoreError, match=f"no etcd server answers at {etcd.url}"):
        await EtcdStore.open(etcd.settings(), wait=0.5)


async def test_the_next_server_is_tried_when_one_is_gone(etcd: LocalEtcd) -> None:
    servers = ("http://127.0.0.1:9", etcd.url)
    store = await EtcdStore.open(EtcdSettings(servers=servers))
    assert await store.commit(puts=[("/a", b"1")]) == 2
    await store.close()


async def test_a_prefix_takes_the_place_of_registry(etcd: LocalEtcd) -> None:
    mine = await EtcdStore.open(etcd.settings(prefix="/clusters/one"))
    plain = await EtcdStore.open(etcd.settings())
    told = Told(mine, "/registry/", 1)
    await mine.commit(puts=[("/registry/pods/default/a", b"1")])
    await told.until("/registry/pods/default/a")
    assert [entry.key for entry in (await mine.range("/registry/")).entries] == [
        "/registry/pods/default/a"
    ]
    assert [entry.key for entry in (await plain.range("/")).entries] == [
        "/clusters/one/pods/default/a"
    ]
    await mine.close()
    await plain.close()


async def test_what_has_a_time_to_live_goes_by_itself(etcd: LocalEtcd) -> None:
    store = await EtcdStore.open(etcd.settings())
    told = Told(store, "/", 1)
    await store.commit(puts=[("/a", b"1")], ttl=1)
    await told.until("/a", "/a")
    assert await store.get("/a") is None
    await store.close()


async def test_who_asks_for_the_revision_gets_one_that_is_not_older_than_the_question(
    etcd: LocalEtcd,
) -> None:
    one, other = await EtcdStore.open(etcd.settings()), await EtcdStore.open(etcd.settings())
    for _ in range(20):
        asked = [asyncio.ensure_future(other.revision()) for _ in range(3)]
        await asyncio.sleep(0)
        written = await one.commit(puts=[("/a", b"1")])
        assert await other.revision() >= written
        await asyncio.gather(*asked)
    await one.close()
    await other.close()


async def test_certificates_are_shown_and_checked(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    authority = x509.make_authority("etcd-ca", now=now)
    (tmp_path / "ca.crt").write_bytes(authority.pem)
    subject = x509.Subject("etcd")
    for name, serves in (("server", True), ("client", False)):
        ips = ["127.0.0.1"] if serves else []
        pair = x509.issue(authority, subject, now=now, ips=ips, server=serves, client=True)
        (tmp_path / f"{name}.crt").write_bytes(pair.certificate)
        (tmp_path / f"{name}.key").write_bytes(pair.key)
    files = (tmp_path / "server.crt", tmp_path / "server.key", tmp_path / "ca.crt")
    with data_directory() as directory:
        server = LocalEtcd(directory, tls=files)
        await server.start()
        try:
            await _with_and_without_certificate(server.url, tmp_path)
        finally:
            server.kill()


async def _with_and_without_certificate(url: str, files: Path) -> None:
    known = EtcdSettings(
        servers=(url,), ca_file=files / "ca.crt",
        cert_file=files / "client.crt", key_file=files / "client.key",
    )  # fmt: skip
    store = await EtcdStore.open(known)
    assert await store.commit(puts=[("/a", b"1")]) == 2
    await store.close()
    with pytest.raises(StoreError, match="no etcd server answers"):
        await EtcdStore.open(EtcdSettings(servers=(url,), ca_file=files / "ca.crt"), wait=0.5)
