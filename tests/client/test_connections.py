import asyncio
from contextlib import asynccontextmanager

import pytest

from pinnace.api.errors import ServiceUnavailable
from pinnace.api.wire import Request
from pinnace.client.connections import BrokenConnection, Connections
from pinnace.client.transport import Remote

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end"


@asynccontextmanager
async def served(*answers):
    """Serve one answer for each request, in turn over all connections; None hangs up."""
    left, seen, tasks = list(answers), [], []

    async def connected(reader, writer):
        tasks.append(asyncio.current_task())

        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = 0
                for line in head.split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        size = int(line.split(b":")[1])
                seen.append((writer, head, await reader.readexactly(size)))
                answer = left.pop(0)
                if answer is None:
                    break
                writer.write(answer)
                if b"close" in answer:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    connections = Connections(url, None)
    try:
        yield connections, seen, url
    finally:
        connections.close()
        server.close()
        await asyncio.gather(*tasks, return_exceptions=True)


def ask(connections, method="GET", body=b"", seconds=5.0):
    return connections.ask(method, "/a?b=c", {"accept": "x"}, body, seconds)


async def test_one_connection_serves_one_request_after_the_other():
    async with served(GOOD, GOOD) as (connections, seen, _):
        first, second = await ask(connections), await ask(connections, "POST", b"body")
    assert (first.status, first.body, second.body) == (200, b"ok", b"ok")
    assert first.headers == {"content-length": "2"}
    assert seen[0][0] is seen[1][0]
    assert seen[0][1].startswith(b"GET /a?b=c HTTP/1.1\r\nhost: 127.0.0.1:")
    assert seen[1][2] == b"body"


async def test_requests_at_the_same_time_have_a_connection_each():
    async with served(GOOD, GOOD) as (connections, seen, _):
        await asyncio.gather(ask(connections), ask(connections))
    assert seen[0][0] is not seen[1][0]


async def test_chunks_and_answers_without_a_length_are_put_together():
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    hint = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
    async with served(hint + chunks, CLOSING, GOOD) as (connections, seen, _):
        assert (await ask(connections)).body == b"abc"
        assert (await ask(connections)).body == b"until the end"
        assert (await ask(connections)).body == b"ok"
    assert seen[2][0] is not seen[1][0]


async def test_what_reads_is_sent_again_when_a_kept_connection_ends_and_what_writes_is_not():
    async with served(GOOD, None, GOOD) as (connections, _, _url):
        await ask(connections)
        assert (await ask(connections)).body == b"ok"
    async with served(GOOD, None, GOOD) as (connections, _, _url):
        await ask(connections)
        with pytest.raises(BrokenConnection, match="Server disconnected"):
            await ask(connections, "POST")


async def test_a_new_connection_that_ends_is_not_tried_again():
    async with served(None, GOOD) as (connections, _, _url):
        with pytest.raises(BrokenConnection):
            await ask(connections)


async def test_half_an_answer_and_what_is_no_http_are_errors():
    half = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nok"
    for answer in (half, b"close me, I speak no HTTP\r\n\r\n"):
        async with served(answer) as (connections, _, _url):
            with pytest.raises(BrokenConnection):
                await ask(connections)


async def test_a_silent_server_is_given_up_and_its_connection_not_used_again():
    async with served(b"", GOOD) as (connections, seen, _):
        with pytest.raises(TimeoutError):
            await ask(connections, seconds=0.01)
        assert (await ask(connections)).body == b"ok"
    assert seen[0][0] is not seen[1][0]


async def test_a_header_of_two_lines_and_a_server_that_is_not_there_are_unavailable():
    async with served() as (_, _seen, url):
        remote = Remote(url, token="a\nb")
        with pytest.raises(ServiceUnavailable, match="a header must be one line"):
            await remote.send(Request(method="GET", path="/"))
    with pytest.raises(ServiceUnavailable, match='GET "/"'):
        await Remote(url).send(Request(method="GET", path="/"))
