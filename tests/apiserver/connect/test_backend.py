"""Requests that are passed on, over sockets of the loopback: streams are what is tested."""

import asyncio
import gzip
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from pinnace.api.errors import ApiError, ServiceUnavailable
from pinnace.api.wire import Answer, Hijack, Request, Response, Stream
from pinnace.apiserver.connect.backend import fetch
from pinnace.apiserver.connect.links import Links, rewrite_page
from pinnace.apiserver.connect.logs import fetch_log, over_websocket
from pinnace.apiserver.connect.target import Target
from pinnace.apiserver.connect.upgrade import splice

PREFIX = "/api/v1/namespaces/default/pods/p/proxy"


@dataclass(slots=True)
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


@dataclass(slots=True)
class Backend:
    """Says `answer` to whoever comes, keeps the heads and bodies it got."""

    answer: bytes
    closes: bool = True
    head: bytes = b""
    body: bytes = b""
    port: int = 0
    gone: asyncio.Event | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.head = await reader.readuntil(b"\r\n\r\n")
        if b"chunked" in self.head.lower():
            while size := int(await reader.readline(), 16):
                self.body += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
        writer.write(self.answer)
        if not self.closes:
            await reader.read()
            assert self.gone is not None
            self.gone.set()
        writer.close()

    def target(self, path: str = "/x") -> Target:
        return Target("127.0.0.1", self.port, path, tls=False, kubelet=False)


@asynccontextmanager
async def listening(answer: bytes, *, closes: bool = True) -> AsyncIterator[Backend]:
    backend = Backend(answer, closes=closes, gone=asyncio.Event())
    server = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
    backend.port = server.sockets[0].getsockname()[1]
    async with server:
        yield backend


