"""A webhook on the loopback, with TLS, that keeps what it is sent."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest
import trustme
from aiohttp import web

from pinnace.api.objects import Object
from pinnace.api.wire import Request, Response, User
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import VirtualClock
from pinnace.kit.tls import load_pair
from pinnace.kit.x509 import KeyPair
from pinnace.store.memory import MemoryStore

ADMIN = User("jo", ("system:masters", "system:authenticated"), "u1", {"k": ("v",)})
Answer = Callable[[Object], Any]


class Webhook:
    """Answers reviews with what `answers` has for the path; allows and converts by default."""

    def __init__(self, ca: trustme.CA) -> None:
        self._ca = ca
        self.reviews: list[Object] = []
        self.paths: list[str] = []
        self.answers: dict[str, Answer] = {}

    async def start(self, pair: KeyPair | None = None) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if pair is None:
            shown = self._ca.issue_cert("127.0.0.1", "hook.ns.svc")
            shown.configure_cert(context)
            self.own = base64.b64encode(shown.cert_chain_pems[0].bytes()).decode()
        else:
            load_pair(context, pair)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
        self.port = int(self._runner.addresses[0][1])

    async def close(self) -> None:
        await self._runner.cleanup()

    def client(self, path: str = "/") -> Object:
        bundle = base64.b64encode(self._ca.cert_pem.bytes()).decode()
        return {"url": f"https://127.0.0.1:{self.port}{path}", "caBundle": bundle}

    @staticmethod
    def patching(*operations: Object) -> Answer:
        patch = base64.b64encode(json.dumps(operations).encode()).decode()
        return lambda review: {"allowed": True, "patchType": "JSONPatch", "patch": patch}

    async def _handle(self, request: web.Request) -> web.Response:
        review = await request.json()
        self.paths.append(request.path_qs)
        self.reviews.append(review)
        made = self.answers.get(request.path, allow)(review)
        if isinstance(made, web.Response):
            return made
        response = {"uid": review["request"]["uid"], **made}
        return web.json_response(
            {k: review[k] for k in ("kind", "apiVersion")} | {"response": response}
        )


def allow(review: Object) -> Object:
    return {"allowed": True}


class Api:
    """Speaks to a server with admission, as one user."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.headers: dict[str, str] = {}

    async def do(self, method: str, path: str, body: Any = None, media: str = "") -> Any:
        path, _, query = path.partition("?")
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        answer = await self.server.handle(
            Request(
                method=method,
                path=path,
                query={name: [value] for name, _, value in pairs},
                headers={"content-type": media} if media else {},
                body=orjson.dumps(body) if body is not None else b"",
                user=ADMIN,
            )
        )
        assert isinstance(answer, Response)
        self.headers = answer.headers
        text = answer.body if answer.body.startswith(b"{") else b"{}"
        return answer.status, orjson.loads(text)

    user = ADMIN

    async def served(self, path: str) -> None:
        for _ in range(50):
            if (await self.do("GET", path))[0] == 200:
                return
            await asyncio.sleep(0)
        raise AssertionError(f"{path} is not served")

    async def gone(self, path: str) -> None:
        for _ in range(200):
            if (await self.do("GET", path))[0] == 404:
                return
            await asyncio.sleep(0)
        raise AssertionError(f"{path} is still there")

    async def hook(self, kind: str, *webhooks: Object, name: str = "conf") -> None:
        plural = f"{kind.lower()}webhookconfigurations"
        version = "admissionregistration.k8s.io/v1"
        status, made = await self.do(
            "POST",
            f"/apis/{version}/{plural}",
            {
                "apiVersion": version,
                "kind": f"{kind}WebhookConfiguration",
                "metadata": {"name": name},
                "webhooks": webhooks,
            },
        )
        assert status == 201, made


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    made = Webhook(trustme.CA())
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    server = ApiServer(MemoryStore(), VirtualClock(), ServerConfig(admission=True))
    await server.start()
    made = Api(server)
    await made.do("POST", "/api/v1/namespaces", {"metadata": {"name": "ns"}})
    yield made
    await server.close()
