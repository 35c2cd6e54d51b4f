"""A small, fast HTTP/1.1 client for load: prepared bytes out, status and body in."""

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from pinnace.client import kubeconfig

# How a chunked answer ends; no JSON holds this.
_END = b"\r\n0\r\n\r\n"
_END_LENGTH = len(_END)


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go, and the certificates for it."""

    host: str
    port: int
    context: ssl.SSLContext

    @classmethod
    def from_kubeconfig(cls, path: Path) -> "Target":
        config = kubeconfig.load(path)
        context = config.ssl_context()
        assert context is not None
        host, _, port = config.server.removeprefix("https://").partition(":")
        return cls(host, int(port), context)


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._got = bytearray()
        self._waiting: asyncio.Future[None] | None = None
        self._seen: list[float] | None = None
        self._wanted = 0
        self._skimmed = -1
        self._last = b""

    @classmethod
    async def open(cls, target: Target) -> "Connection":
        """Connect and shake hands."""
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(cls, target.host, target.port, ssl=target.context)
        return made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._skimmed >= 0:
            self._skimmed += len(data)
            self._last = (self._last + data[-_END_LENGTH:])[-_END_LENGTH:]
            if self._last != _END:
                return
        elif self._seen is None:
            self._got += data
        else:
            # A line of a watch ends with a newline, the framing around it with CR and newline.
            lines = data.count(b"\n") - (self._last + data).count(b"\r\n")
            self._seen += [time.perf_counter()] * lines
            self._last = data[-1:]
            if len(self._seen) < self._wanted:
                return
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error or ConnectionResetError("closed by the server"))

    async def _more(self) -> None:
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting

    async def _until(self, mark: bytes, start: int = 0) -> int:
        while (at := self._got.find(mark, start)) < 0:
            await self._more()
        return at

    async def call(self, request: bytes) -> tuple[int, bytes]:
        """Send one request and return the status and the body."""
        self._transport.write(request)
        end = await self._until(b"\r\n\r\n")
        head = bytes(self._got[:end]).lower() + b"\r\n"
        status, start = int(head[9:12]), end + 4
        at = head.find(b"content-length:")
        if at >= 0:
            length = int(head[at + 15 : head.index(b"\r\n", at)])
            while len(self._got) < start + length:
                await self._more()
            body = bytes(self._got[start : start + length])
            del self._got[: start + length]
            return status, body
        parts = []
        while True:
            at = await self._until(b"\r\n", start)
            size = int(self._got[start:at], 16)
            while len(self._got) < at + 4 + size:
                await self._more()
            parts.append(bytes(self._got[at + 2 : at + 2 + size]))
            start = at + 4 + size
            if size == 0:
                del self._got[:start]
                return status, b"".join(parts)

    async def skim(self, request: bytes) -> int:
        """Ask for a long list, and only count the bytes of the answer as they come."""
        self._skimmed = 0
        self._transport.write(request)
        await self._more()
        size, self._skimmed, self._last = self._skimmed, -1, b""
        return size

    async def lines(self, request: bytes, count: int) -> list[float]:
        """Send a watch and return when each of its first lines came."""
        self._seen, self._wanted = [], count
        self._transport.write(request)
        await self._more()
        return self._seen

    def close(self) -> None:
        self._transport.close()


def message(
    method: str, path: str, body: bytes = b"", *, accept: str = "", kind: str = "application/json"
) -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bench", "User-Agent: bench/1"]
    if accept:
        lines.append(f"Accept: {accept}")
    if body:
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of many requests came to."""

    rate: float
    median_ms: float
    p99_ms: float
    failures: int


async def rate(
    target: Target,
    requests: Sequence[bytes],
    *,
    connections: int = 32,
    good: Sequence[int] = (200, 201),
) -> Outcome:
    """Send all the requests over a number of connections, and time them."""
    waiting = iter(requests)
    times: list[float] = []
    failures = 0

    async def drive(connection: Connection) -> None:
        nonlocal failures
        for request in waiting:
            began = time.perf_counter()
            status, _ = await connection.call(request)
            times.append(time.perf_counter() - began)
            failures += status not in good

    opened = await asyncio.gather(*(Connection.open(target) for _ in range(connections)))
    began = time.perf_counter()
    await asyncio.gather(*(drive(connection) for connection in opened))
    took = time.perf_counter() - began
    for connection in opened:
        connection.close()
    times.sort()
    at = lambda share: times[min(int(len(times) * share), len(times) - 1)] * 1000  # noqa: E731
    return Outcome(len(requests) / took, at(0.5), at(0.99), failures)
