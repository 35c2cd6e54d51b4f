"""Asks the resolvers that the machine itself uses."""

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path

TRY_SECONDS = 2.0
RESOLV_CONF = Path("/etc/resolv.conf")


def nameservers(text: str, *, own: frozenset[str] = frozenset()) -> list[str]:
    """Return the resolvers that a resolv.conf names, without our own addresses."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver" and words[1] not in own:
            found.append(words[1])
    return found


class Forwarder:
    """Sends queries on, one resolver after the other, and hands answers back unchanged."""

    def __init__(self, servers: Sequence[str], *, port: int = 53) -> None:
        self._servers = tuple(servers)
        self._port = port

    async def ask(self, query: bytes, *, tcp: bool) -> bytes | None:
        """Return the first answer that a resolver gives, or None if none does in time."""
        for server in self._servers:
            try:
                async with asyncio.timeout(TRY_SECONDS):
                    if tcp:
                        return await _ask_tcp(server, self._port, query)
                    return await _ask_udp(server, self._port, query)
            except (OSError, TimeoutError, EOFError):
                continue
        return None


class _Exchange(asyncio.DatagramProtocol):
    def __init__(self, identity: bytes) -> None:
        self._identity = identity
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        # A stranger's guess at an answer has another identity.
        if data[:2] == self._identity and not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def _ask_udp(server: str, port: int, query: bytes) -> bytes:
    identity = secrets.token_bytes(2)
    loop = asyncio.get_running_loop()
    transport, exchange = await loop.create_datagram_endpoint(
        lambda: _Exchange(identity), remote_addr=(server, port)
    )
    try:
        transport.sendto(identity + query[2:])
        answer = await exchange.answer
    finally:
        transport.close()
    return query[:2] + answer[2:]


async def _ask_tcp(server: str, port: int, query: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(server, port)
    try:
        writer.write(len(query).to_bytes(2, "big") + query)
        await writer.drain()
        length = int.from_bytes(await reader.readexactly(2), "big")
        return await reader.readexactly(length)
    finally:
        writer.close()
