"""An authorization webhook on the loopback, and servers that ask it."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from pinnace.api.wire import Request, Response, User
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.authz.configuration import AuthzFlags, from_flags
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import VirtualClock
from pinnace.store.memory import MemoryStore

ROOT = User("root", ("system:masters", "system:authenticated"))


class Service:
    """Answers SubjectAccessReviews with what `decide` gives for a spec, and keeps them."""

    def __init__(self, folder: Path) -> None:
        self.specs: list[Any] = []
        self.reviews: list[Any] = []
        self.decide: Callable[[Any], Any] = lambda spec: {"allowed": False}
        self.codes: list[int] = []
        self.kubeconfig = folder / "webhook.kubeconfig"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/authorize", self._handle)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = int(self._runner.addresses[0][1])
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.port}/authorize"}}
            ],
            "users": [{"name": "u", "user": {"token": "secret"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        self.kubeconfig.write_text(yaml.safe_dump(document))

    async def close(self) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        assert request.headers["authorization"] == "Bearer secret"
        review = await request.json()
        self.reviews.append(review)
        self.specs.append(review["spec"])
        if self.codes and (code := self.codes.pop(0)) != 200:
            return web.Response(status=code, text="no")
        return web.json_response({**review, "status": self.decide(review["spec"])})


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    made = Service(tmp_path)
    await made.start()
    yield made
    await made.close()


class Server:
    """A server that is asked as somebody."""

    def __init__(self, flags: AuthzFlags, **more: Any) -> None:
        self.clock = VirtualClock()
        config = ServerConfig(authorization=from_flags(flags), admission=True, **more)
        self.app = ApiServer(MemoryStore(), self.clock, config)

    async def ask(
        self, method: str, path: str, body: Any = None, *, user: User = ROOT, **headers: str
    ) -> tuple[int, Any]:
        path, _, query = path.partition("?")
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        media = headers.pop("media", "application/json")
        answer = await self.app.handle(
            Request(
                method=method,
                path=path,
                query={name: [value] for name, _, value in pairs},
                raw_query=query,
                headers={"content-type": media}
                | {name.replace("_", "-"): value for name, value in headers.items()},
                body=json.dumps(body).encode() if body is not None else b"",
                user=user,
            )
        )
        assert isinstance(answer, Response)
        if answer.headers["content-type"].startswith("application/json"):
            return answer.status, json.loads(answer.body)
        return answer.status, answer.body.decode()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    """Start servers with flags of authorization."""
    servers: list[Server] = []

    async def start(**flags: Any) -> Server:
        server = Server(AuthzFlags(**flags))
        await server.app.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        await server.app.close()
