"""Requests through the gate of a whole server: waiting, 429, what is counted and shown."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from pinnace.api.wire import Request, Response, Stream, User
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import VirtualClock
from pinnace.store.memory import MemoryStore

LEVELS = "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations"
SCHEMAS = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas"
DEBUG = "/debug/api_priority_and_fairness/dump_"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
USER = User("u", ("system:authenticated",))
MASTER = User("admin", ("system:masters", "system:authenticated"))


class Gated:
    """A server whose writes to the store can be held up."""

    def __init__(self, server: ApiServer, clock: VirtualClock) -> None:
        self.server, self.clock = server, clock
        self.open = asyncio.Event()
        self.open.set()
        commit = server.core.store.commit

        async def held(*args: Any, **kwargs: Any) -> Any:
            await self.open.wait()
            return await commit(*args, **kwargs)

        server.core.store.commit = held  # type: ignore[method-assign]

    async def ask(self, method: str, path: str, body: Any = None, user: User = USER) -> Any:
        path, _, query = path.partition("?")
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        return await self.server.handle(
            Request(
                method=method,
                path=path,
                query={name: [value] for name, _, value in pairs},
                body=b"" if body is None else orjson.dumps(body),
                user=user,
            )
        )

    def create(self, number: int, user: User = USER) -> "asyncio.Task[Any]":
        body = {"metadata": {"name": f"c{number}"}}
        return asyncio.create_task(self.ask("POST", CONFIGMAPS, body, user))

    async def dump(self, page: str) -> list[list[str]]:
        answer = await self.ask("GET", f"{DEBUG}{page}", user=MASTER)
        assert isinstance(answer, Response)
        return [
            [cell.strip() for cell in line.split(",")] for line in answer.body.decode().splitlines()
        ]


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


async def gated(**config: Any) -> AsyncIterator[Gated]:
    clock = VirtualClock()
    server = ApiServer(MemoryStore(), clock, ServerConfig(**config))
    await server.start()
    made = Gated(server, clock)
    yield made
    made.open.set()
    await server.close()


@pytest.fixture
async def api() -> AsyncIterator[Gated]:
    # So few seats that the level of most users has one, if it borrows none.
    async for one in gated(max_requests_inflight=6, max_mutating_requests_inflight=2):
        path = f"{LEVELS}/global-default"
        level = orjson.loads((await one.ask("GET", path, user=MASTER)).body)
        level["metadata"]["annotations"] = {"apf.kubernetes.io/autoupdate-spec": "false"}
        level["spec"]["limited"] |= {"lendablePercent": 0, "borrowingLimitPercent": 0}
        assert (await one.ask("PUT", path, level, MASTER)).status == 200
        yield one


@pytest.fixture
async def plain() -> AsyncIterator[Gated]:
    async for one in gated(
        priority_and_fairness=False, max_requests_inflight=2, max_mutating_requests_inflight=1
    ):
        yield one


async def test_who_waits_too_long_gets_429_and_upstreams_words(api: Gated) -> None:
    api.open.clear()
    first, second = api.create(1), api.create(2)
    await settle()
    level = next(row for row in await api.dump("priority_levels") if row[0] == "global-default")
    assert level[4:6] == ["1", "1"]
    await api.clock.advance(14.9)
    assert not second.done()
    await api.clock.advance(0.2)
    await settle()
    answer = second.result()
    assert answer.status == 429
    assert answer.body == b"Too many requests, please try again later.\n"
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-kubernetes-pf-flowschema-uid"]
    api.open.set()
    assert (await first).status == 201


async def test_a_client_that_is_gone_leaves_the_queue(api: Gated) -> None:
    api.open.clear()
    first, second, third = (api.create(number) for number in range(3))
    await settle()
    second.cancel()
    await settle()
    api.open.set()
    assert (await first).status == 201
    assert (await third).status == 201
    level = next(row for row in await api.dump("priority_levels") if row[0] == "global-default")
    assert level[2] == "true"
    assert level[-1] == "1"


async def test_masters_and_other_levels_do_not_wait(api: Gated) -> None:
    api.open.clear()
    held = [api.create(number) for number in range(5)]
    await settle()
    node = User("system:node:n", ("system:nodes", "system:authenticated"))
    for user in (MASTER, node):
        answer = await api.ask("GET", "/api/v1/nodes", user=user)
        assert answer.status == 200
    rows = await api.dump("requests?includeRequestDetails=1")
    waiting = [row for row in rows if row[0] == "global-default" and row[3] != "-1"]
    assert len(waiting) == 4
    assert waiting[0][10:] == ["u", "create", CONFIGMAPS, "default", "", "v1", "configmaps", ""]
    api.open.set()
    assert {(await one).status for one in held} == {201}


async def test_a_watch_holds_its_seat_only_until_it_has_begun(api: Gated) -> None:
    waiting = []
    for _ in range(5):
        stream = await api.ask("GET", f"{CONFIGMAPS}?watch=1&resourceVersion=1")
        assert isinstance(stream, Stream)
        waiting.append(asyncio.ensure_future(anext(stream.frames)))
        await settle()
    assert not any(one.done() for one in waiting)
    for one in waiting:
        one.cancel()
    await settle()
    level = next(row for row in await api.dump("priority_levels") if row[0] == "global-default")
    assert level[2] == "true"


async def test_a_list_that_nobody_reads_gives_its_seats_back_when_it_is_closed(api: Gated) -> None:
    for number in range(250):
        assert (await api.create(number, MASTER)).status == 201
    stream = await api.ask("GET", CONFIGMAPS)
    assert isinstance(stream, Stream)
    level = next(row for row in await api.dump("priority_levels") if row[0] == "global-default")
    assert level[5] == "1"
    await stream.frames.aclose()  # type: ignore[attr-defined]
    level = next(row for row in await api.dump("priority_levels") if row[0] == "global-default")
    assert level[5] == "0"


async def test_without_fairness_reads_and_writes_have_limits(plain: Gated) -> None:
    plain.open.clear()
    first = plain.create(1)
    await settle()
    refused = await plain.create(2)
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    assert "x-kubernetes-pf-flowschema-uid" not in refused.headers
    assert (await plain.ask("GET", CONFIGMAPS)).status == 200
    privileged = plain.create(3, MASTER)
    await settle()
    assert not privileged.done()
    plain.open.set()
    assert (await first).status == 201
    assert (await privileged).status == 201
    assert (await plain.ask("GET", f"{DEBUG}queues", user=MASTER)).status == 404


async def test_mandatory_objects_get_their_specification_back(api: Gated) -> None:
    async def change(path: str, user: User = MASTER, **change: Any) -> Any:
        found = orjson.loads((await api.ask("GET", path, user=MASTER)).body)
        found["spec"].update(change)
        return await api.ask("PUT", path, found, user)

    spec = orjson.loads((await api.ask("GET", f"{SCHEMAS}/catch-all", user=MASTER)).body)["spec"]
    assert (await change(f"{SCHEMAS}/catch-all", matchingPrecedence=9999)).status in (200, 422)
    assert (await change(f"{SCHEMAS}/service-accounts", matchingPrecedence=8999)).status == 200
    await api.ask("DELETE", f"{SCHEMAS}/probes", user=MASTER)
    await api.clock.advance(60.0)
    await settle()

    async def told(name: str) -> Any:
        return orjson.loads((await api.ask("GET", f"{SCHEMAS}/{name}", user=MASTER)).body)

    assert (await told("catch-all"))["spec"] == spec
    assert (await told("service-accounts"))["spec"]["matchingPrecedence"] == 9000
    assert (await told("probes"))["metadata"]["uid"]


async def test_a_suggestion_that_is_not_to_be_updated_is_the_users(api: Gated) -> None:
    path = f"{SCHEMAS}/service-accounts"
    found = orjson.loads((await api.ask("GET", path, user=MASTER)).body)
    found["metadata"]["annotations"] = {"apf.kubernetes.io/autoupdate-spec": "false"}
    found["spec"]["matchingPrecedence"] = 8999
    assert (await api.ask("PUT", path, found, MASTER)).status == 200
    await api.clock.advance(60.0)
    await settle()
    found = orjson.loads((await api.ask("GET", path, user=MASTER)).body)
    assert found["spec"]["matchingPrecedence"] == 8999


async def test_metrics_have_upstreams_names(api: Gated) -> None:
    await api.create(1)
    text = (await api.ask("GET", "/metrics", user=MASTER)).body.decode()
    pair = 'flow_schema="global-default",priority_level="global-default"'
    assert f"apiserver_flowcontrol_dispatched_requests_total{{{pair}}} 1.0" in text
    assert 'apiserver_flowcontrol_nominal_limit_seats{priority_level="exempt"} 0.0' in text
    assert f'request_wait_duration_seconds_count{{execute="true",{pair}}} 1.0' in text
