"""Whatever arrives at the socket gets its refusal, and others are served all the same."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import suppress

import orjson
import pytest

from pinnace.api.wire import Answer, Request, Response, Stream
from pinnace.apiserver import http
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.apiserver.connections import BODY_SECONDS, HEAD_SECONDS, STALL_SECONDS
from pinnace.apiserver.http import Listener
from pinnace.kit.clock import SystemClock
from pinnace.store.memory import MemoryStore

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
YAML, PROTOBUF = "application/yaml", "application/vnd.kubernetes.protobuf"


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    server = ApiServer(MemoryStore(), SystemClock(), ServerConfig(admission=True))
    await server.start()
    listening = await http.serve(server.handle, host="127.0.0.1", port=0)
    yield listening
    await listening.close(grace=0.1)
    await server.close()


async def say(listener: Listener, data: bytes) -> bytes:
    """Send bytes and return the first line of the answer and its body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(data)
    try:
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.read(1 << 20)
    finally:
        writer.close()
    return head.split(b"\r\n")[0] + b"\n" + body


def request(method: str, path: str, body: bytes = b"", media: str = "application/json") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {media}\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


POST = f"POST {CONFIGMAPS} HTTP/1.1\r\nHost: x\r\n".encode()
GET = b"GET /healthz HTTP/1.1\r\n"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(GET + b"Host: x\r\n" + b"a: b\r\n" * 100_000 + b"\r\n", 431, id="100k fields"),
        pytest.param(GET + b"A: " + b"x" * 2_000_000 + b"\r\n\r\n", 431, id="huge field"),
        pytest.param(b"\x16\x03\x01\x00\x00 not http\r\n\r\n", 400, id="tls on a plain port"),
        pytest.param(b"BREW /api HTTP/1.1\r\nHost: x\r\n\r\n", 400, id="unknown method"),
        pytest.param(b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 400, id="connect"),
        pytest.param(b"GET /healthz\r\n\r\n", 400, id="http 0.9"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, id="http 2"),
        pytest.param(GET + b"\r\n", 400, id="no host"),
        pytest.param(GET + b"Host : x\r\n\r\n", 400, id="space before colon"),
        pytest.param(GET + b"Host: x\r\nA: b\r\n c\r\n\r\n", 400, id="folded line"),
        pytest.param(
            POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            id="length and chunks",
        ),
        pytest.param(
            POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n{}   ", 400, id="two lengths"
        ),
        pytest.param(POST + b"Content-Length: +5\r\n\r\n{}   ", 400, id="signed length"),
        pytest.param(POST + b"Transfer-Encoding: x\r\n\r\n0\r\n\r\n", 501, id="unknown encoding"),
        pytest.param(
            POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, id="two encodings"
        ),
        pytest.param(
            POST + b"Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n", 501, id="empty encoding"
        ),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
            400,
            id="encoded twice",
        ),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 2_000_000,
            400,
            id="endless chunk extension",
        ),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400, id="vast chunk"
        ),
        pytest.param(
            POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400, id="length twice"
        ),
        pytest.param(GET + b"Host: a b\r\n\r\n", 400, id="space in host"),
        pytest.param(GET + b"Host: a/b\r\n\r\n", 400, id="path in host"),
        pytest.param(GET + b"Host: x\r\nHost: y\r\n\r\n", 400, id="two hosts"),
        pytest.param(GET + b"Host: x\r\nA: b\0c\r\n\r\n", 400, id="nul in a value"),
        pytest.param(GET + b"Host: x\r\nA\0: b\r\n\r\n", 400, id="nul in a name"),
        pytest.param(GET + b"Host: x\r\nA: b\rc\r\n\r\n", 400, id="bare return"),
        pytest.param(GET[:-2] + b"\nHost: x\n\n", 400, id="bare newlines"),
        pytest.param(
            GET + b"Host: x\r\nA: " + b"x" * 1_060_000 + b"\r\n\r\n", 431, id="just too long"
        ),
        pytest.param(b"GET /" + b"x" * 1_060_000 + b" HTTP/1.1\r\n\r\n", 431, id="long path"),
        pytest.param(POST + b"Expect: x\r\nContent-Length: 2\r\n\r\n{}", 417, id="expectation"),
        pytest.param(
            POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            id="chunks in 1.0",
        ),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, id="malformed chunk"),
    ],
)
async def test_what_is_no_proper_http_is_refused_and_the_connection_closed(
    listener: Listener, data: bytes, code: int
) -> None:
    assert f" {code} " in (await say(listener, data)).split(b"\n")[0].decode()
    assert (await say(listener, request("GET", "/healthz"))).endswith(b"\nok")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("//api/v1/pods", 404),
        ("/api//v1/pods", 404),
        ("/api/v1/namespaces//pods", 200),
        ("/api/v1/../v1/pods", 404),
        (f"{CONFIGMAPS}/..", 400),
        (f"{CONFIGMAPS}/..%2f..", 400),
        (f"{CONFIGMAPS}/a%25b", 400),
        (f"{CONFIGMAPS}/a%00b", 404),
        (f"{CONFIGMAPS}/%ff", 404),
        ("/api/v1/pods/", 200),
    ],
)
async def test_paths_mean_what_they_say(listener: Listener, path: str, code: int) -> None:
    answer = await say(listener, request("GET", path))
    assert f" {code} " in answer.split(b"\n")[0].decode(), answer


