"""Takes a connection away from the HTTP server, and joins it with another one."""

import asyncio
from typing import Protocol, cast

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

_CHUNK = 64 * 1024


class TakenOver(web.StreamResponse):
    """Stands for an answer that was given on the bare connection; the server adds nothing."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        self._keep_alive = False
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


def take_over(request: web.Request) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return the bare connection of a request, which is ours to answer and to close."""
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client is gone")
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    writer = asyncio.StreamWriter(cast("asyncio.WriteTransport", transport), protocol, reader, loop)
    return reader, writer


class Source(Protocol):
    """Where bytes come from; empty bytes mean the end."""

    async def read(self, n: int = -1) -> bytes: ...


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes) -> None: ...

    async def drain(self) -> None: ...


async def _pump(source: Source, sink: Sink) -> None:
    while data := await source.read(_CHUNK):
        sink.write(data)
        await sink.drain()


async def join(one: tuple[Source, Sink], other: tuple[Source, Sink]) -> None:
    """Copy both ways until either end is finished or broken."""
    tasks = [
        asyncio.ensure_future(_pump(one[0], other[1])),
        asyncio.ensure_future(_pump(other[0], one[1])),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # A broken connection is the usual end of a session, and nobody is left to tell.
        await asyncio.gather(*tasks, return_exceptions=True)
