"""Kept connections to one server, each for one complete answer after the other.

A component asks the API server thousands of times; what a general HTTP library does around each
request costs it more than deciding what to ask. Here a request is one write and its answer a few
callbacks of httptools. Streams do not come this way.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from pinnace.api.wire import Response

_CONNECT_SECONDS = 10.0
# A server closes what nobody uses; so long before it does we take a new one.
_IDLE_SECONDS = 60.0
# What Go's client sends again when a kept connection ends under it.
_REPEATABLE = frozenset(("GET", "HEAD", "OPTIONS"))


class BrokenConnection(OSError):
    """The connection ended before the answer did, or what came was no HTTP."""


class _Unanswered(BrokenConnection):
    """A kept connection ended before anything of the answer came."""


class _Connection(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Response] | None = None
        self._parser = HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._begun = self._ends = False
        self._uses = 0
        self.closed = False
        self.idle_since = 0.0

    async def ask(self, request: bytes, seconds: float) -> Response:
        """Send a request and return its answer; raises OSError and TimeoutError.

        Whoever is cancelled here leaves a connection that is closed, for its answer is yet to come.
        """
        assert self._transport is not None
        self._headers, self._body, self._begun, self._ends = {}, [], False, False
        self._uses += 1
        waiting = self._waiting = self._loop.create_future()
        timer = self._loop.call_later(seconds, self._give_up)
        self._transport.write(request)
        try:
            answer: Response = await waiting
        except BaseException:
            self.close()
            raise
        finally:
            timer.cancel()
            self._waiting = None
        return answer

    def close(self) -> None:
        """Close at once."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def _give_up(self) -> None:
        self._fail(TimeoutError("no answer in time"))

    def _fail(self, error: Exception) -> None:
        self.closed = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
        if self._transport is not None:
            self._transport.abort()

    # -- what asyncio calls -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:
            # Nobody asked: whatever this is, it is no answer to what comes next.
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._fail(BrokenConnection(f"the server answered no HTTP: {error!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._begun and self._ends and "content-length" not in self._headers:
            self._complete()  # an answer without a length lasts until the end
            return
        fresh = self._uses < 2 or self._begun
        kind = BrokenConnection if fresh else _Unanswered
        self._fail(kind(str(exc) if exc else "Server disconnected"))

    # -- what httptools calls -----------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._headers, self._body, self._begun = {}, [], True

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        chunked = "transfer-encoding" in self._headers
        self._ends = not self._parser.should_keep_alive() and not chunked

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() >= 200:
            self._complete()

    def _complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.closed = True
        if self._waiting is not None and not self._waiting.done():
            code = self._parser.get_status_code()
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            self._waiting.set_result(Response(status=code, headers=self._headers, body=body))


class Connections:
    """As many connections to one server as are asked at a time, kept for the next who asks."""

    def __init__(
        self, server_url: str, tls: ssl.SSLContext | None, *, server_name: str | None = None
    ) -> None:
        url = urlsplit(server_url)
        secure = url.scheme != "http"
        self._host = url.hostname or ""
        self._port = url.port or (443 if secure else 80)
        self._prefix = url.path.rstrip("/")
        self._tls = (tls or ssl.create_default_context()) if secure else None
        self._name = (server_name or self._host) if secure else None
        self._authority = url.netloc.rpartition("@")[2]
        self._idle: list[_Connection] = []
        self._all: set[_Connection] = set()

    async def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Response:
        """Return the answer to a request; raises OSError and TimeoutError.

        `target` is the quoted path with the query. A connection that ended just as it was asked
        is replaced by a new one where asking twice does no harm.
        """
        request = self._message(method, target, headers, body)
        while True:
            connection = self._kept() or await self._opened()
            try:
                answer = await connection.ask(request, seconds)
            except _Unanswered:
                if method not in _REPEATABLE:
                    raise
                continue
            finally:
                self._put_back(connection)
            return answer

    def close(self) -> None:
        """Close all of them."""
        for connection in self._all:
            connection.close()
        self._all.clear()
        self._idle.clear()

    def _message(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> bytes:
        lines = [f"{method} {self._prefix}{target} HTTP/1.1\r\nhost: {self._authority}"]
        for name, value in headers.items():
            if "\n" in value or "\r" in value or "\0" in value:
                raise ValueError(f"a header must be one line: {name}")
            lines.append(f"{name}: {value}")
        if body or method not in _REPEATABLE:
            lines.append(f"content-length: {len(body)}")
        return "\r\n".join((*lines, "\r\n")).encode("utf-8") + body

    def _kept(self) -> _Connection | None:
        """Return the connection that was used last, if it is still good."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and now - connection.idle_since < _IDLE_SECONDS:
                return connection
            connection.close()
            self._all.discard(connection)
        return None

    async def _opened(self) -> _Connection:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, connection = await loop.create_connection(
                lambda: _Connection(loop),
                self._host,
                self._port,
                ssl=self._tls,
                server_hostname=self._name,
            )
        self._all.add(connection)
        return connection

    def _put_back(self, connection: _Connection) -> None:
        if connection.closed:
            connection.close()
            self._all.discard(connection)
        else:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
