"""Long lists are sent while they are made, and read the same as short ones."""

import gzip
from collections.abc import AsyncIterator

import orjson
import pytest

from pinnace.api.wire import Request, Response, Stream, User
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import SystemClock
from pinnace.store.memory import MemoryStore

PATH = "/api/v1/namespaces/default/configmaps"
ROOT = User("root", ("system:masters",))
COUNT = 450


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    made = ApiServer(MemoryStore(), SystemClock(), ServerConfig())
    await made.start()
    for number in range(COUNT):
        body = orjson.dumps({"metadata": {"name": f"n{number:04}"}, "data": {"a": "b" * 1000}})
        await made.handle(Request(method="POST", path=PATH, body=body, user=ROOT))
    yield made
    await made.close()


async def _list(
    server: ApiServer, headers: dict[str, str], **query: str
) -> tuple[Response | Stream, bytes]:
    asked = {name: [value] for name, value in query.items()}
    answer = await server.handle(
        Request(method="GET", path=PATH, headers=headers, query=asked, user=ROOT)
    )
    assert isinstance(answer, (Response, Stream))
    if isinstance(answer, Response):
        return answer, answer.body
    return answer, b"".join([frame async for frame in answer.frames])


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "application/json;as=Table;v=v1;g=meta.k8s.io",
        "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    ],
)
async def test_a_long_list_holds_what_its_pages_hold(server: ApiServer, accept: str) -> None:
    answer, body = await _list(server, {"accept": accept})
    assert isinstance(answer, Stream)
    whole = orjson.loads(body)
    key = "rows" if "Table" in accept else "items"
    paged = []
    page: dict[str, str] = {"limit": "150"}
    while page:
        short, part = await _list(server, {"accept": accept}, **page)
        assert isinstance(short, Response)
        found = orjson.loads(part)
        paged += found[key]
        more = found["metadata"].get("continue")
        page = {"limit": "150", "continue": more} if more else {}
    assert len(whole[key]) >= COUNT
    assert _timeless(whole[key]) == _timeless(paged)
    assert list(whole) == list(found)


def _timeless(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Ages change while a test runs."""
    return [{**row, "cells": None} if "cells" in row else row for row in rows]


async def test_a_long_list_is_compressed_for_who_asks(server: ApiServer) -> None:
    answer, body = await _list(server, {"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(orjson.loads(gzip.decompress(body))["items"]) >= COUNT


async def test_what_is_wrong_with_a_table_is_told_before_it_begins(server: ApiServer) -> None:
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    answer, body = await _list(server, {"accept": accept}, includeObject="Everything")
    assert answer.status == 400
    assert "includeObject" in orjson.loads(body)["message"]
