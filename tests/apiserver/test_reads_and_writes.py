import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from pinnace.api.wire import Request, Response, Stream
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import VirtualClock
from pinnace.store.memory import MemoryStore

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


class Api:
    """Speaks to a server in the process."""

    def __init__(self, server: ApiServer, clock: VirtualClock) -> None:
        self.server, self.clock = server, clock

    async def answer(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        path, _, query = path.partition("?")
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        return await self.server.handle(
            Request(
                method=method,
                path=path,
                query={name: [value] for name, _, value in pairs},
                headers={name.replace("_", "-"): value for name, value in headers.items()},
                body=orjson.dumps(body) if body is not None else b"",
            )
        )

    async def do(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = await self.answer(method, path, body, **headers)
        assert isinstance(answer, Response)
        return answer.status, orjson.loads(answer.body)

    async def events(self, path: str) -> AsyncIterator[Any]:
        answer = await self.answer("GET", path)
        assert isinstance(answer, Stream)
        async for frame in answer.frames:
            for line in frame.splitlines():
                yield orjson.loads(line)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    clock = VirtualClock()
    server = ApiServer(MemoryStore(), clock, ServerConfig())
    await server.start()
    yield Api(server, clock)
    await server.close()


def configmap(name: str, **labels: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name}
    if labels:
        metadata["labels"] = labels
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": {"k": "v"}}


async def test_create_stamps_and_get_returns_the_same(api: Api) -> None:
    code, made = await api.do("POST", CONFIGMAPS, configmap("a"))
    assert code == 201
    assert made["metadata"]["uid"]
    assert made["metadata"]["namespace"] == "default"
    assert made["metadata"]["creationTimestamp"] == "2030-01-01T00:00:00Z"
    assert await api.do("GET", f"{CONFIGMAPS}/a") == (200, made)


async def test_a_name_can_be_taken_once(api: Api) -> None:
    await api.do("POST", CONFIGMAPS, configmap("a"))
    code, status = await api.do("POST", CONFIGMAPS, configmap("a"))
    assert (code, status["reason"]) == (409, "AlreadyExists")
    assert status["message"] == 'configmaps "a" already exists'


async def test_watch_tells_selector_transitions_in_order(api: Api) -> None:
    events = api.events(f"{CONFIGMAPS}?watch=1&labelSelector=x=1&resourceVersion=1")
    first = asyncio.ensure_future(anext(events))
    await settle()
    await api.do("POST", CONFIGMAPS, configmap("other"))
    await api.do("POST", CONFIGMAPS, configmap("a", x="1"))
    event = await asyncio.wait_for(first, 5)
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "a")
    await events.aclose()


async def test_initial_events_end_with_an_annotated_bookmark(api: Api) -> None:
    await api.do("POST", CONFIGMAPS, configmap("a"))
    query = "watch=1&sendInitialEvents=true&allowWatchBookmarks=true"
    events = api.events(f"{CONFIGMAPS}?{query}&resourceVersionMatch=NotOlderThan")
    assert (await anext(events))["type"] == "ADDED"
    mark = await anext(events)
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    await events.aclose()


async def test_pages_are_of_one_revision(api: Api) -> None:
    for name in ("a", "b", "c"):
        await api.do("POST", CONFIGMAPS, configmap(name))
    _, page = await api.do("GET", f"{CONFIGMAPS}?limit=2")
    assert page["metadata"]["remainingItemCount"] == 1
    await api.do("POST", CONFIGMAPS, configmap("d"))
    token = page["metadata"]["continue"]
    _, rest = await api.do("GET", f"{CONFIGMAPS}?limit=2&continue={token}")
    assert [item["metadata"]["name"] for item in rest["items"]] == ["c"]
    assert rest["metadata"]["resourceVersion"] == page["metadata"]["resourceVersion"]


async def test_watch_ends_after_its_timeout(api: Api) -> None:
    events = api.events(f"{CONFIGMAPS}?watch=1&timeoutSeconds=5&resourceVersion=1")
    first = asyncio.ensure_future(anext(events, None))
    await settle()
    await api.clock.advance(6)
    assert await asyncio.wait_for(first, 5) is None
