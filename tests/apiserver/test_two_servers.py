"""Two servers on one etcd: each is right though the other writes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import orjson
import pytest

from pinnace.api.wire import Request, Response, Stream
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import SystemClock
from pinnace.store.etcd.store import EtcdStore
from pinnace.testing.etcd import LocalEtcd, data_directory, installed

pytestmark = pytest.mark.skipif(installed() is None, reason="etcd is not installed")

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
SERVICES = "/api/v1/namespaces/default/services"
PATCH = "application/merge-patch+json"


class Served:
    """One of the servers."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server

    async def answer(self, method: str, path: str, body: Any = None, media: str = "") -> Any:
        path, _, query = path.partition("?")
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        return await self.server.handle(
            Request(
                method=method,
                path=path,
                query={name: [value] for name, _, value in pairs},
                headers={"content-type": media} if media else {},
                body=orjson.dumps(body) if body is not None else b"",
            )
        )

    async def do(self, method: str, path: str, body: Any = None, media: str = "") -> Any:
        answer = await self.answer(method, path, body, media)
        assert isinstance(answer, Response)
        return answer.status, orjson.loads(answer.body)

    async def events(self, path: str) -> AsyncIterator[Any]:
        answer = await self.answer("GET", path)
        assert isinstance(answer, Stream)
        async for frame in answer.frames:
            for line in frame.splitlines():
                yield orjson.loads(line)


class Pair:
    """Two servers, and what they stand on."""

    def __init__(self, etcd: LocalEtcd) -> None:
        self.etcd = etcd
        self.servers: list[Served] = []
        self._stack = AsyncExitStack()

    async def start(self, address: str) -> Served:
        store = await EtcdStore.open(self.etcd.settings())
        self._stack.push_async_callback(store.close)
        config = ServerConfig(advertise_address=address, host_name=address, admission=True)
        server = ApiServer(store, SystemClock(), config)
        self._stack.push_async_callback(server.close)
        await server.start()
        return Served(server)

    async def close(self) -> None:
        await self._stack.aclose()


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    with data_directory() as directory:
        etcd = LocalEtcd(directory)
        await etcd.start()
        found = Pair(etcd)
        try:
            # Both at once: they race for the objects that every cluster has.
            both = await asyncio.gather(found.start("10.0.0.1"), found.start("10.0.0.2"))
            found.servers = list(both)
            yield found
        finally:
            await found.close()
            etcd.kill()


def configmap(name: str, value: str = "1") -> Any:
    return {"metadata": {"name": name}, "data": {"value": value}}


async def test_a_write_through_one_is_watched_at_the_other_at_the_same_revision(
    pair: Pair,
) -> None:
    one, other = pair.servers
    _, listed = await other.do("GET", CONFIGMAPS)
    version = listed["metadata"]["resourceVersion"]
    events = other.events(f"{CONFIGMAPS}?watch=1&resourceVersion={version}")
    first = asyncio.ensure_future(anext(events))
    code, made = await one.do("POST", CONFIGMAPS, configmap("a"))
    assert code == 201
    assert (await asyncio.wait_for(first, 30))["object"] == made
    await events.aclose()


async def test_reads_without_a_version_see_what_the_other_has_written(pair: Pair) -> None:
    one, other = pair.servers
    for number in range(20):
        await one.do("POST", CONFIGMAPS, configmap(f"m{number}"))
        code, _ = await other.do("GET", f"{CONFIGMAPS}/m{number}")
        assert code == 200
        _, listed = await other.do("GET", CONFIGMAPS)
        assert len(listed["items"]) == number + 1
        one, other = other, one


async def test_a_list_at_least_as_new_as_the_others_answer_waits_for_it(pair: Pair) -> None:
    one, other = pair.servers
    for number in range(10):
        _, made = await one.do("POST", CONFIGMAPS, configmap(f"m{number}"))
        version = made["metadata"]["resourceVersion"]
        code, listed = await other.do("GET", f"{CONFIGMAPS}?resourceVersion={version}")
        assert code == 200
        assert len(listed["items"]) == number + 1


