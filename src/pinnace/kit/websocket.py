"""The server's side of a WebSocket (RFC 6455) on a bare connection, as bytes.

Just enough for a server that talks and hardly listens: the answer to the upgrade, frames to send,
and a guard that notices when the other end closes or is gone.
"""

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import Coroutine, Mapping
from typing import Any

_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_NORMAL = 1000
# Whoever only listens has nothing long to say.
_LONGEST = 1 << 20


def protocols(headers: Mapping[str, str]) -> list[str]:
    """Return the subprotocols that a client offers, best first."""
    offered = headers.get("sec-websocket-protocol", "")
    return [name.strip() for name in offered.split(",") if name.strip()]


def accept(headers: Mapping[str, str], *, protocol: str | None) -> bytes:
    """Return the head that accepts an upgrade; `headers` are the request's, in lower case."""
    key = headers.get("sec-websocket-key", "")
    digest = hashlib.sha1((key + _MAGIC).encode(), usedforsecurity=False).digest()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}",
    ]
    if protocol:
        lines.append(f"Sec-WebSocket-Protocol: {protocol}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def frame(data: bytes, *, text: bool = False) -> bytes:
    """Return one message as a frame."""
    return _head(_TEXT if text else _BINARY, len(data)) + data


def close_frame() -> bytes:
    """Return the frame that ends a WebSocket in good order."""
    return _head(_CLOSE, 2) + _NORMAL.to_bytes(2, "big")


def _head(code: int, size: int) -> bytes:
    first = bytes((0x80 | code,))
    if size < 126:
        return first + bytes((size,))
    if size < 1 << 16:
        return first + b"\x7e" + size.to_bytes(2, "big")
    return first + b"\x7f" + size.to_bytes(8, "big")


async def talk_until_closed(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, talk: Coroutine[Any, Any, None]
) -> None:
    """Run `talk`, which writes, until it is done or the other end closes; neither outlives this."""
    both = [
        asyncio.ensure_future(talk),
        asyncio.ensure_future(wait_closed(reader, writer)),
    ]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def wait_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Return when the other end closes, breaks off or talks nonsense.

    Pings are answered; whatever else comes is thrown away.
    """
    with contextlib.suppress(asyncio.IncompleteReadError, OSError):
        while True:
            first, second = await reader.readexactly(2)
            size = second & 0x7F
            if size >= 126:
                size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
            code = first & 0x0F
            if code == _CLOSE or size > _LONGEST:
                return
            mask = await reader.readexactly(4) if second & 0x80 else bytes(4)
            data = await reader.readexactly(size)
            if code == _PING and size < 126:
                plain = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
                writer.write(_head(_PONG, size) + plain)
                # Who pings and reads no answers is waited for.
                await writer.drain()
            # What has come already is read without a rest, so others get their turn here.
            await asyncio.sleep(0)
