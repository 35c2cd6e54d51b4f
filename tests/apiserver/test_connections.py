"""HTTP/1.1 as clients speak it: pipelining, keep-alive, 100-continue, HEAD, upgrades not taken."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from pinnace.api.wire import Answer, Hijack, Request, Response, Stream
from pinnace.apiserver import http
from pinnace.apiserver.http import Listener


class App:
    """Answers with method, path and body; `/slow` waits, `/stream` streams, `/raw` takes over."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.asked = asyncio.Event()
        self.done: list[str] = []
        self.write: Callable[[bytes], bool] | None = None

    async def __call__(self, request: Request) -> Answer:
        if request.path == "/slow":
            await self.go.wait()
        self.done.append(request.path)
        self.asked.set()
        if request.content is not None and request.path.endswith("/count"):
            return Response(body=b"%d" % sum([len(part) async for part in request.content]))
        if request.path == "/stream":
            return Stream(frames=self._frames(), straight=self._straight)
        if request.path == "/raw" and request.upgrade is not None:
            return Hijack(run=self._echo)
        text = f"{request.method} {request.path} {request.query} ".encode()
        return Response(headers={"audit-id": "a\r\nevil: 1"}, body=text + request.body)

    def _straight(self, write: Callable[[bytes], bool]) -> None:
        self.write = write

    async def _frames(self) -> AsyncIterator[bytes]:
        yield b"first\n"
        await self.go.wait()
        yield b"last\n"

    async def _echo(self, raw: http._Raw) -> None:
        raw.writer.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + await raw.reader.read(4))
        await raw.writer.drain()


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
async def listener(app: App) -> AsyncIterator[Listener]:
    listening = await http.serve(app, host="127.0.0.1", port=0, max_body=1000)
    yield listening
    await listening.close(grace=0.1)


async def connected(listener: Listener) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", listener.port)