@pytest.mark.parametrize(
    ("body", "media", "why"),
    [
        pytest.param(b'{"a":' + b"[" * 200_000, "application/json", "", id="deep json"),
        pytest.param(b'{"a":' * 900 + b"1" + b"}" * 900, "application/json", "depth", id="deep"),
        pytest.param(b"x: " + b"[" * 1_000_000, YAML, "depth", id="deep yaml"),
        pytest.param(b"a: &a {b: *a}", YAML, "anchor", id="recursive yaml"),
        pytest.param(b"k8s\0\x0a\xff\xff\xff\xff\x0f", PROTOBUF, "EOF", id="cut protobuf"),
        pytest.param(b"k8s\0" + b"\x0b" * 50_000, PROTOBUF, "wireType", id="protobuf groups"),
        pytest.param(b"abc", PROTOBUF, "prefix", id="no protobuf"),
        pytest.param(b"\xff{}", "application/json", "'\u00ff'", id="not json"),
        pytest.param(b'metadata: {name: "\xff"}', YAML, "UTF-8", id="not utf-8"),
        pytest.param(b'{"metadata":{"generation":1e999}}', "application/json", "", id="infinite"),
        pytest.param(b'{"immutable":NaN}', "application/json", "'N'", id="not a number"),
        pytest.param(b"[]", "application/json", "array", id="a list"),
    ],
)
async def test_bodies_that_cannot_be_read_are_bad_requests(
    listener: Listener, body: bytes, media: str, why: str
) -> None:
    answer = await say(listener, request("POST", CONFIGMAPS, body, media))
    status = orjson.loads(answer.partition(b"\n")[2])
    assert (status["code"], status["reason"]) == (400, "BadRequest")
    assert why in status["message"]


async def test_broken_utf8_in_a_json_string_is_read_as_the_replacement_character(
    listener: Listener,
) -> None:
    body = b'{"metadata":{"name":"\xff"}}'
    answer = await say(listener, request("POST", CONFIGMAPS, body))
    status = orjson.loads(answer.partition(b"\n")[2])
    assert (status["code"], status["details"]["name"]) == (422, "\N{REPLACEMENT CHARACTER}")


async def test_aliases_that_multiply_are_refused(listener: Listener) -> None:
    rows = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    for name, before in zip("bcdefghij", "abcdefghi", strict=True):
        rows.append(f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]")
    answer = await say(listener, request("POST", CONFIGMAPS, "\n".join(rows).encode(), YAML))
    assert b"document contains excessive aliasing" in answer


async def test_a_body_over_the_limit_gets_upstreams_status(listener: Listener) -> None:
    body = b'{"data":{"a":"' + b"x" * (3 << 20) + b'"}}'
    status = orjson.loads((await say(listener, request("POST", CONFIGMAPS, body))).split(b"\n")[1])
    assert status["code"] == 413
    assert status["message"] == "Request entity too large: limit is 3145728"


async def test_a_body_that_does_not_come_times_out(listener: Listener) -> None:
    asked = asyncio.create_task(say(listener, POST + b"Content-Length: 100\r\n\r\n{"))
    await asyncio.sleep(0.02)
    now = asyncio.get_running_loop().time()
    listener.sweep(now + BODY_SECONDS - 1)
    assert not asked.done()
    listener.sweep(now + BODY_SECONDS + 1)
    status = orjson.loads((await asked).partition(b"\n")[2])
    assert (status["code"], status["reason"]) == (504, "Timeout")


async def test_who_dawdles_over_a_request_is_cut_off(listener: Listener) -> None:
    silent, idle = await asyncio.open_connection("127.0.0.1", listener.port)
    slow, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(request("GET", "/healthz").replace(b"Connection: close\r\n", b""))
    assert await slow.readuntil(b"\r\n\r\nok")
    now = asyncio.get_running_loop().time()
    listener.sweep(now + HEAD_SECONDS - 1)
    # What is idle between requests may stay; a second head has begun and goes on for ever.
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: ")
    await asyncio.sleep(0.02)
    listener.sweep(now + HEAD_SECONDS + 2)
    for reader in (slow, silent):
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 5) == b""
    for mine in (idle, writer):
        mine.close()
    assert (await say(listener, request("GET", "/healthz"))).endswith(b"\nok")


async def test_who_reads_nothing_is_cut_off_and_his_stream_ended() -> None:
    ended = asyncio.Event()

    async def frames() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * (1 << 20)
        finally:
            ended.set()

    async def handle(request: Request) -> Answer:
        return Stream(frames=frames()) if request.path == "/watch" else Response(body=b"ok")

    listening = await http.serve(handle, host="127.0.0.1", port=0)
    _, writer = await asyncio.open_connection("127.0.0.1", listening.port, limit=1 << 10)
    writer.write(request("GET", "/watch"))
    assert (await say(listening, request("GET", "/healthz"))).endswith(b"\nok")
    # Until the buffers of both sockets are full.
    await asyncio.sleep(0.2)
    now = asyncio.get_running_loop().time()
    listening.sweep(now)
    assert not ended.is_set()
    listening.sweep(now + STALL_SECONDS + 1)
    await asyncio.wait_for(ended.wait(), 5)
    writer.close()
    await listening.close(grace=0.1)


async def test_what_is_behind_a_refused_request_is_not_taken_for_another(
    listener: Listener,
) -> None:
    smuggled = request("GET", "/healthz")
    both = b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % len(smuggled)
    assert (await say(listener, POST + both + smuggled)).count(b"HTTP/1.1") == 1


async def test_a_compressed_body_is_not_unpacked(listener: Listener) -> None:
    bomb = gzip.compress(b"{" + b" " * 50_000_000)
    answer = await say(listener, request("POST", CONFIGMAPS, bomb))
    assert orjson.loads(answer.partition(b"\n")[2])["code"] == 400


async def test_many_connections_do_not_keep_others_out(listener: Listener) -> None:
    held = [await asyncio.open_connection("127.0.0.1", listener.port) for _ in range(400)]
    assert (await say(listener, request("GET", "/healthz"))).endswith(b"\nok")
    for _, writer in held:
        writer.close()
