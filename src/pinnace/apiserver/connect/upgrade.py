"""Upgrades: a backend that agrees to one gets every byte of the client, untouched, and back."""

import asyncio
import ssl
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol

from pinnace.api.errors import ApiError
from pinnace.api.wire import Answer, Hijack, Request, Response
from pinnace.apiserver.connect.backend import (
    canonical,
    dial_error,
    forwarded_for,
    is_passed_on,
)
from pinnace.apiserver.connect.target import Target
from pinnace.kit.sockets import keep_alive

_CONNECT_SECONDS = 30.0
_REFUSAL_SECONDS = 10.0
_CHUNK = 64 * 1024
_LONGEST_REFUSAL = 1 << 20


class Connection(Protocol):
    """The client's connection, taken over: what `Hijack.run` gets from the adapter."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def splice(
    target: Target,
    request: Request,
    tls: ssl.SSLContext | None,
    *,
    identity: Iterable[tuple[str, str]] = (),
) -> Answer:
    """Send an upgrade on; whoever agrees to it is joined with the client.

    A backend that refuses is heard out, and its answer given. Raises ApiError if there is none.
    `identity` are headers that say for whom it is.
    """
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(
                target.host, target.port, ssl=tls, server_hostname=target.server_name or None
            )
    except (OSError, TimeoutError) as error:
        raise ApiError(f"error dialing backend: {dial_error(target, error)}", reason="") from error
    try:
        keep_alive(writer.get_extra_info("socket"))
        writer.write(_head(target, request, identity))
        head = await _answer_head(reader)
        status = int(head.split(b" ", 2)[1])
        if status >= 400:
            return await _refusal(status, head, reader, writer)
        if status != 101:
            raise ApiError(f"invalid upgrade response: status code {status}", reason="")
    except BaseException:
        writer.close()
        raise

    async def run(connection: Connection) -> None:
        try:
            connection.writer.write(head)
            await _both_ways(connection, reader, writer)
        finally:
            writer.close()

    async def abandon() -> None:
        writer.close()

    return Hijack(run=run, abandon=abandon)


async def _answer_head(reader: asyncio.StreamReader) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.") or not head[9:12].isdigit():
            raise ApiError(f'malformed HTTP response "{head[:20]!r}"', reason="")
    except asyncio.IncompleteReadError as error:
        raise ApiError("unexpected EOF", reason="") from error
    except (OSError, asyncio.LimitOverrunError) as error:
        raise ApiError(str(error), reason="") from error
    return head


async def _refusal(
    status: int, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Response:
    """Return the answer of a backend that refuses the upgrade; the connection ends with it."""
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = [line.partition(":") for line in lines if line]
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    body = b""
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(_REFUSAL_SECONDS):
            if "chunked" in headers.get("transfer-encoding", ""):
                body = await _chunks(reader)
            else:
                size = int(headers.get("content-length", _LONGEST_REFUSAL))
                while part := await reader.read(min(size, _LONGEST_REFUSAL) - len(body)):
                    body += part
    writer.close()
    kept = {
        name: value
        for name, value in headers.items()
        if name not in ("connection", "content-length", "transfer-encoding", "upgrade")
    }
    return Response(status=status, headers={**kept, "connection": "close"}, body=body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    with suppress(asyncio.IncompleteReadError, ValueError):
        while size := int((await reader.readline()).split(b";")[0], 16):
            if len(body) + size > _LONGEST_REFUSAL:
                break
            body += (await reader.readexactly(size + 2))[:-2]
    return body


def _head(target: Target, request: Request, identity: Iterable[tuple[str, str]]) -> bytes:
    headers = {
        canonical(name): value for name, value in request.headers.items() if is_passed_on(name)
    }
    headers.setdefault("Host", f"{target.host}:{target.port}")
    headers |= forwarded_for(request)
    if kept := _without_token(headers.pop("Sec-Websocket-Protocol", "")):
        headers["Sec-Websocket-Protocol"] = kept
    if request.method == "POST":
        headers["Content-Length"] = "0"
    lines = [f"{request.method} {target.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in (*headers.items(), *identity)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


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