async def answer(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Read one answer with a length: its head and body."""
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode()
    length = head.lower().partition("content-length: ")[2].partition("\r\n")[0]
    return head, await asyncio.wait_for(reader.readexactly(int(length)), 5)


def ask(target: str, more: str = "", method: str = "GET", version: str = "1.1") -> bytes:
    return f"{method} {target} HTTP/{version}\r\nHost: x\r\n{more}\r\n".encode()


async def test_requests_sent_ahead_are_answered_in_order(listener: Listener, app: App) -> None:
    reader, writer = await connected(listener)
    writer.write(ask("/slow") + b"".join(ask(f"/{number}") for number in range(30)))
    await asyncio.sleep(0.01)
    assert app.done == []
    app.go.set()
    for path in ("/slow", *(f"/{number}" for number in range(30))):
        assert (await answer(reader))[1].split()[1].decode() == path
    writer.write(ask("/again?a=1&a=2"))
    assert (await answer(reader))[1] == b"GET /again {'a': ['1', '2']} "
    writer.close()


async def test_a_client_that_asks_before_it_sends_is_told_to_go_on(listener: Listener) -> None:
    reader, writer = await connected(listener)
    writer.write(ask("/a", "Expect: 100-continue\r\nContent-Length: 4\r\n", "POST"))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"body")
    assert (await answer(reader))[1] == b"POST /a {} body"
    writer.close()


async def test_who_announces_too_much_is_refused_before_he_sends(listener: Listener) -> None:
    reader, writer = await connected(listener)
    writer.write(ask("/a", "Expect: 100-continue\r\nContent-Length: 1001\r\n", "POST"))
    head, _ = await answer(reader)
    assert head.startswith("HTTP/1.1 413 ")
    assert "\r\nConnection: close\r\n" in head
    writer.close()


async def test_chunks_over_the_limit_are_refused_and_nothing_behind_them_is_read(
    listener: Listener, app: App
) -> None:
    reader, writer = await connected(listener)
    chunk = b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"
    writer.write(ask("/a", "Transfer-Encoding: chunked\r\n", "POST") + chunk + ask("/b"))
    assert (await answer(reader))[0].startswith("HTTP/1.1 413 ")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    assert app.done == []
    writer.close()


PROXIED = "/api/v1/namespaces/a/pods/p/proxy"


async def test_a_body_that_is_passed_on_has_no_limit_and_comes_in_parts(
    listener: Listener, app: App
) -> None:
    reader, writer = await connected(listener)
    writer.write(ask(f"{PROXIED}/count", "Content-Length: 3000000\r\n", "POST"))
    await asyncio.wait_for(app.asked.wait(), 5)
    writer.write(b"x" * 3_000_000 + ask("/b"))
    assert (await answer(reader))[1] == b"3000000"
    assert (await answer(reader))[1] == b"GET /b {} "
    writer.close()


async def test_who_is_answered_before_all_of_a_body_came_is_hung_up_on(listener: Listener) -> None:
    reader, writer = await connected(listener)
    writer.write(ask(f"{PROXIED}/other", "Content-Length: 3000000\r\n", "POST") + b"x" * 1000)
    head, body = await answer(reader)
    assert "\r\nConnection: close\r\n" in head
    assert body == f"POST {PROXIED}/other {{}} ".encode()
    writer.write(b"x" * 2_000_000 + ask("/b"))
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_trailers_and_chunk_extensions_are_not_headers(listener: Listener) -> None:
    reader, writer = await connected(listener)
    body = b"4;a=b\r\nbody\r\n0\r\nHost: evil\r\n\r\n"
    writer.write(ask("/a", "Transfer-Encoding: chunked\r\n", "POST") + body + ask("/b"))
    assert (await answer(reader))[1] == b"POST /a {} body"
    assert (await answer(reader))[1] == b"GET /b {} "
    writer.close()


async def test_head_has_the_length_and_no_body(listener: Listener) -> None:
    reader, writer = await connected(listener)
    writer.write(ask("/a", method="HEAD") + ask("/b"))
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    assert "\r\nContent-Length: 11\r\n" in head
    assert (await answer(reader))[1] == b"GET /b {} "
    writer.close()


@pytest.mark.parametrize(
    ("version", "more", "kept"),
    [("1.1", "", True), ("1.1", "Connection: close\r\n", False), ("1.0", "", False),
     ("1.0", "Connection: keep-alive\r\n", True)],
)  # fmt: skip
async def test_the_connection_stays_as_the_client_asks(
    listener: Listener, version: str, more: str, kept: bool
) -> None:
    reader, writer = await connected(listener)
    writer.write(ask("/a", more, version=version))
    head, _ = await answer(reader)
    assert head.startswith(f"HTTP/{version} 200 OK\r\n")
    if kept:
        writer.write(ask("/b", more, version=version))
        assert (await answer(reader))[1] == b"GET /b {} "
    else:
        assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_a_stream_to_http_1_0_ends_with_the_connection(listener: Listener, app: App) -> None:
    reader, writer = await connected(listener)
    writer.write(ask("/stream", version="1.0"))
    app.go.set()
    said = await asyncio.wait_for(reader.read(), 5)
    assert said.partition(b"\r\n\r\n")[2] == b"first\nlast\n"
    writer.close()


async def test_what_is_written_straight_comes_between_the_frames(
    listener: Listener, app: App
) -> None:
    reader, writer = await connected(listener)
    writer.write(ask("/stream"))
    await reader.readuntil(b"first\n\r\n")
    assert app.write is not None
    assert app.write(b"second\n")
    app.go.set()
    assert await reader.readuntil(b"0\r\n\r\n") == b"7\r\nsecond\n\r\n5\r\nlast\n\r\n0\r\n\r\n"
    writer.close()


async def test_nothing_is_written_straight_to_who_does_not_read(
    listener: Listener, app: App
) -> None:
    reader, writer = await connected(listener)
    writer.write(ask("/stream"))
    await reader.readuntil(b"first\n\r\n")
    assert app.write is not None
    frames = 0
    while app.write(b"x" * 100_000):
        frames += 1
        assert frames < 1000
    writer.close()


async def test_an_upgrade_that_nobody_takes_is_a_request_like_others(listener: Listener) -> None:
    reader, writer = await connected(listener)
    writer.write(ask("/a", "Connection: Upgrade\r\nUpgrade: h2c\r\n") + ask("/b"))
    assert (await answer(reader))[1] == b"GET /a {} "
    assert (await answer(reader))[1] == b"GET /b {} "
    writer.close()


async def test_what_comes_early_behind_an_upgrade_is_kept(listener: Listener) -> None:
    reader, writer = await connected(listener)
    writer.write(ask("/raw", "Connection: Upgrade\r\nUpgrade: x\r\n", "POST") + b"ab")
    await asyncio.sleep(0)
    writer.write(b"cd")
    said = await asyncio.wait_for(reader.read(), 5)
    assert said.startswith(b"HTTP/1.1 101 ")
    assert said.endswith((b"\r\n\r\nab", b"\r\n\r\nabcd"))
    writer.close()


async def test_a_write_is_carried_out_when_its_client_hangs_up(
    listener: Listener, app: App
) -> None:
    for method in ("POST", "GET"):
        _, writer = await connected(listener)
        writer.write(ask("/slow", method=method))
        await asyncio.sleep(0.02)
        writer.close()
        await writer.wait_closed()
    await asyncio.sleep(0.02)
    app.go.set()
    await asyncio.sleep(0.02)
    assert app.done == ["/slow"]


@pytest.mark.parametrize(
    ("data", "first"),
    [
        pytest.param(b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", b"400 Bad Request", id="escape"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
                     b"400 Bad Request: too many Host headers", id="two hosts"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n",
                     b"400 Bad Request: missing required Host header", id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nExpect: magic\r\n\r\n",
                     b"417 Expectation Failed", id="expectation"),
        pytest.param(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     b"400 Bad Request", id="chunks in 1.0"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nUpgrade: x\r\n"
                     b"Connection: Upgrade\r\n\r\nGET /", b"400 Bad Request", id="upgraded body"),
    ],
)  # fmt: skip
async def test_a_refusal_comes_after_the_answers_before_it(
    listener: Listener, data: bytes, first: bytes
) -> None:
    reader, writer = await connected(listener)
    writer.write(ask("/a") + data)
    assert (await answer(reader))[1] == b"GET /a {} "
    said = await asyncio.wait_for(reader.read(), 5)
    assert said.startswith(b"HTTP/1.1 " + first[:3])
    assert said.endswith(b"\r\nConnection: close\r\n\r\n" + first)
    writer.close()


async def test_a_proxys_target_means_its_path(listener: Listener) -> None:
    reader, writer = await connected(listener)
    writer.write(ask("https://host:1/a%20b?c=d"))
    assert (await answer(reader))[1] == b"GET /a b {'c': ['d']} "
    writer.close()


async def test_a_header_cannot_end_early(listener: Listener) -> None:
    reader, writer = await connected(listener)
    writer.write(ask("/a"))
    head, _ = await answer(reader)
    assert "\r\nAudit-Id: a  evil: 1\r\n" in head
    assert "\r\nDate: " in head
    writer.close()


async def test_closing_waits_a_moment_for_what_is_under_way(listener: Listener, app: App) -> None:
    reader, writer = await connected(listener)
    idle, other = await connected(listener)
    writer.write(ask("/slow"))
    await asyncio.sleep(0.02)
    closing = asyncio.create_task(listener.close(grace=5))
    assert await asyncio.wait_for(idle.read(), 5) == b""
    app.go.set()
    assert (await answer(reader))[1] == b"GET /slow {} "
    await asyncio.wait_for(closing, 5)
    writer.close()
    other.close()
