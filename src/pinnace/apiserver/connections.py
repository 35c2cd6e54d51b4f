"""One connection: reads requests off the socket, in order, and cuts off clients that dawdle.

httptools finds the parts of a request; what it lets pass and upstream does not is refused by
`heads`. The limits are those of upstream's http.Server where it has one. One task looks at all
connections now and then, so that a connection costs no timer of its own.

Requests that a client sends ahead wait in a short queue and are answered one after the other; the
socket is not read while the queue is full. Who hangs up ends what he reads, and not what he writes:
a write under way is carried out.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from pinnace.apiserver.heads import CONTINUE, Refused, check_head, refusal, target
from pinnace.apiserver.incoming import Body, Incoming
from pinnace.kit.sockets import keep_alive

_log = logging.getLogger(__name__)
HEAD_SECONDS = 32.0
BODY_SECONDS = 60.0
IDLE_SECONDS = 180.0
# A client that reads nothing of what waits for it for so long is taken for dead.
STALL_SECONDS = 120.0
_SWEEP_SECONDS = 5.0
# How long a client that was refused may go on sending, so that it gets to read why.
_LINGER_SECONDS = 0.5
# What may wait in a transport before whoever makes frames has to wait for the reader.
_ROOM = 64 * 1024
_HEAD_BYTES = (1 << 20) + 4096
_FIELDS = 1000
_AHEAD = 8
# What may come behind the head of an upgrade before somebody reads it.
_EARLY_BYTES = 1 << 20


Answer = Callable[["Connection", Incoming], Awaitable[None]]


class _Enough(Exception):
    """Nothing more is to be read of this connection."""


class Connection(asyncio.Protocol):
    """One connection, what came in on it and what it is waited for.

    `head_since` and `body_since` are when that part of a request began to be waited for.
    """

    __slots__ = (
        "_asking",
        "_coming",
        "_deaf",
        "_drained",
        "_early",
        "_head_bytes",
        "_linger",
        "_only_waits",
        "_parser",
        "_queue",
        "_server",
        "_stalled_bytes",
        "_stalled_since",
        "_task",
        "body_since",
        "head_since",
        "hijacked",
        "idle_since",
        "paused",
        "peer_certificate",
        "reading",
        "remote",
        "transport",
    )

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._parser = HttpRequestParser(self)
        self._queue: deque[Incoming | Refused] = deque()
        self._coming: Incoming | None = None
        self._task: asyncio.Task[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._deaf = False
        self._asking = False
        # Whether what is under way has not been begun with.
        self._only_waits = False
        self._early: list[bytes] | None = None
        self._stalled_bytes = 0
        self._stalled_since = 0.0
        self.head_since: float | None = server.time()
        self.body_since: float | None = None
        self.idle_since: float | None = None
        self.hijacked = False
        # Whether what waits to be written is more than the client has room for.
        self.paused = False
        # Whether what is under way ends with the connection.
        self.reading = False
        self.peer_certificate: bytes | None = None
        self.remote = ""
        self.transport: asyncio.Transport

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=_ROOM)
        keep_alive(transport.get_extra_info("socket"))
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self.peer_certificate = tls.getpeercert(binary_form=True)
        peer = transport.get_extra_info("peername")
        self.remote = str(peer[0]) if peer else ""
        self._server.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._deaf = True
        self._server.connections.discard(self)
        self._queue.clear()
        if self._coming is not None and self._coming.content is not None:
            self._coming.content.cut()
        if self._linger is not None:
            self._linger.cancel()
        self.resume_writing()
        if self._task is not None and (self.reading or self._only_waits):
            self._task.cancel()

    def eof_received(self) -> None:
        """Take the end of what the client sends for the end of the connection, as Go does."""

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        if self._early is not None:
            self._early.append(data)
            if sum(map(len, self._early)) > _EARLY_BYTES:
                self.transport.pause_reading()
            return
        try:
            self._feed(data)
        except Refused as refused:
            self._refuse(refused)

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._early = [data[upgrade.args[0] :]]
        except HttpParserError as error:
            if isinstance(error.__context__, _Enough):
                return
            if isinstance(error.__context__, Refused):
                raise error.__context__ from None
            raise Refused(HTTPStatus.BAD_REQUEST) from None
        if self.head_since is not None and self._coming is not None:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_BYTES:
                raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin with a request."""
        self._coming = Incoming()
        self._head_bytes = 0
        self.idle_since = None
        self.head_since = self._server.time()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        assert self._coming is not None
        self._coming.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; raises Refused."""
        if self.head_since is None:
            # A trailer, which nobody looks at.
            return
        assert self._coming is not None
        headers = self._coming.headers
        if len(headers) >= _FIELDS:
            raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        headers.append((name.decode("latin-1"), value.decode("utf-8", "surrogateescape")))

    def on_headers_complete(self) -> None:
        """Look at the head before anything of the body is read; raises Refused."""
        coming = self._coming
        assert coming is not None
        self.head_since = None
        self.body_since = self._server.time()
        coming.method = self._parser.get_method().decode()
        coming.version = self._parser.get_http_version()
        coming.upgrade = self._parser.should_upgrade()
        if coming.version not in ("1.0", "1.1") or coming.method == "CONNECT":
            raise Refused(HTTPStatus.BAD_REQUEST)
        check_head(coming.version, coming.headers)
        coming.path, coming.query = target(coming.url)
        length = coming.header("content-length")
        has_body = length not in ("", "0") or bool(coming.header("transfer-encoding"))
        if coming.upgrade and has_body:
            raise Refused(HTTPStatus.BAD_REQUEST)
        passed_on = has_body and self._server.passes_on(coming.path)
        if not passed_on and length.isdigit() and int(length) > self._server.max_body:
            self._end_of_body(coming, too_large=True)
            raise _Enough
        if expected := coming.header("expect"):
            self._expect(expected)
        if passed_on:
            transport = self.transport
            coming.content = Body(transport.pause_reading, transport.resume_reading)
            self.body_since = None
            self._enqueue(coming)

    def _expect(self, expected: str) -> None:
        if expected.lower() != "100-continue":
            raise Refused(HTTPStatus.EXPECTATION_FAILED)
        if self._task is None:
            self.transport.write(CONTINUE)
        else:
            self._asking = True

    def on_body(self, part: bytes) -> None:
        """Take a piece of the body; raises _Enough."""
        coming = self._coming
        assert coming is not None
        if coming.content is not None:
            coming.content.feed(part)
            return
        coming.size += len(part)
        if coming.size > self._server.max_body:
            self._end_of_body(coming, too_large=True)
            raise _Enough
        coming.body.append(part)

    def on_message_complete(self) -> None:
        """Put the request in the queue, and begin with it if it is the first."""
        coming = self._coming
        assert coming is not None
        coming.keep = self._parser.should_keep_alive() or coming.upgrade
        self._deaf = not coming.keep
        if coming.content is None:
            self._complete(coming)
            return
        coming.content.end()
        self._coming = None

    def _end_of_body(self, coming: Incoming, *, too_large: bool) -> None:
        """Answer at once, and read no more of what the client sends."""
        coming.too_large, coming.timed_out, coming.keep = too_large, not too_large, False
        coming.body.clear()
        self._deaf = True
        self._complete(coming)

    def _complete(self, coming: Incoming | Refused) -> None:
        self._coming = self.body_since = self.head_since = None
        self._asking = False
        self._enqueue(coming)

    def _enqueue(self, coming: Incoming | Refused) -> None:
        self._queue.append(coming)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._serve())
        elif len(self._queue) >= _AHEAD:
            self.transport.pause_reading()

    def _refuse(self, refused: Refused) -> None:
        """Answer what came before, then this, then close."""
        self._deaf = True
        self._complete(refused)

    # The answers.

    async def _serve(self) -> None:
        """Answer what is in the queue, one request after the other."""
        full = False
        try:
            while self._queue:
                full = full or len(self._queue) >= _AHEAD
                coming = self._queue.popleft()
                if isinstance(coming, Refused):
                    self.transport.write(refusal(coming))
                    self._hang_up()
                    return
                await self._server.answer(self, coming)
                if self.hijacked:
                    return
                if coming.too_large or coming.timed_out or coming.ends_early:
                    self._deaf = True
                    self._hang_up()
                    return
                if not coming.keep:
                    self.transport.close()
                    return
                if coming.upgrade:
                    self._no_upgrade()
                if full and not self._queue:
                    full = False
                    self.transport.resume_reading()
        except ConnectionError:
            self.transport.abort()
        except Exception:  # noqa: BLE001  # whatever an answer does wrong must not end the server
            _log.exception("a connection is cut off")
            self.transport.abort()
        finally:
            self._task = None
            self.reading = False
            if self._coming is None:
                self.idle_since = self._server.time()
            elif self._asking:
                self._asking = False
                self.transport.write(CONTINUE)

    def _no_upgrade(self) -> None:
        """Go on with HTTP after an upgrade that nobody wanted."""
        early, self._early = self._early or [], None
        self._parser = HttpRequestParser(self)
        self.transport.resume_reading()
        for data in early:
            if data:
                self.data_received(data)

    def _hang_up(self) -> None:
        """Close a little later: a kernel that has data unread drops the answer with them."""
        transport = self.transport
        if transport.is_closing():
            return
        self.head_since = self.body_since = None
        transport.resume_reading()
        if transport.get_extra_info("ssl_object") is None and transport.can_write_eof():
            with suppress(OSError):
                transport.write_eof()
        self._linger = asyncio.get_running_loop().call_later(_LINGER_SECONDS, transport.close)

    def ends_with(self, waiting: bool) -> None:
        """Note whether what is under way only waits yet: then it ends with the connection."""
        self._only_waits = waiting

    async def drained(self) -> None:
        """Wait until there is room to write; raises ConnectionResetError if the client is gone."""
        while self.paused:
            self._drained = asyncio.get_running_loop().create_future()
            try:
                await self._drained
            finally:
                self._drained = None
        if self.transport.is_closing():
            raise ConnectionResetError("the client is gone")

    def taken(self, protocol: asyncio.Protocol) -> None:
        """Give the bare connection away, with what has come early."""
        self.hijacked = True
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        self.transport.resume_reading()
        for data in self._early or ():
            if data:
                protocol.data_received(data)
        self._early = None

    def given_back(self) -> None:
        """Let go of what was given away, and has come to its end."""
        self._server.connections.discard(self)

    # What the sweep and the server's end ask for.

    def overdue(self, now: float) -> str:
        """Return why the connection is to be cut off; empty if it is not."""
        transport = self.transport
        if self.hijacked or transport.is_closing():
            return ""
        if self.head_since is not None and now - self.head_since > HEAD_SECONDS:
            return "no request came"
        if self.idle_since is not None and now - self.idle_since > IDLE_SECONDS:
            return "nothing was asked any more"
        if self.body_since is not None and now - self.body_since > BODY_SECONDS:
            assert self._coming is not None
            self._end_of_body(self._coming, too_large=False)
            return ""
        waiting = transport.get_write_buffer_size()
        if not waiting or waiting != self._stalled_bytes:
            self._stalled_bytes, self._stalled_since = waiting, now
        elif now - self._stalled_since > STALL_SECONDS:
            return "nothing was read"
        return ""

    def stop(self) -> "asyncio.Task[None] | None":
        """Read no more; returns what is under way."""
        self._deaf = True
        if self._task is None and not self.hijacked:
            self.transport.close()
        return self._task


class Server:
    """Makes a `Connection` for each socket; `watch_over` cuts off those that are overdue."""

    def __init__(self, answer: Answer, max_body: int, passes_on: Callable[[str], bool]) -> None:
        self.answer = answer
        self.max_body = max_body
        # Says of a path whether a body is passed on while it comes, however large it is.
        self.passes_on = passes_on
        self.connections: set[Connection] = set()
        self.time = asyncio.get_running_loop().time

    def __call__(self) -> Connection:
        return Connection(self)

    def sweep(self, now: float) -> None:
        """Cut off who is overdue."""
        for connection in tuple(self.connections):
            why = connection.overdue(now)
            if why:
                _log.info("a connection is cut off: %s", why)
                connection.transport.abort()

    async def watch_over(self) -> None:
        """Sweep for ever."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self.sweep(self.time())

    async def shutdown(self, grace: float) -> None:
        """Let what is under way end for a moment, then end it, and close all connections."""
        tasks: list[asyncio.Task[Any]] = []
        for connection in tuple(self.connections):
            task = connection.stop()
            if task is not None:
                tasks.append(task)
        if tasks and grace:
            await asyncio.wait(tasks, timeout=grace)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in tuple(self.connections):
            connection.transport.abort()
