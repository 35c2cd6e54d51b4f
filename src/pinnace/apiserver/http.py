"""Sockets and TLS: turns HTTP/1.1 into `Request`s and answers into bytes.

On the way in, this file and `connections.py` alone know aiohttp. A stream is written frame by frame
with back-pressure: the generator that makes the frames rests while the client reads slowly, and
what feeds it (a watch) has a bounded queue. An upgrade hands the bare transport to the handler.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, unquote

from aiohttp import HttpVersion10, HttpVersion11, web

from pinnace.api.errors import ApiError, Timeout, too_large
from pinnace.api.wire import Answer, Hijack, Request, Response, Stream
from pinnace.apiserver.answers import answer_error
from pinnace.apiserver.authn.impersonation import joined
from pinnace.apiserver.connections import Connection, Server, refusal
from pinnace.apiserver.routes import is_proxied

_BODY_SECONDS = 60.0
_HANDSHAKE_SECONDS = 10.0
_TIMEOUT = "Timeout: request did not complete within the allotted timeout"
# What may wait in a transport before whoever makes frames has to wait for the reader.
_ROOM = 64 * 1024
_WRONG_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
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
) -> Listener:
    """Listen and answer with `handle` until closed."""
    door = _Door(handle, max_body)
    server = Server(door.answer)
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


def _is_broken(target: str) -> bool:
    """Say whether Go's server would not take a request's target: no path, or a wrong escape."""
    path = target.partition("?")[0]
    return not path.startswith("/") or ("%" in path and _WRONG_ESCAPE.search(path) is not None)


def _request(
    request: web.BaseRequest, body: bytes, content: AsyncIterator[bytes] | None = None
) -> Request:
    raw, _, query = request.path_qs.partition("?")
    transport = request.transport
    tls = transport.get_extra_info("ssl_object") if transport is not None else None
    return Request(
        method=request.method,
        path=unquote(raw) if "%" in raw else raw,
        query=parse_qs(query, keep_blank_values=True) if query else {},
        headers=joined(request.headers.items()),
        body=body,
        peer_certificate=tls.getpeercert(binary_form=True) if tls is not None else None,
        remote=request.remote or "",
        upgrade=request if "upgrade" in request.headers.get("connection", "").lower() else None,
        raw_query=query,
        content=content,
    )


class _Door:
    """Answers each aiohttp request with the handler.

    Who hangs up ends what he reads, and not what he writes: a write under way is carried out.
    """

    def __init__(self, handle: Handler, max_body: int) -> None:
        self._handle = handle
        self._max_body = max_body
        self._writing: set[asyncio.Future[Answer]] = set()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.version < HttpVersion10 or _is_broken(request.path_qs):
            return refusal(HTTPStatus.BAD_REQUEST)
        body, content = b"", None
        if request.can_read_body and is_proxied(unquote(request.path_qs.partition("?")[0])):
            content = request.content.iter_any()
        elif request.can_read_body:
            try:
                async with asyncio.timeout(_BODY_SECONDS):
                    body = await self._read(request)
            except TimeoutError:
                return _last(request, Timeout(_TIMEOUT))
            except ApiError as error:
                return _last(request, error)
            except web.RequestPayloadError:
                return refusal(HTTPStatus.BAD_REQUEST)
        answer = await self._ask(_request(request, body, content))
        if isinstance(answer, Response):
            return _whole(answer)
        if isinstance(answer, Stream):
            return await _stream(request, answer)
        return await _hijack(request, answer)

    async def _ask(self, request: Request) -> Answer:
        passed_on = request.content is not None or request.upgrade is not None
        if request.method in ("GET", "HEAD") or passed_on:
            return await self._handle(request)
        task = asyncio.ensure_future(self._handle(request))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return await asyncio.shield(task)

    async def _read(self, request: web.BaseRequest) -> bytes:
        parts, size = [], 0
        async for part in request.content.iter_any():
            size += len(part)
            if size > self._max_body:
                raise too_large(self._max_body)
            parts.append(part)
        return b"".join(parts)


def _last(request: web.BaseRequest, error: ApiError) -> web.Response:
    """Answer with an error, and read no more of what the client sends."""
    answer = answer_error(_request(request, b""), error)
    response = _whole(answer)
    response.force_close()
    return response


def _whole(answer: Response) -> web.Response:
    response = web.Response(status=answer.status, headers=answer.headers, body=answer.body)
    for name, value in answer.more:
        response.headers.add(name, value)
    if answer.headers.get("connection") == "close":
        response.force_close()
    return response


async def _stream(request: web.BaseRequest, answer: Stream) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    for name, value in answer.more:
        response.headers.add(name, value)
    chunked = request.version >= HttpVersion11 and "content-length" not in answer.headers
    if chunked:
        response.enable_chunked_encoding()
    async with aclosing(answer.frames) as frames:  # type: ignore[type-var]
        try:
            await response.prepare(request)
            write = _writer(request, response) if chunked else response.write
            async for frame in frames:
                await write(frame)
            await response.write_eof()
        except ConnectionError:
            # Either end may be gone. The client must not take what it has for all there is.
            if request.transport is not None:
                request.transport.abort()
    return response


def _writer(
    request: web.BaseRequest, response: web.StreamResponse
) -> Callable[[bytes], Awaitable[None]]:
    """Return what writes a frame: straight to the transport as long as that has room.

    An event goes to hundreds of watches, so what one of them costs counts.
    """
    transport = request.transport
    if transport is None or request.version < HttpVersion11:
        return response.write

    async def write(frame: bytes) -> None:
        if transport.get_write_buffer_size() > _ROOM or transport.is_closing():
            await response.write(frame)
        elif frame:
            transport.write(b"%x\r\n%b\r\n" % (len(frame), frame))

    return write


@dataclass(frozen=True, slots=True)
class _Raw:
    """A connection without HTTP."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def _hijack(request: web.BaseRequest, answer: Hijack) -> web.StreamResponse:
    """Give the bare connection to the answer, and close it afterwards.

    Nothing that the client sends after its upgrade request is lost: it waits for our answer.
    """
    transport, http = request.transport, request.protocol
    if transport is None:
        await answer.abandon()
        raise ConnectionResetError("the client is gone")
    assert isinstance(http, Connection)
    http.hijacked = True
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    try:
        await answer.run(_Raw(reader, writer))
    finally:
        with suppress(OSError):
            writer.close()
        # The HTTP side never hears of the end by itself any more.
        loop.call_soon(http.connection_lost, None)
    return web.Response()
