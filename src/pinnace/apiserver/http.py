"""Sockets and TLS: turns HTTP/1.1 into `Request`s and answers into bytes.

On the way in, this file, `connections.py` (a connection) and `heads.py` (the text of HTTP) alone
know HTTP. A stream is written frame by frame with back-pressure: the generator that makes the
frames rests while the client reads slowly, and what feeds it (a watch) has a bounded queue. An
upgrade hands the bare transport to the handler.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass

from pinnace.api.errors import Timeout, too_large
from pinnace.api.wire import Answer, Hijack, Request, Response, Stream
from pinnace.apiserver.answers import answer_error
from pinnace.apiserver.authn.impersonation import joined
from pinnace.apiserver.connections import Connection, Server
from pinnace.apiserver.heads import LAST_CHUNK, answer_head, chunk, is_bodiless, parameters
from pinnace.apiserver.incoming import Incoming
from pinnace.apiserver.routes import is_proxied

_HANDSHAKE_SECONDS = 10.0
_TIMEOUT = "Timeout: request did not complete within the allotted timeout"
# A client that has not read for so long is waited for, and not worked for.
_SLOW_SECONDS = 1.0
_READING = ("GET", "HEAD")
Handler = Callable[[Request], Awaitable[Answer]]


class Listener:
    """A server that listens; `port` is where."""

    def __init__(self, server: Server, socket_server: asyncio.Server) -> None:
        self._server = server
        self._socket_server = socket_server
        self._guard = asyncio.create_task(server.watch_over())
        self.port: int = socket_server.sockets[0].getsockname()[1]

    def sweep(self, now: float) -> None:
        """Cut off connections that are overdue, as is done by itself every few seconds."""
        self._server.sweep(now)

    async def close(self, *, grace: float = 1.0) -> None:
        """Stop listening, let requests end for a moment, and close all connections."""
        self._guard.cancel()
        self._socket_server.close()
        await self._server.shutdown(grace)


async def serve(
    handle: Handler,
    *,
    host: str,
    port: int,
    ssl_context: ssl.SSLContext | None = None,
    max_body: int = 3 * 1024 * 1024,
    passes_on: Callable[[str], bool] = is_proxied,
) -> Listener:
    """Listen and answer with `handle` until closed.

    Bodies of requests to paths that `passes_on` names are given to `handle` while they come.
    """
    server = Server(_Door(handle, max_body).answer, max_body, passes_on)
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        server,
        host,
        port,
        ssl=ssl_context,
        backlog=1024,
        ssl_handshake_timeout=_HANDSHAKE_SECONDS if ssl_context is not None else None,
    )
    return Listener(server, listening)


def _request(connection: Connection, coming: Incoming) -> Request:
    body, query = coming.body, coming.query
    return Request(
        method=coming.method,
        path=coming.path,
        query=parameters(query),
        headers=joined(coming.headers),
        body=body[0] if len(body) == 1 else b"".join(body),
        peer_certificate=connection.peer_certificate,
        remote=connection.remote,
        upgrade=connection if coming.upgrade else None,
        raw_query=query,
        content=coming.content,
    )


class _Door:
    """Answers each request with the handler."""

    def __init__(self, handle: Handler, max_body: int) -> None:
        self._handle = handle
        self._max_body = max_body

    async def answer(self, connection: Connection, coming: Incoming) -> None:
        """Answer one request on its connection."""
        request = _request(connection, coming)
        answer: Answer
        if coming.too_large:
            answer = answer_error(request, too_large(self._max_body))
        elif coming.timed_out:
            answer = answer_error(request, Timeout(_TIMEOUT))
        else:
            passed_on = coming.content is not None or coming.upgrade
            connection.reading = coming.method in _READING or passed_on
            request.waiting = connection.ends_with
            answer = await self._handle(request)
        if isinstance(answer, Response):
            _respond(connection, coming, answer)
            if connection.paused:
                await connection.drained()
        elif isinstance(answer, Stream):
            connection.reading = True
            await _stream(connection, coming, answer)
        else:
            await _hijack(connection, answer)


def _respond(connection: Connection, coming: Incoming, answer: Response) -> None:
    if connection.transport.is_closing():
        # Who asked is gone; what he wrote is written all the same.
        return
    head = _head(coming, answer, length=len(answer.body))
    bodiless = coming.method == "HEAD" or is_bodiless(answer.status)
    connection.transport.write(head if bodiless else head + answer.body)


def _head(coming: Incoming, answer: Response | Stream, *, length: int | None) -> bytes:
    keep = coming.settle(keep=answer.headers.get("connection") != "close")
    return answer_head(
        coming.version,
        answer.status,
        (*answer.headers.items(), *answer.more),
        now=time.time(),
        length=length,
        keep=keep,
    )


async def _stream(connection: Connection, coming: Incoming, answer: Stream) -> None:
    # What is passed on may say how long it is.
    told = answer.headers.get("content-length", "")
    length = int(told) if told.isdigit() else None
    chunked = length is None and coming.version == "1.1"
    coming.keep = coming.keep and (chunked or length is not None)
    transport = connection.transport
    async with aclosing(answer.frames) as frames:  # type: ignore[type-var]
        transport.write(_head(coming, answer, length=length))
        if coming.method == "HEAD" or is_bodiless(answer.status):
            return
        if answer.straight is not None:
            answer.straight(_straight(connection, chunked=chunked))
        async for frame in frames:
            if frame:
                began = time.perf_counter()
                transport.write(chunk(frame) if chunked else frame)
                if answer.spent is not None:
                    answer.spent(time.perf_counter() - began)
            if connection.paused or transport.is_closing():
                await _drained(connection, answer)
    if chunked:
        transport.write(LAST_CHUNK)


async def _drained(connection: Connection, answer: Stream) -> None:
    """Wait for room; if that takes long, tell whoever made the answer, once."""
    if answer.slow is None:
        await connection.drained()
        return
    slow = asyncio.get_running_loop().call_later(_SLOW_SECONDS, answer.slow)
    began = time.monotonic()
    try:
        await connection.drained()
    finally:
        slow.cancel()
    if time.monotonic() - began > _SLOW_SECONDS:
        answer.slow = None


def _straight(connection: Connection, *, chunked: bool) -> Callable[[bytes], bool]:
    """Return what writes a frame at once, as long as the transport has room.

    An event goes to hundreds of watches, so what one of them costs counts.
    """
    transport = connection.transport

    def write(frame: bytes) -> bool:
        if connection.paused or transport.is_closing():
            return False
        transport.write(chunk(frame) if chunked else frame)
        return True

    return write


@dataclass(frozen=True, slots=True)
class _Raw:
    """A connection without HTTP."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def _hijack(connection: Connection, answer: Hijack) -> None:
    """Give the bare connection to the answer, and close it afterwards.

    Nothing that the client sends after its upgrade request is lost: it waits for our answer.
    """
    transport = connection.transport
    if transport.is_closing():
        await answer.abandon()
        raise ConnectionResetError("the client is gone")
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    connection.taken(protocol)
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    try:
        await answer.run(_Raw(reader, writer))
    finally:
        with suppress(OSError):
            writer.close()
        connection.given_back()
