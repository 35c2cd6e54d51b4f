"""Listens for questions, over UDP and TCP on one port."""

import asyncio
import ipaddress
import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import cast

from pinnace.dns import wire
from pinnace.dns.forward import Forwarder
from pinnace.dns.records import Answer, Lookup, alias, resolve
from pinnace.dns.wire import Malformed, Question

log = logging.getLogger(__name__)

CACHED = 4096
FORWARDED_AT_ONCE = 512
IDLE_SECONDS = 10.0


class Resolver:
    """Answers one query at a time, from the cluster, from its memory, or through the forwarder."""

    def __init__(
        self, lookup: Lookup, forwarder: Forwarder, *, domain: str, allowed: Sequence[str]
    ) -> None:
        self._lookup = lookup
        self._forwarder = forwarder
        self._domain = domain
        self._allowed = [ipaddress.ip_network(network) for network in allowed]
        self._cache: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()
        self._slots = asyncio.Semaphore(FORWARDED_AT_ONCE)

    def changed(self) -> None:
        """Forget encoded answers: something in the cluster is different."""
        self._cache.clear()

    def is_allowed(self, source: str) -> bool:
        """Say whether a source may ask; others would make an open resolver of the machine."""
        address = ipaddress.ip_address(source)
        return any(address in network for network in self._allowed)

    def answer_now(self, query: bytes, *, limit: int | None) -> bytes | Question | None:
        """Return the answer, None for bytes that are no question, or what must be forwarded.

        `limit` None means no limit (TCP).
        """
        kept = self._cache.get((query[2:], limit or 0)) if len(query) > 2 else None
        if kept is not None:
            return query[:2] + kept
        try:
            question = wire.parse(query)
        except Malformed:
            return None
        if question.message.header.opcode != 0:
            return wire.refuse(question, "NOTIMP")
        found = self._known(question)
        if found is None or alias(found.records, question.type):
            return question
        size = 0 if limit is None else question.size
        data = wire.pack(wire.reply(question, found, domain=self._domain), limit=size)
        self._cache[query[2:], limit or 0] = data[2:]
        if len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        return data

    async def forward(self, query: bytes, question: Question, *, tcp: bool) -> bytes:
        """Return another resolver's answer, or SERVFAIL.

        An alias of the cluster for a name elsewhere comes with what the other says of that name.
        """
        known = self._known(question)
        target = alias(known.records, question.type) if known else ""
        if target:
            query = wire.ask(target, question)
        async with self._slots:
            told = await self._forwarder.ask(query, tcp=tcp)
        if known is None:
            return told if told is not None else wire.refuse(question, "SERVFAIL")
        message = wire.reply(question, known, domain=self._domain)
        if told is not None:
            wire.add_answers(message, told)
        return wire.pack(message, limit=0 if tcp else question.size)

    def _known(self, question: Question) -> Answer | None:
        return resolve(question.name, question.type, self._lookup, domain=self._domain)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, resolver: Resolver, tasks: set[asyncio.Task[None]]) -> None:
        self._resolver = resolver
        self._tasks = tasks
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self._resolver.is_allowed(addr[0]):
            return
        found = self._resolver.answer_now(data, limit=512)
        if isinstance(found, bytes):
            self._transport.sendto(found, addr)
        elif found is not None and len(self._tasks) < 4 * FORWARDED_AT_ONCE:
            task = asyncio.get_running_loop().create_task(self._forward(data, found, addr))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _forward(self, data: bytes, question: Question, addr: tuple[str, int]) -> None:
        told = await self._resolver.forward(data, question, tcp=False)
        if not self._transport.is_closing():
            self._transport.sendto(told, addr)


class Server:
    """Use `async with`."""

    def __init__(self, resolver: Resolver, *, host: str, port: int) -> None:
        self._resolver = resolver
        self._host = host
        self._port = port
        self._tasks: set[asyncio.Task[None]] = set()
        self._datagrams: asyncio.BaseTransport | None = None
        self._streams: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        assert self._streams is not None
        return int(self._streams.sockets[0].getsockname()[1])

    async def __aenter__(self) -> "Server":
        self._streams = await asyncio.start_server(self._converse, self._host, self._port)
        self._datagrams, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(self._resolver, self._tasks), local_addr=(self._host, self.port)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._datagrams is not None:
            self._datagrams.close()
        if self._streams is not None:
            self._streams.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if self._resolver.is_allowed(writer.get_extra_info("peername")[0]):
                await self._questions(reader, writer)
        except (OSError, EOFError, TimeoutError):
            log.debug("a TCP client went away")
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _questions(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(IDLE_SECONDS):
                length = int.from_bytes(await reader.readexactly(2), "big")
                query = await reader.readexactly(length)
            found = self._resolver.answer_now(query, limit=None)
            if found is None:
                return
            if isinstance(found, Question):
                found = await self._resolver.forward(query, found, tcp=True)
            writer.write(len(found).to_bytes(2, "big") + found)
            await writer.drain()
