"""How a request reaches the API server: by a call in the same process, or over TLS.

The two are interchangeable. Whatever the network library raises becomes an ApiError here, so
that the rooms above know one family of errors.
"""

import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlencode

from pinnace.api.errors import ApiError, ServiceUnavailable
from pinnace.api.wire import App, Hijack, Request, Response, Stream, User
from pinnace.client.connections import Connections
from pinnace.kit.clock import Clock, SystemClock
from pinnace.kit.deferred import aiohttp, yarl

# Service account tokens are rotated in place; client-go looks again after a minute.
_TOKEN_REREAD = 60.0


class Transport(Protocol):
    """Carries requests; raises ApiError only."""

    async def send(self, request: Request, *, stream: bool = False) -> Response | Stream:
        """Return the answer; a Stream only if asked for one and the server agreed to it."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...


async def collect(stream: Stream) -> Response:
    """Read a stream to its end into a complete answer."""
    body = b"".join([frame async for frame in stream.frames])
    return Response(status=stream.status, headers=stream.headers, body=body)


class InProcess:
    """Calls the API server's coroutine directly, as a user that is authenticated already."""

    def __init__(self, app: App, user: User) -> None:
        self._app = app
        self._user = user

    async def send(self, request: Request, *, stream: bool = False) -> Response | Stream:
        """Return the application's own answer, uncopied."""
        answer = await self._app(replace(request, user=self._user))
        if isinstance(answer, Hijack):
            raise ApiError(f"{request.path} wants a connection of its own")
        if isinstance(answer, Stream) and not stream:
            return await collect(answer)
        return answer

    async def close(self) -> None:
        """Nothing to let go of: the application belongs to someone else."""


class Token:
    """A bearer token, given or in a file that is read again every minute."""

    def __init__(
        self, text: str = "", *, file: Path | None = None, clock: Clock | None = None
    ) -> None:
        self._text = text
        self._file = file
        self._clock = clock or SystemClock()
        self._read_at: float | None = None

    def value(self) -> str:
        """Return the token, or an empty string; a file that went away leaves the last one."""
        now = self._clock.monotonic()
        if self._file is not None and (
            self._read_at is None or now - self._read_at >= _TOKEN_REREAD
        ):
            try:
                self._text = self._file.read_text().strip()
            except OSError as error:
                if not self._text:
                    raise ServiceUnavailable(f"cannot read the token: {error}") from error
            self._read_at = now
        return self._text


class Remote:
    """Speaks HTTP to a server's address, over TLS unless the address says http."""

    def __init__(
        self,
        server_url: str,
        ssl_context: ssl.SSLContext | None = None,
        token: str | Token = "",
        *,
        server_name: str = "",
        timeout: float = 60.0,
    ) -> None:
        self._base = server_url.rstrip("/")
        self._ssl = ssl_context
        self._token = token if isinstance(token, Token) else Token(token)
        self._server_name = server_name or None
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._connections: Connections | None = None

    async def send(self, request: Request, *, stream: bool = False) -> Response | Stream:
        """Send over a pooled connection; a silent server is given up after the timeout."""
        headers = dict(request.headers)
        if token := self._token.value():
            headers["authorization"] = f"Bearer {token}"
        try:
            if stream:
                return await self._stream(request, headers)
            if self._connections is None:
                name = self._server_name
                self._connections = Connections(self._base, self._ssl, server_name=name)
            return await self._connections.ask(
                request.method, _target(request), headers, request.body, self._timeout
            )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _unavailable(request, error) from error

    async def _stream(self, request: Request, headers: dict[str, str]) -> Response | Stream:
        answer = await self._opened().request(
            request.method,
            yarl.URL(self._base + _target(request), encoded=True),
            headers=headers,
            data=request.body or None,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10.0),
            allow_redirects=False,
            server_hostname=self._server_name,
        )
        found = {name.lower(): value for name, value in answer.headers.items()}
        if answer.status < 300:
            return Stream(status=answer.status, headers=found, frames=_frames(answer))
        async with answer:
            body = await answer.read()
        return Response(status=answer.status, headers=found, body=body)

    async def close(self) -> None:
        """Close every connection."""
        connections, self._connections = self._connections, None
        if connections is not None:
            connections.close()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> "aiohttp.ClientSession":
        if self._session is None:
            # No limit: every watch holds a connection for minutes.
            connector = aiohttp.TCPConnector(
                limit=0, ssl=self._ssl if self._ssl is not None else True, keepalive_timeout=60.0
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
                read_bufsize=2**20,
            )
        return self._session


def _target(request: Request) -> str:
    """Return a request's path and query as they are sent."""
    target = quote(request.path, safe="/:@!$&'()*+,;=~")
    return f"{target}?{urlencode(request.query, doseq=True)}" if request.query else target


async def _frames(answer: "aiohttp.ClientResponse") -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.content.iter_any():
            yield chunk
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ServiceUnavailable(f"the connection broke: {error}") from error
    finally:
        answer.close()


def _unavailable(request: Request, error: Exception) -> ServiceUnavailable:
    what = str(error) or type(error).__name__
    return ServiceUnavailable(f'{request.method} "{request.path}": {what}')
