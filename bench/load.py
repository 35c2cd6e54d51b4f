"""A small, fast HTTP/1.1 client for load: prepared bytes out, status and body in."""

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pinnace.client import kubeconfig


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


class Connection:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, target: Target) -> "Connection":
        reader, writer = await asyncio.open_connection(
            target.host, target.port, ssl=target.context, limit=2**26
        )
        return cls(reader, writer)

    async def call(self, request: bytes) -> tuple[int, bytes]:
        """Send one request and return the status and the body."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        lower = head.lower()
        at = lower.find(b"content-length:")
        if at >= 0:
            length = int(lower[at + 15 : lower.index(b"\r\n", at)])
            return status, await self._reader.readexactly(length)
        body = bytearray()
        while True:
            size = int(await self._reader.readuntil(b"\r\n"), 16)
            body += (await self._reader.readexactly(size + 2))[:-2]
            if size == 0:
                return status, bytes(body)

    async def lines(self, request: bytes, count: int) -> list[float]:
        """Send a watch and return when each of its first lines came."""
        self._writer.write(request)
        await self._reader.readuntil(b"\r\n\r\n")
        seen: list[float] = []
        while len(seen) < count:
            size = int(await self._reader.readuntil(b"\r\n"), 16)
            chunk = await self._reader.readexactly(size + 2)
            seen += [time.perf_counter()] * chunk.count(b"\n", 0, -2)
        return seen

    def close(self) -> None:
        self._writer.close()


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
