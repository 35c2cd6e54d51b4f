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


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


class Api:
    """Speaks to a server in the process."""

    def __init__(self, server: ApiServer, clock: VirtualClock) -> None:
        self.server, self.clock = server, clock

    settle = staticmethod(settle)

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
