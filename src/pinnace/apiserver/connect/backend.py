"""Talks to a backend: one streamed answer, or raw bytes both ways after an upgrade."""

import asyncio
import io
import os
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

import aiohttp
from yarl import URL

from pinnace.api.errors import ApiError, BadRequest, NotFound, ServiceUnavailable
from pinnace.api.wire import Answer, Hijack, Request, Stream
from pinnace.apiserver.connect.target import Target

_CONNECT_SECONDS = 30.0
_CHUNK = 64 * 1024
# How much of a refusal's text is passed on.
_LONGEST_REFUSAL = 50_000
# What belongs to one connection, or to the API server alone.
_NOT_PASSED_ON = frozenset(
    {
        "authorization", "connection", "content-length", "host", "keep-alive", "te", "trailer",
        "transfer-encoding", "upgrade", "accept-encoding",
    }
)  # fmt: skip
_UPGRADING = ("connection", "upgrade")


def _is_passed_on(name: str) -> bool:
    """Say whether a backend sees a header; who the client is, and acts as, ends here."""
    return name not in _NOT_PASSED_ON and not name.startswith("impersonate-")


class Connection(Protocol):
    """The client's connection, taken over: what `Hijack.run` gets from the adapter."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


def tls_of(target: Target, kubelet_tls: ssl.SSLContext | None) -> ssl.SSLContext | None:
    """Return how to meet a backend: kubelets with our certificate, others unverified."""
    if not target.tls:
        return None
    if target.kubelet:
        if kubelet_tls is None:
            raise ServiceUnavailable("this server has no credentials for kubelets")
        return kubelet_tls
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def unreachable(target: Target, error: Exception) -> ServiceUnavailable:
    """Return the answer for a backend that cannot be reached, in Go's words."""
    where = f"{target.host}:{target.port}"
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, TimeoutError):
        why = f"dial tcp {where}: i/o timeout"
    elif isinstance(cause, OSError) and cause.errno:
        # asyncio words some errors itself, and keeps the number.
        why = f"dial tcp {where}: connect: {os.strerror(cause.errno).lower()}"
    elif isinstance(cause, aiohttp.ServerDisconnectedError):
        why = "EOF"
    else:
        why = str(cause)
    return ServiceUnavailable(f"error trying to reach service: {why}")


async def fetch(
    target: Target,
    request: Request,
    tls: ssl.SSLContext | None,
    *,
    rewrite: Callable[[Mapping[str, str]], dict[str, str]] = dict,
    forwarded: Mapping[str, str] | None = None,
) -> Answer:
    """Pass a request on and stream the answer back; raises ServiceUnavailable.

    `forwarded` are headers that say for whom; `rewrite` changes those of the answer.
    """
    url = URL.build(
        scheme="https" if target.tls else "http", host=target.host, port=target.port
    ).join(URL(target.path, encoded=True))
    headers = {k: v for k, v in request.headers.items() if _is_passed_on(k)}
    headers |= forwarded or {}
    session = aiohttp.ClientSession(
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
    )
    try:
        answer = await session.request(
            request.method,
            url,
            headers=headers,
            data=io.BytesIO(request.body) if request.body else None,
            ssl=tls if tls is not None else True,
            allow_redirects=False,
        )
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        await session.close()
        raise unreachable(target, error) from error
    except BaseException:
        await session.close()
        raise
    kept = {k.lower(): v for k, v in answer.headers.items() if k.lower() not in _NOT_PASSED_ON}
    return Stream(status=answer.status, headers=rewrite(kept), frames=_frames(session, answer))


async def accepted(answer: Answer) -> Answer:
    """Return a backend's answer if it is a good one; raises its refusal as a Status otherwise."""
    if not isinstance(answer, Stream) or 200 <= answer.status <= 206:
        return answer
    said = b"".join([frame async for frame in answer.frames])
    text = said[:_LONGEST_REFUSAL].decode(errors="replace")
    if answer.status == 400:
        raise BadRequest(text)
    if answer.status == 404:
        raise NotFound("the server could not find the requested resource")
    if answer.status == 500:
        raise ApiError(f"Internal error occurred: {text}")
    raise ApiError(text, code=answer.status, reason="")


async def _frames(
    session: aiohttp.ClientSession, answer: aiohttp.ClientResponse
) -> AsyncIterator[bytes]:
    try:
        with suppress(aiohttp.ClientError):
            async for part in answer.content.iter_any():
                yield part
    finally:
        answer.close()
        await session.close()


def splice(target: Target, request: Request, tls: ssl.SSLContext | None) -> Hijack:
    """Answer an upgrade: send its head on, and then every byte, both ways, untouched."""

    async def run(connection: Any) -> None:
        client: Connection = connection
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(target.host, target.port, ssl=tls)
        except (OSError, TimeoutError) as error:
            text = str(unreachable(target, error)).encode()
            head = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
            length = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(text)
            client.writer.write(head + length + text)
            await client.writer.drain()
            return
        try:
            writer.write(_head(target, request))
            await _both_ways(client, reader, writer)
        finally:
            writer.close()

    return Hijack(run=run)


def _head(target: Target, request: Request) -> bytes:
    lines = [f"{request.method} {target.path} HTTP/1.1", f"Host: {target.host}:{target.port}"]
    for name, value in request.headers.items():
        if name not in _UPGRADING and not _is_passed_on(name):
            continue
        if name == "sec-websocket-protocol":
            value = _without_token(value)
        lines.append(f"{name}: {value}")
    if request.method == "POST":
        lines.append("Content-Length: 0")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _without_token(protocols: str) -> str:
    """Drop the bearer token that browsers send as a sub-protocol."""
    kept = [p.strip() for p in protocols.split(",") if "bearer.authorization.k8s.io." not in p]
    return ", ".join(kept)


async def _both_ways(
    client: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Copy until either side is done, as upstream does.

    A client that is gone cannot be told to the backend otherwise: TLS has no half-closed
    connections, and a command that says nothing would keep its session for ever.
    """
    both = [
        asyncio.ensure_future(_copy(client.reader, writer)),
        asyncio.ensure_future(_copy(reader, client.writer)),
    ]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, ssl.SSLError):
        while part := await reader.read(_CHUNK):
            writer.write(part)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
