"""Passes SPDY sessions through to the runtime's streaming server, byte by byte.

Two ways in: a client that upgrades to SPDY itself, and one that carries SPDY inside of WebSocket
messages (`SPDY/3.1+portforward.k8s.io`). One way out: an upgrade to SPDY at the URL that the
runtime gave.
"""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web

from pinnace.node.takeover import TakenOver, join, take_over

TUNNEL = "SPDY/3.1+portforward.k8s.io"
_VERSION = "X-Stream-Protocol-Version"
_DEADLINE = 30.0
# As upstream's WebSockets: what a client sends at once is held in memory until it is complete.
LONGEST_MESSAGE = 32 << 20
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _dial(url: str, headers: Mapping[str, list[str]]) -> Connection:
    """Connect to the runtime's streaming server and ask for SPDY; the answer is left unread."""
    parts = urlsplit(url)
    reader, writer = await asyncio.wait_for(
        asyncio.open_connection(parts.hostname, parts.port or 80), _DEADLINE
    )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"POST {target} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Connection: Upgrade",
        "Upgrade: SPDY/3.1",
        "Content-Length: 0",
        *(f"{name}: {value}" for name, values in headers.items() for value in values),
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    await writer.drain()
    return reader, writer


async def splice(request: web.Request, url: str) -> web.StreamResponse:
    """Join a client that asked for SPDY with the runtime, whose answer it gets as it is."""
    versions = request.headers.getall(_VERSION, [])
    there = await _dial(url, {_VERSION: versions} if versions else {})
    here = take_over(request)
    try:
        await join(here, there)
    finally:
        there[1].close()
        here[1].close()
    return TakenOver()


class _Socket:
    """A WebSocket as a source and a sink of bytes."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self._unsent: list[bytes] = []

    async def read(self, n: int = -1) -> bytes:
        while True:
            message = await self._socket.receive()
            if message.type is WSMsgType.BINARY and message.data:
                return bytes(message.data)
            if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                return b""

    def write(self, data: bytes) -> None:
        self._unsent.append(data)

    async def drain(self) -> None:
        data, self._unsent = b"".join(self._unsent), []
        await self._socket.send_bytes(data)


async def tunnel(request: web.Request, url: str) -> web.StreamResponse:
    """Unpack SPDY from WebSocket messages and join it with the runtime."""
    there = await _dial(url, {_VERSION: ["portforward.k8s.io"]})
    try:
        head = await asyncio.wait_for(there[0].readuntil(b"\r\n\r\n"), _DEADLINE)
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            raise web.HTTPBadGateway(text=head.split(b"\r\n", 1)[0].decode("latin-1"))
        socket = web.WebSocketResponse(
            protocols=(TUNNEL,), compress=False, max_msg_size=LONGEST_MESSAGE
        )
        await socket.prepare(request)
        packed = _Socket(socket)
        await join((packed, packed), there)
        await socket.close()
    finally:
        there[1].close()
    return socket