async def test_a_version_that_nobody_has_is_too_large(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pinnace.store.watchcache.caches._WAIT_SECONDS", 0.05)
    code, status = await pair.servers[0].do("GET", f"{CONFIGMAPS}?resourceVersion=999999")
    assert code == 504
    assert "Too large resource version" in status["message"]


async def test_pages_go_on_at_the_other_server(pair: Pair) -> None:
    one, other = pair.servers
    for name in "abcd":
        await one.do("POST", CONFIGMAPS, configmap(name))
    _, first = await one.do("GET", f"{CONFIGMAPS}?limit=2")
    await one.do("DELETE", f"{CONFIGMAPS}/d")
    token = first["metadata"]["continue"]
    _, second = await other.do("GET", f"{CONFIGMAPS}?limit=2&continue={token}")
    assert [item["metadata"]["name"] for item in second["items"]] == ["c", "d"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_changes_through_both_are_all_kept(pair: Pair) -> None:
    one, other = pair.servers
    await one.do("POST", CONFIGMAPS, configmap("a"))

    async def patch(server: Served, name: str) -> None:
        body = {"data": {name: "x"}}
        assert (await server.do("PATCH", f"{CONFIGMAPS}/a", body, PATCH))[0] == 200

    names = [f"k{number}" for number in range(12)]
    await asyncio.gather(*(patch((one, other)[at % 2], name) for at, name in enumerate(names)))
    _, held = await one.do("GET", f"{CONFIGMAPS}/a")
    assert set(names) < set(held["data"])


async def test_no_two_services_get_the_same_address_or_port(pair: Pair) -> None:
    def service(number: int) -> Any:
        spec = {"type": "NodePort", "ports": [{"port": 80}]}
        return {"metadata": {"name": f"s{number}"}, "spec": spec}

    made = await asyncio.gather(
        *(pair.servers[number % 2].do("POST", SERVICES, service(number)) for number in range(20))
    )
    assert {code for code, _ in made} == {201}
    specs = [service["spec"] for _, service in made]
    assert len({spec["clusterIP"] for spec in specs}) == 20
    assert len({spec["ports"][0]["nodePort"] for spec in specs}) == 20


async def test_a_quota_holds_for_both_together(pair: Pair) -> None:
    one, other = pair.servers
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"configmaps": "6"}}}
    await one.do("POST", "/api/v1/namespaces/default/resourcequotas", quota)
    status = {"status": {"hard": {"configmaps": "6"}, "used": {"configmaps": "0"}}}
    await one.do("PATCH", "/api/v1/namespaces/default/resourcequotas/q/status", status, PATCH)
    made = await asyncio.gather(
        *((one, other)[n % 2].do("POST", CONFIGMAPS, configmap(f"m{n}")) for n in range(12))
    )
    assert sorted(code for code, _ in made) == [201] * 6 + [403] * 6


async def test_the_kubernetes_service_has_those_that_are_alive(pair: Pair) -> None:
    one, other = pair.servers
    path = "/api/v1/namespaces/default/endpoints/kubernetes"

    async def addresses() -> list[str]:
        _, found = await one.do("GET", path)
        return [address["ip"] for address in found["subsets"][0]["addresses"]]

    await one.server.advertise("10.0.0.1", 6443)
    assert await addresses() == ["10.0.0.1", "10.0.0.2"]
    await other.server.close()
    assert await addresses() == ["10.0.0.1"]


async def test_each_server_has_a_lease(pair: Pair) -> None:
    path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
    _, found = await pair.servers[0].do("GET", path)
    hosts = [lease["metadata"]["labels"]["kubernetes.io/hostname"] for lease in found["items"]]
    assert sorted(hosts) == ["10.0.0.1", "10.0.0.2"]


async def test_both_recover_by_themselves_when_etcd_was_away(pair: Pair) -> None:
    one, other = pair.servers
    await one.do("POST", CONFIGMAPS, configmap("a"))
    pair.etcd.kill()
    code, status = await one.do("GET", CONFIGMAPS)
    assert code in (500, 503)
    assert status["kind"] == "Status"
    code, _ = await one.do("POST", CONFIGMAPS, configmap("b"))
    assert code in (500, 503)
    code, _ = await one.do("GET", f"{CONFIGMAPS}?resourceVersion=0")
    assert code == 200
    answer = await other.answer("GET", "/readyz")
    assert answer.status == 500
    assert b"[-]etcd failed: reason withheld" in answer.body
    await pair.etcd.start()
    async with asyncio.timeout(60):
        while (await one.do("POST", CONFIGMAPS, configmap("c")))[0] != 201:
            pass
        while (await other.answer("GET", "/readyz")).status != 200:
            pass
    _, listed = await other.do("GET", CONFIGMAPS)
    assert {"a", "c"} <= {item["metadata"]["name"] for item in listed["items"]}


async def test_events_go_by_themselves(pair: Pair) -> None:
    one, other = pair.servers
    object.__setattr__(one.server.core.config, "event_ttl", 1)
    events = "/api/v1/namespaces/default/events"
    regarding = {"kind": "Pod", "namespace": "default", "name": "p"}
    event = {"metadata": {"name": "e"}, "involvedObject": regarding}
    assert (await one.do("POST", events, event))[0] == 201
    _, listed = await other.do("GET", events)
    version = listed["metadata"]["resourceVersion"]
    told = other.events(f"{events}?watch=1&resourceVersion={version}")
    assert (await asyncio.wait_for(anext(told), 30))["type"] == "DELETED"
    await told.aclose()
