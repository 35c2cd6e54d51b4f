"""Over real sockets on the loopback, since TLS, streaming and upgrades are what is tested."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
import trustme

from pinnace.api.wire import Answer, Request, Response, Stream
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.apiserver.http import Listener, serve
from pinnace.kit.clock import SystemClock
from pinnace.store.memory import MemoryStore

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


class Kubelet:
    """Answers one upgrade with an echo, and keeps what it was asked."""

    def __init__(self) -> None:
        self.head = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.head = await reader.readuntil(b"\r\n\r\n")
        if b"Upgrade" in self.head or b"upgrade" in self.head:
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n")
            writer.write(b"echo:" + await reader.readexactly(4))
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlines")
        await writer.drain()
        writer.close()


@pytest.fixture
def ca() -> trustme.CA:
    return trustme.CA()


def server_tls(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def client_tls(ca: trustme.CA, *, certified: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    if certified:
        ca.issue_cert("client@example.com").configure_cert(context)
    return context


@pytest.fixture
async def listener(ca: trustme.CA) -> AsyncIterator[Listener]:
    config = ServerConfig(kubelet_tls=client_tls(ca))
    server = ApiServer(MemoryStore(), SystemClock(), config)
    await server.start()
    listening = await serve(
        server.handle, host="127.0.0.1", port=0, ssl_context=server_tls(ca), max_body=1 << 16
    )
    yield listening
    await listening.close(grace=0.1)
    await server.close()


@pytest.fixture
async def http(ca: trustme.CA, listener: Listener) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=client_tls(ca))
    base = f"https://127.0.0.1:{listener.port}"
    async with aiohttp.ClientSession(base, connector=connector) as session:
        yield session


async def test_objects_travel_over_tls(http: aiohttp.ClientSession) -> None:
    async with http.post(CONFIGMAPS, json={"metadata": {"name": "a"}}) as answer:
        assert answer.status == 201
        made = await answer.json()
    async with http.get(f"{CONFIGMAPS}/a") as answer:
        assert await answer.json() == made
        assert answer.headers["audit-id"]


async def test_events_arrive_while_the_watch_is_open(http: aiohttp.ClientSession) -> None:
    async with http.get(f"{CONFIGMAPS}?watch=1&resourceVersion=1") as watch:
        await http.post(CONFIGMAPS, json={"metadata": {"name": "a"}})
        line = await asyncio.wait_for(watch.content.readline(), 5)
        while orjson.loads(line)["object"]["metadata"]["name"] != "a":
            line = await asyncio.wait_for(watch.content.readline(), 5)
        assert orjson.loads(line)["type"] == "ADDED"


async def test_a_body_over_the_limit_is_refused(http: aiohttp.ClientSession) -> None:
    async with http.post(CONFIGMAPS, data=b" " * (1 << 16) + b"{}") as answer:
        assert answer.status == 413


async def test_unknown_paths_are_plain_404(http: aiohttp.ClientSession) -> None:
    async with http.get("/nope") as answer:
        assert (answer.status, await answer.text()) == (404, "404 page not found\n")


async def _pod_on(http: aiohttp.ClientSession, port: int) -> None:
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }
    await http.post("/api/v1/nodes", json={"metadata": {"name": "n"}})
    headers = {"content-type": "application/merge-patch+json"}
    patch = orjson.dumps({"status": status})
    async with http.patch("/api/v1/nodes/n/status", data=patch, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
    spec = {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}
    pod = {"metadata": {"name": "p"}, "spec": spec}
    async with http.post("/api/v1/namespaces/default/pods", json=pod) as answer:
        assert answer.status == 201, await answer.text()


async def test_an_upgrade_is_spliced_to_the_kubelet(
    ca: trustme.CA, http: aiohttp.ClientSession, listener: Listener
) -> None:
    kubelet = Kubelet()
    node = await asyncio.start_server(kubelet.serve, "127.0.0.1", 0, ssl=server_tls(ca))
    async with node:
        await _pod_on(http, node.sockets[0].getsockname()[1])
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", listener.port, ssl=client_tls(ca)
        )
        path = "/api/v1/namespaces/default/pods/p/exec?command=ls&command=-l&stdout=true"
        head = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"
        )
        writer.write(head.encode())
        assert b"101" in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.write(b"ping")
        assert await asyncio.wait_for(reader.read(), 5) == b"echo:ping"
        writer.close()
        assert kubelet.head.startswith(b"POST /exec/default/p/c?command=ls&command=-l&output=1 ")


async def test_a_log_comes_from_the_kubelet(ca: trustme.CA, http: aiohttp.ClientSession) -> None:
    kubelet = Kubelet()
    node = await asyncio.start_server(kubelet.serve, "127.0.0.1", 0, ssl=server_tls(ca))
    async with node:
        await _pod_on(http, node.sockets[0].getsockname()[1])
        async with http.get("/api/v1/namespaces/default/pods/p/log?tailLines=3") as answer:
            assert await answer.text() == "lines"
        assert kubelet.head.startswith(b"GET /containerLogs/default/p/c?tailLines=3 ")


async def test_a_log_that_the_kubelet_refuses_is_refused_in_its_words(
    ca: trustme.CA, http: aiohttp.ClientSession
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 9\r\n\r\nno log of")
        writer.close()

    node = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_tls(ca))
    async with node:
        await _pod_on(http, node.sockets[0].getsockname()[1])
        async with http.get("/api/v1/namespaces/default/pods/p/log?previous=true") as answer:
            status = await answer.json()
    assert (status["code"], status["reason"], status["message"]) == (400, "BadRequest", "no log of")


async def test_the_client_certificate_is_passed_on(ca: trustme.CA) -> None:
    seen: list[Any] = []

    async def handle(request: Request) -> Answer:
        seen.append(request.peer_certificate)
        return Response(body=b"ok")

    listening = await serve(handle, host="127.0.0.1", port=0, ssl_context=server_tls(ca))
    connector = aiohttp.TCPConnector(ssl=client_tls(ca, certified=True))
    async with aiohttp.ClientSession(connector=connector) as session:
        await session.get(f"https://127.0.0.1:{listening.port}/")
    await listening.close(grace=0.1)
    assert isinstance(seen[0], bytes)


async def test_a_client_that_hangs_up_ends_its_stream() -> None:
    ended = asyncio.Event()

    async def frames() -> AsyncIterator[bytes]:
        try:
            yield b"first\n"
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def handle(request: Request) -> Answer:
        return Stream(frames=frames())

    listening = await serve(handle, host="127.0.0.1", port=0)
    reader, writer = await asyncio.open_connection("127.0.0.1", listening.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readuntil(b"first\n")
    writer.close()
    await asyncio.wait_for(ended.wait(), 5)
    await listening.close(grace=0.1)
