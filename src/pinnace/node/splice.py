"""Passes sessions through to the runtime's streaming server, byte by byte.

Three ways in: a client that upgrades to SPDY itself, one that carries SPDY inside of WebSocket
messages (`SPDY/3.1+portforward.k8s.io`), and one that forwards ports over the older WebSocket
protocol, which the runtime itself speaks. The way out is an upgrade at the URL that it gave.
"""

import asyncio
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web

from pinnace.node.takeover import TakenOver, join, take_over

TUNNEL = "SPDY/3.1+portforward.k8s.io"
_VERSION = "X-Stream-Protocol-Version"
# What of an upgrade the runtime has to see: SPDY's, or that of a WebSocket.
_PASSED_ON = (
    "Upgrade", _VERSION, "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol",
    "Origin",
)  # fmt: skip
_DEADLINE = 30.0
# As upstream's WebSockets: what a client sends at once is held in memory until it is complete.
LONGEST_MESSAGE = 32 << 20
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class BadPorts(Exception):
    """A port-forward over a WebSocket names no ports, or bad ones; the text is upstream's."""


def forwarded_ports(values: Sequence[str]) -> list[int]:
    """Return the ports that a WebSocket names in its query; raises BadPorts.

    SPDY names them later, with each stream.
    """
    if not values:
        raise BadPorts('query parameter "port" is required')
    ports = []
    for value in values:
        if not value:
            raise BadPorts('query parameter "port" cannot be empty')
        for text in value.split(","):
            if not (text.isascii() and text.isdecimal()) or int(text) > 65535:
                why = "value out of range" if text.isdecimal() else "invalid syntax"
                raise BadPorts(
                    f'unable to parse "{value}" as a port: strconv.ParseUint: parsing "{text}": '
                    + why
                )
            if int(text) < 1:
                raise BadPorts(f'port "{value}" must be > 0')
            ports.append(int(text))
    return ports


async def _dial(url: str, headers: Mapping[str, list[str]], *, method: str = "POST") -> Connection:
    """Connect to the runtime's streaming server and ask for an upgrade; the answer is unread."""
    parts = urlsplit(url)
    reader, writer = await asyncio.wait_for(
        asyncio.open_connection(parts.hostname, parts.port or 80), _DEADLINE
    )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Connection: Upgrade",
        *(f"{name}: {value}" for name, values in headers.items() for value in values),
        "Content-Length: 0",
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    await writer.drain()
    return reader, writer


async def splice(request: web.Request, url: str) -> web.StreamResponse:
    """Join a client that asked for an upgrade with the runtime, whose answer it gets as it is."""
    found = {name: request.headers.getall(name, []) for name in _PASSED_ON}
    there = await _dial(url, {k: v for k, v in found.items() if v}, method=request.method)
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
    there = await _dial(url, {"Upgrade": ["SPDY/3.1"], _VERSION: ["portforward.k8s.io"]})
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
