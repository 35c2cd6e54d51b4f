"""Health answers show what is wrong, in upstream's words."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from pinnace.api.wire import Request, Response
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import VirtualClock
from pinnace.store.base import Compare, Entry, StoreUnavailable
from pinnace.store.memory import MemoryStore


class Disk(MemoryStore):
    """A store whose disk can be full, or gone."""

    full = gone = False

    async def get(self, key: str) -> Entry | None:
        if self.gone:
            raise StoreUnavailable("no such device")
        return await super().get(key)

    async def commit(
        self,
        *,
        compares: Sequence[Compare] = (),
        puts: Sequence[tuple[str, bytes]] = (),
        deletes: Sequence[str] = (),
        durable: bool = True,
        ttl: int = 0,
    ) -> int:
        if self.full:
            raise StoreUnavailable("database or disk is full")
        return await super().commit(
            compares=compares, puts=puts, deletes=deletes, durable=durable, ttl=ttl
        )


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
async def server(disk: Disk) -> AsyncIterator[ApiServer]:
    made = ApiServer(disk, VirtualClock(), ServerConfig())
    await made.start()
    yield made
    await made.close()


async def ask(server: ApiServer, path: str, **query: Any) -> tuple[int, str]:
    values = {name: value if isinstance(value, list) else [value] for name, value in query.items()}
    answer = await server.handle(Request(method="GET", path=path, query=values))
    assert isinstance(answer, Response)
    return answer.status, answer.body.decode()


async def fail_a_write(server: ApiServer) -> int:
    body = b'{"metadata":{"name":"a"}}'
    path = "/api/v1/namespaces/default/configmaps"
    answer = await server.handle(Request(method="POST", path=path, body=body))
    assert isinstance(answer, Response)
    return answer.status


async def test_a_server_that_has_started_passes_every_check(server: ApiServer) -> None:
    for kind in ("healthz", "livez", "readyz"):
        assert await ask(server, f"/{kind}") == (200, "ok")
        code, text = await ask(server, f"/{kind}", verbose="")
        assert code == 200
        assert text.startswith("[+]ping ok\n[+]log ok\n[+]etcd ok\n")
        assert text.endswith(f"\n{kind} check passed\n")
        assert "[+]poststarthook/rbac/bootstrap-roles ok" in text
    assert await ask(server, "/readyz/poststarthook/rbac/bootstrap-roles") == (200, "ok")
    assert await ask(server, "/livez/nope") == (404, "404 page not found\n")


async def test_a_server_is_not_ready_before_its_start_up_is_done(disk: Disk) -> None:
    code, text = await ask(ApiServer(disk, VirtualClock(), ServerConfig()), "/readyz")
    assert code == 500
    assert "[-]informer-sync failed: reason withheld\n" in text
    assert "[-]poststarthook/rbac/bootstrap-roles failed: reason withheld\n" in text


async def test_a_full_disk_makes_the_server_unready_until_there_is_space(
    server: ApiServer, disk: Disk
) -> None:
    disk.full = True
    assert await fail_a_write(server) in (500, 503)
    code, text = await ask(server, "/readyz")
    assert code == 500
    assert "[+]etcd ok\n[-]etcd-readiness failed: reason withheld\n" in text
    assert text.endswith("readyz check failed\n")
    assert await ask(server, "/livez") == (200, "ok")
    disk.full = False
    assert await ask(server, "/readyz") == (200, "ok")


async def test_a_store_that_cannot_be_read_fails_liveness(server: ApiServer, disk: Disk) -> None:
    disk.gone = True
    code, text = await ask(server, "/livez")
    assert (code, "[-]etcd failed: reason withheld" in text) == (500, True)
    assert await ask(server, "/livez/etcd") == (500, "internal server error: no such device\n")


async def test_checks_can_be_left_out(server: ApiServer, disk: Disk) -> None:
    disk.gone = True
    assert await ask(server, "/livez", exclude="etcd") == (200, "ok")
    _, text = await ask(server, "/livez", exclude=["etcd", "b", "a"], verbose="")
    assert "[+]etcd excluded: ok\n" in text
    assert 'warn: some health checks cannot be excluded: no matches for "a","b"\n' in text


async def test_a_watch_on_the_store_that_ends_ends_the_server(
    server: ApiServer, disk: Disk
) -> None:
    ended = asyncio.ensure_future(server.ended())
    await disk.close()
    with pytest.raises(StoreUnavailable):
        await ended
    code, text = await ask(server, "/readyz")
    assert (code, "[-]informer-sync failed: reason withheld" in text) == (500, True)


async def test_a_server_about_to_end_is_alive_and_not_ready(server: ApiServer) -> None:
    server.announce_end()
    code, text = await ask(server, "/readyz")
    assert (code, "[-]shutdown failed: reason withheld" in text) == (500, True)
    assert await ask(server, "/livez") == (200, "ok")
