"""A watch over a WebSocket, as browsers have it: each event is a message."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from typing import Any

from pinnace.api.wire import Answer, Hijack, Request, Response
from pinnace.kit import websocket

_LENGTH = 4


def is_asked_for(request: Request) -> bool:
    """Say whether the client wants the watch over a WebSocket."""
    upgrade = request.headers.get("upgrade", "")
    return request.upgrade is not None and upgrade.lower() == "websocket"


def over_websocket(
    request: Request, frames: AsyncGenerator[bytes, None], *, binary: bool
) -> Answer:
    """Answer with the events as messages; a handshake that upstream refuses is refused as there."""
    protocols = websocket.protocols(request.headers)
    if not request.headers.get("origin"):
        return Response(status=403, headers={"connection": "close"})
    if len(protocols) > 1:
        return Response(status=400, headers={"connection": "close"})

    async def send(writer: asyncio.StreamWriter) -> None:
        chosen = protocols[0] if protocols else None
        writer.write(websocket.accept(request.headers, protocol=chosen))
        with suppress(ConnectionError):
            async for frame in frames:
                for message in _messages(frame, binary=binary):
                    writer.write(websocket.frame(message, text=not binary))
                await writer.drain()
        writer.write(websocket.close_frame())

    async def run(connection: Any) -> None:
        reader, writer = connection.reader, connection.writer
        try:
            await websocket.talk_until_closed(reader, writer, send(writer))
        finally:
            await frames.aclose()

    return Hijack(run=run, abandon=frames.aclose)


def _messages(frame: bytes, *, binary: bool) -> Iterator[bytes]:
    """Take apart what a plain watch would be sent at once."""
    if not binary:
        yield from frame.splitlines(keepends=True)
        return
    at = 0
    while at < len(frame):
        size = int.from_bytes(frame[at : at + _LENGTH], "big")
        yield frame[at + _LENGTH : at + _LENGTH + size]
        at += _LENGTH + size
