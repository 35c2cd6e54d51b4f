"""Connections that cannot hold the server up: who dawdles over a request or never reads is cut off.

Limits are those of upstream's http.Server where it has one. One task looks at all connections now
and then, so that a connection costs no timer of its own.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader

from pinnace.kit.sockets import keep_alive

_log = logging.getLogger(__name__)
HEAD_SECONDS = 32.0
IDLE_SECONDS = 180.0
# A client that reads nothing of what waits for it for so long is taken for dead.
STALL_SECONDS = 120.0
_SWEEP_SECONDS = 5.0
_LINE_BYTES = 1 << 20
_FIELD_BYTES = 1 << 18
_FIELDS = 1000


class Connection(web.RequestHandler):
    """One connection and what it is waited for.

    `head_since` is when the head of a request began to be waited for; None while a request is
    answered, and between requests. A `hijacked` connection belongs to somebody else.
    """

    __slots__ = ("_stalled_bytes", "_stalled_since", "head_since", "hijacked")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.head_since: float | None = None
        self.hijacked = False
        self._stalled_bytes = 0
        self._stalled_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.head_since = asyncio.get_running_loop().time()
        keep_alive(transport.get_extra_info("socket"))
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self.head_since is None and self._current_request is None:
            self.head_since = asyncio.get_running_loop().time()
        super().data_received(data)

    def overdue(self, now: float) -> str:
        """Return why the connection is to be cut off; empty if it is not."""
        transport = self.transport
        if self.hijacked or transport is None or transport.is_closing():
            return ""
        if self.head_since is not None and now - self.head_since > HEAD_SECONDS:
            return "no request came"
        waiting = transport.get_write_buffer_size()
        if not waiting or waiting != self._stalled_bytes:
            self._stalled_bytes, self._stalled_since = waiting, now
        elif now - self._stalled_since > STALL_SECONDS:
            return "nothing was read"
        return ""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP in Go's words, and leave no trace of it in the log."""
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        long = isinstance(exc, LineTooLong) or "Too many headers" in exc.message
        return refusal(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if long else HTTPStatus.BAD_REQUEST
        )


def refusal(status: HTTPStatus) -> web.Response:
    """Return the answer to what is no proper request; its connection ends with it."""
    phrase = f"{status.value} {status.phrase}"
    response = web.Response(status=status, text=phrase, content_type="text/plain")
    response.force_close()
    return response


class _Request(web.BaseRequest):
    """A request whose answer does not say what program made it."""

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        response.headers.popall(hdrs.SERVER, None)


class Server(web.Server):
    """Makes a `Connection` for each socket; `watch_over` cuts off those that are overdue."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        super().__init__(handler, request_factory=self._request, handler_cancellation=True)
        self._time = asyncio.get_running_loop()

    def __call__(self) -> Connection:
        return Connection(
            self,
            loop=self._time,
            keepalive_timeout=IDLE_SECONDS,
            access_log=None,
            tcp_keepalive=False,
            # What is sent compressed is not JSON, as upstream sees it.
            auto_decompress=False,
            max_line_size=_LINE_BYTES,
            max_field_size=_FIELD_BYTES,
            max_headers=_FIELDS,
        )

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> web.BaseRequest:
        assert isinstance(protocol, Connection)
        protocol.head_since = None
        return _Request(message, payload, protocol, writer, task, self._time)

    def sweep(self, now: float) -> None:
        """Cut off who is overdue."""
        for connection in self.connections:
            assert isinstance(connection, Connection)
            why = connection.overdue(now)
            if why and connection.transport is not None:
                _log.info("a connection is cut off: %s", why)
                connection.transport.abort()

    async def watch_over(self) -> None:
        """Sweep for ever."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self.sweep(self._time.time())
