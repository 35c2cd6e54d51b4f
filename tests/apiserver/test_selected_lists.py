"""Lists and watches of a part of many objects: right in every slice, and nobody waits for all."""

import asyncio

import orjson
import pytest

from pinnace.api.wire import Request, Response, Stream, User
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.apiserver.verbs import list as listing
from pinnace.client.transport import collect
from pinnace.kit.clock import SystemClock
from pinnace.store.memory import MemoryStore

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
MASTER = User("admin", ("system:masters", "system:authenticated"))
MANY = 25


async def ask(server: ApiServer, method: str, path: str, body: object = None, **query: str) -> dict:  # type: ignore[type-arg]
    request = Request(
        method=method,
        path=path,
        query={name: [value] for name, value in query.items()},
        headers={"content-type": "application/json"},
        body=orjson.dumps(body) if body is not None else b"",
        user=MASTER,
    )
    answer = await server.handle(request)
    whole = await collect(answer) if isinstance(answer, Stream) else answer
    assert isinstance(whole, Response)
    found: dict = orjson.loads(whole.body)  # type: ignore[type-arg]
    return found


def names(found: dict) -> list[str]:  # type: ignore[type-arg]
    return [item["metadata"]["name"] for item in found["items"]]


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> ApiServer:
    monkeypatch.setattr(listing, "_SLICE", 4)
    server = ApiServer(MemoryStore(), SystemClock(), ServerConfig())
    await server.start()
    for number in range(MANY):
        labels = {"odd": str(number % 2)}
        body = {"metadata": {"name": f"c{number:02}", "labels": labels}}
        await ask(server, "POST", CONFIGMAPS, body)
    return server


async def test_a_selector_finds_all_in_order(server: ApiServer) -> None:
    found = await ask(server, "GET", CONFIGMAPS, labelSelector="odd=1")
    assert names(found) == [f"c{number:02}" for number in range(1, MANY, 2)]
    await server.close()


async def test_pages_of_a_selection_join_to_the_whole(server: ApiServer) -> None:
    got: list[str] = []
    token = ""
    while True:
        more = {"continue": token} if token else {}
        found = await ask(server, "GET", CONFIGMAPS, labelSelector="odd=1", limit="5", **more)
        assert "remainingItemCount" not in found["metadata"]
        got += names(found)
        token = found["metadata"].get("continue", "")
        if not token:
            break
        assert len(names(found)) == 5
    assert got == [f"c{number:02}" for number in range(1, MANY, 2)]
    await server.close()


async def test_a_page_says_how_many_are_left(server: ApiServer) -> None:
    found = await ask(server, "GET", CONFIGMAPS, limit="10")
    assert len(names(found)) == 10
    assert found["metadata"]["remainingItemCount"] == MANY - 10
    rest = await ask(server, "GET", CONFIGMAPS, **{"continue": found["metadata"]["continue"]})
    assert names(found) + names(rest) == [f"c{number:02}" for number in range(MANY)]
    assert "continue" not in rest["metadata"]
    await server.close()


@pytest.mark.parametrize("path", [CONFIGMAPS, "/api/v1/configmaps"])
@pytest.mark.parametrize(("name", "is_there"), [("c03", True), ("none", False)])
async def test_a_list_by_name_is_that_object(
    server: ApiServer, path: str, name: str, is_there: bool
) -> None:
    found = await ask(server, "GET", path, fieldSelector=f"metadata.name={name}", limit="1")
    assert names(found) == ([name] if is_there else [])
    other = f"metadata.name={name},metadata.namespace=other"
    assert names(await ask(server, "GET", path, fieldSelector=other)) == []
    await server.close()


async def test_others_get_their_turn_while_a_selection_is_made(server: ApiServer) -> None:
    asking = asyncio.create_task(ask(server, "GET", CONFIGMAPS, labelSelector="odd=1"))
    turns = 0
    while not asking.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > MANY // 4
    await server.close()