def http(*headers: str, body: bytes = b"", status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


async def ask(backend: Backend, request: Request) -> Answer:
    links = Links(PREFIX, (f"127.0.0.1:{backend.port}",))
    forwarded = {"X-Forwarded-Uri": "/uri"}
    return await fetch(backend.target("/x?a=%zz"), request, None, links=links, forwarded=forwarded)


async def body_of(answer: Answer) -> bytes:
    if isinstance(answer, Response):
        return answer.body
    assert isinstance(answer, Stream)
    return b"".join([part async for part in answer.frames])


async def test_what_belongs_to_one_connection_or_to_the_server_is_not_passed_on() -> None:
    headers = {
        "host": "api", "user-agent": "me", "authorization": "Bearer x", "te": "trailers",
        "connection": "X-Hop", "x-hop": "1", "keep-alive": "5", "impersonate-user": "boss",
        "x-forwarded-for": "1.2.3.4", "x-mine": "1",
    }  # fmt: skip
    answer = http(
        "Connection: X-Inner", "X-Inner: 1", "Access-Control-Allow-Origin: *", "Set-Cookie: a",
        "Set-Cookie: b", "Content-Type: text/plain", "Cache-Control: max-age=1", body=b"hi",
    )  # fmt: skip
    async with listening(answer) as backend:
        got = await ask(
            backend, Request(method="GET", path="/", headers=headers, remote="10.0.0.9")
        )
        assert await body_of(got) == b"hi"
    first, *lines = backend.head.decode().strip().split("\r\n")
    assert first == "GET /x?a=%zz HTTP/1.1"
    assert dict(line.split(": ") for line in lines) == {
        "Host": "api", "User-Agent": "me", "Te": "trailers", "X-Mine": "1",
        "X-Forwarded-For": "1.2.3.4, 10.0.0.9", "X-Forwarded-Uri": "/uri",
        "Accept-Encoding": "gzip",
    }  # fmt: skip
    assert isinstance(got, Stream)
    assert got.headers == {
        "cache-control": "no-cache, private", "content-length": "2", "content-type": "text/plain",
        "set-cookie": "a",
    }  # fmt: skip
    assert got.more == (("set-cookie", "b"), ("cache-control", "max-age=1"))


async def test_a_body_is_passed_on_while_it_comes() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async with listening(http(body=b"")) as backend:
        await body_of(await ask(backend, Request(method="POST", path="/", content=parts())))
    assert backend.body == b"onetwo"


async def test_what_nobody_asked_to_be_packed_is_unpacked() -> None:
    packed = http("Content-Encoding: gzip", "Content-Type: a/b", body=gzip.compress(b"plain"))
    async with listening(packed) as backend:
        got = await ask(backend, Request(method="GET", path="/"))
        assert isinstance(got, Stream)
        assert "content-encoding" not in got.headers
        assert await body_of(got) == b"plain"
    headers = {"accept-encoding": "gzip"}
    async with listening(packed) as backend:
        got = await ask(backend, Request(method="GET", path="/", headers=headers))
        assert gzip.decompress(await body_of(got)) == b"plain"


async def test_what_is_packed_is_unpacked_piece_by_piece() -> None:
    plain = b"\0" * 30_000_000
    packed = http("Content-Encoding: gzip", "Content-Type: a/b", body=gzip.compress(plain))
    async with listening(packed) as backend:
        got = await ask(backend, Request(method="GET", path="/"))
        assert isinstance(got, Stream)
        sizes = [len(part) async for part in got.frames]
    assert sum(sizes) == len(plain)
    assert max(sizes) <= 256 * 1024


async def test_a_long_page_is_rewritten_beside_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = []

    def noted(links: Links, body: bytes, encoding: str) -> bytes:
        threads.append(threading.current_thread())
        return rewrite_page(links, body, encoding)

    monkeypatch.setattr("pinnace.apiserver.connect.backend.rewrite_page", noted)
    for body in (b"<a href=/y>", b"<a href=/y>" * 10_000):
        async with listening(http("Content-Type: text/html", body=body)) as backend:
            page = await ask(backend, Request(method="GET", path="/"))
            assert (await body_of(page)).count(PREFIX.encode()) == body.count(b"<")
    assert threads[0] is threading.current_thread()
    assert threads[1] is not threading.current_thread()


async def test_pages_and_redirects_lead_through_the_proxy() -> None:
    async with listening(http("Content-Type: text/html", body=b"<a href=/y>")) as backend:
        page = await ask(backend, Request(method="GET", path="/"))
        assert await body_of(page) == f'<a href="{PREFIX}/y">'.encode()
    async with listening(http("Location: /y", status="302 Found")) as backend:
        moved = await ask(backend, Request(method="GET", path="/"))
        assert isinstance(moved, Stream)
        assert (moved.status, moved.headers["location"]) == (302, f"{PREFIX}/y")
        await moved.frames.aclose()  # type: ignore[attr-defined]


async def test_an_answer_that_breaks_off_is_not_taken_for_whole() -> None:
    async with listening(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf") as backend:
        got = await ask(backend, Request(method="GET", path="/"))
        with pytest.raises(ConnectionError):
            await body_of(got)


async def test_a_backend_that_says_nothing_is_told_of() -> None:
    async with listening(b"") as backend:
        with pytest.raises(ServiceUnavailable, match="error trying to reach service: EOF"):
            await ask(backend, Request(method="GET", path="/"))


async def test_a_log_that_nobody_reads_lets_go_of_its_kubelet() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nline"
    async with listening(head, closes=False) as backend:
        log = await fetch_log(backend.target(), None, pod="p")
        await log.aclose()
        assert backend.gone is not None
        async with asyncio.timeout(10):
            await backend.gone.wait()


@asynccontextmanager
async def client_of(
    answer: Hijack,
) -> AsyncIterator[tuple[asyncio.StreamReader, Callable[[], None]]]:
    """Give the client's end of a connection that the answer has taken over."""
    over = asyncio.Event()

    async def door(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer.run(Client(reader, writer))
        writer.close()
        over.set()

    server = await asyncio.start_server(door, "127.0.0.1", 0)
    async with server, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        yield reader, writer.close
        writer.close()
        await over.wait()


@pytest.mark.parametrize(
    ("protocol", "message"),
    [("binary.k8s.io", b"\x82\x04line"), ("base64.binary.k8s.io", b"\x81\x08bGluZQ==")],
)
async def test_a_log_comes_as_messages(protocol: str, message: bytes) -> None:
    async with listening(http(body=b"line")) as backend:
        log = await fetch_log(backend.target(), None, pod="p")
        request = Request(
            method="GET",
            path="/",
            headers={"sec-websocket-protocol": f"foo, {protocol}", "sec-websocket-key": "x"},
        )
        answer = await over_websocket(request, log)
        assert isinstance(answer, Hijack)
        async with client_of(answer) as (reader, _):
            head = await reader.readuntil(b"\r\n\r\n")
            assert f"Sec-WebSocket-Protocol: {protocol}".encode() in head
            assert await reader.read() == message[:1] + b"\x00" + message + b"\x88\x02\x03\xe8"


async def test_a_log_ends_with_its_client_even_if_the_kubelet_says_nothing() -> None:
    async with listening(b"HTTP/1.1 200 OK\r\n\r\nline", closes=False) as backend:
        log = await fetch_log(backend.target(), None, pod="p")
        request = Request(method="GET", path="/", headers={"sec-websocket-key": "x"})
        answer = await over_websocket(request, log)
        assert isinstance(answer, Hijack)
        async with client_of(answer) as (reader, close):
            await reader.readuntil(b"line")
            close()
        assert backend.gone is not None
        async with asyncio.timeout(10):
            await backend.gone.wait()


async def test_a_session_ends_with_its_client_even_if_the_backend_says_nothing() -> None:
    agreed = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"
    async with listening(agreed, closes=False) as backend:
        hijack = await splice(backend.target(), Request(method="POST", path="/exec"), None)
        assert isinstance(hijack, Hijack)
        async with client_of(hijack) as (reader, close):
            assert await reader.readuntil(b"\r\n\r\n") == agreed
            close()
        assert backend.gone is not None
        async with asyncio.timeout(10):
            await backend.gone.wait()


async def test_an_upgrade_that_nobody_waits_for_any_more_is_given_up() -> None:
    async with listening(b"HTTP/1.1 101 Fine\r\n\r\n", closes=False) as backend:
        hijack = await splice(backend.target(), Request(method="GET", path="/exec"), None)
        assert isinstance(hijack, Hijack)
        await hijack.abandon()
        assert backend.gone is not None
        async with asyncio.timeout(10):
            await backend.gone.wait()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (http(body=b"no"), "invalid upgrade response: status code 200"),
        (b"", "unexpected EOF"),
    ],
)
async def test_a_backend_that_does_not_upgrade_is_told_of(answer: bytes, why: str) -> None:
    async with listening(answer) as backend:
        with pytest.raises(ApiError) as failed:
            await splice(backend.target(), Request(method="GET", path="/"), None)
    assert failed.value.status() == {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": why, "code": 500,
    }  # fmt: skip


@pytest.mark.parametrize(
    "refusal",
    [
        http("Content-Type: text/plain", body=b"go away", status="403 Forbidden"),
        b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\ngo \r\n4\r\naway\r\n0\r\n\r\n",
    ],
    ids=["whole", "chunked"],
)
async def test_a_refusal_of_the_backend_is_passed_on(refusal: bytes) -> None:
    async with listening(refusal) as backend:
        answer = await splice(backend.target(), Request(method="GET", path="/"), None)
    assert isinstance(answer, Response)
    assert (answer.status, answer.body) == (403, b"go away")
    assert answer.headers["connection"] == "close"


async def test_a_token_among_the_protocols_stays_here() -> None:
    headers = {
        "sec-websocket-protocol": "base64url.bearer.authorization.k8s.io.abc, v4.channel.k8s.io"
    }
    async with listening(http(body=b"", status="400 Bad Request")) as backend:
        await splice(backend.target(), Request(method="GET", path="/", headers=headers), None)
    assert b"Sec-Websocket-Protocol: v4.channel.k8s.io\r\n" in backend.head
