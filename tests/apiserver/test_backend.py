"""Connections that are spliced with a backend's."""

import asyncio
from dataclasses import dataclass

from pinnace.api.wire import Request
from pinnace.apiserver.connect.backend import splice
from pinnace.apiserver.connect.target import Target


@dataclass(slots=True)
class Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def test_a_session_ends_with_its_client_even_if_the_backend_says_nothing() -> None:
    over = asyncio.Event()

    async def backend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        # A command that says nothing, for as long as the test goes on.
        await over.wait()
        writer.close()

    async def idle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(backend, "127.0.0.1", 0)
    sink = await asyncio.start_server(idle, "127.0.0.1", 0)
    async with server, sink:
        _, writer = await asyncio.open_connection(*sink.sockets[0].getsockname())
        gone = asyncio.StreamReader()
        gone.feed_eof()
        host, port = server.sockets[0].getsockname()
        target = Target(host=host, port=port, path="/exec", tls=False)
        hijack = splice(target, Request(method="POST", path="/exec"), None)
        async with asyncio.timeout(10):
            await hijack.run(Client(gone, writer))
        over.set()
        writer.close()
        await writer.wait_closed()
