"""Talks to a backend over plain HTTP: the request streams there, the answer streams back."""

import os
import ssl
import zlib
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pinnace.api.errors import ApiError, ServiceUnavailable
from pinnace.api.wire import Answer, Request, Response, Stream
from pinnace.apiserver.connect.links import LONGEST_PAGE, BadLocation, Links, rewrite_page
from pinnace.apiserver.connect.target import Target
from pinnace.apiserver.hooks.failures import dial_text
from pinnace.kit.deferred import aiohttp, yarl

_CONNECT_SECONDS = 30.0
_HANDSHAKE_SECONDS = 10.0
# What belongs to one connection.
_HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
# Who the client is, and acts as, ends at the API server.
_OURS = frozenset({"authorization", "x-remote-user", "x-remote-uid", "x-remote-group"})
_OUR_PREFIXES = ("impersonate-", "x-remote-extra-")
_CORS = frozenset(
    f"access-control-allow-{what}" for what in ("credentials", "headers", "methods", "origin")
)
CACHE = "no-cache, private"
_NO_BODY = (204, 304)


def is_passed_on(name: str) -> bool:
    """Say whether a backend may see a header at all."""
    return name not in _OURS and not name.startswith(_OUR_PREFIXES)


def canonical(name: str) -> str:
    """Write a header's name as Go does."""
    return "-".join(part.capitalize() for part in name.split("-"))


def forwarded_for(request: Request) -> dict[str, str]:
    """Return the header that names the client, and those who passed its request on before."""
    if not request.remote:
        return {}
    before = request.headers.get("x-forwarded-for")
    return {"X-Forwarded-For": f"{before}, {request.remote}" if before else request.remote}


def tls_of(target: Target, kubelet_tls: ssl.SSLContext | None) -> ssl.SSLContext | None:
    """Return how to meet a backend: kubelets with our certificate, others unverified."""
    if not target.tls:
        return None
    if target.kubelet:
        if kubelet_tls is None:
            raise ServiceUnavailable("this server has no credentials for kubelets")
        return kubelet_tls
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def dial_error(target: Target, error: Exception) -> str:
    """Say in Go's words why a backend cannot be reached."""
    where = f"{target.host}:{target.port}"
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, TimeoutError) and target.tls:
        return "net/http: TLS handshake timeout"
    if isinstance(cause, TimeoutError):
        return f"dial tcp {where}: i/o timeout"
    if isinstance(cause, OSError) and cause.errno and not isinstance(cause, ssl.SSLError):
        # asyncio words some errors itself, and keeps the number.
        return f"dial tcp {where}: connect: {os.strerror(cause.errno).lower()}"
    return dial_text(where, error)


def unreachable(target: Target, error: Exception) -> ServiceUnavailable:
    """Return the answer of a proxy for a backend that cannot be reached."""
    return ServiceUnavailable(f"error trying to reach service: {dial_error(target, error)}")


class Unpacker(Protocol):
    """What undoes a content encoding."""

    def decompress(self, data: bytes, /) -> bytes:
        """Return what a piece holds."""
        ...


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend's answer, and the session that has to be closed after it, if it has its own."""

    session: "aiohttp.ClientSession | None"
    answer: "aiohttp.ClientResponse"

    async def close(self) -> None:
        """Let go of the connection; one of a pool goes on if its answer was read to the end."""
        self.answer.close()
        if self.session is not None:
            await self.session.close()


class Frames:
    """What a backend answers, as it comes; closing it lets go of the backend, read or not.

    Raises ConnectionError if the backend breaks off.
    """

    def __init__(self, backend: Backend, unpacker: Unpacker | None) -> None:
        self._backend = backend
        self._unpacker = unpacker
        self._unread: deque[bytes] = deque()
        self._ended = False

    def __aiter__(self) -> "Frames":
        return self

    async def __anext__(self) -> bytes:
        if self._unread:
            return self._unread.popleft()
        while not self._ended:
            try:
                part = await self._backend.answer.content.readany()
                plain = self._unpacker.decompress(part) if self._unpacker and part else part
            except (aiohttp.ClientError, OSError, zlib.error) as error:
                await self.aclose()
                raise ConnectionResetError(f"the backend broke off: {error}") from error
            if not part:
                await self.aclose()
            elif plain:
                return plain
        raise StopAsyncIteration

    def unread(self, parts: Iterable[bytes]) -> None:
        """Put back what was read to look at it."""
        self._unread.extend(parts)

    async def aclose(self) -> None:
        """Let go of the backend."""
        self._ended = True
        await self._backend.close()


def session(
    connector: "aiohttp.BaseConnector | None" = None, **more: float
) -> "aiohttp.ClientSession":
    """Return a session that adds nothing to what is passed on; `more` limits its phases."""
    return aiohttp.ClientSession(
        connector=connector,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        timeout=aiohttp.ClientTimeout(total=None, **more),
    )


async def ask(
    target: Target,
    method: str,
    headers: Iterable[tuple[str, str]],
    body: AsyncIterator[bytes] | bytes | None,
    tls: ssl.SSLContext | None,
    *,
    pool: "aiohttp.ClientSession | None" = None,
) -> Backend:
    """Send a request, over a connection of the pool or of its own.

    Raises ClientError, OSError and TimeoutError.
    """
    path, _, query = target.path.partition("?")
    scheme = "https" if target.tls else "http"
    # As it is: a path that was cleaned here would be another one than was allowed.
    url = yarl.URL.build(
        scheme=scheme, host=target.host, port=target.port, path=path, query_string=query,
        encoded=True,
    )  # fmt: skip
    own = None
    if pool is None:
        pool = own = session(sock_connect=_HANDSHAKE_SECONDS if target.tls else _CONNECT_SECONDS)
    try:
        answer = await pool.request(
            method,
            url,
            headers=list(headers),
            data=body,
            ssl=tls if tls is not None else True,
            server_hostname=target.server_name or None,
            allow_redirects=False,
        )
    except BaseException:
        if own is not None:
            await own.close()
        raise
    return Backend(own, answer)


def _request_headers(request: Request, forwarded: Mapping[str, str]) -> dict[str, str]:
    dropped = {name.strip().lower() for name in request.headers.get("connection", "").split(",")}
    headers = {
        canonical(name): value
        for name, value in request.headers.items()
        if name not in _HOP_BY_HOP and name not in dropped and is_passed_on(name)
    }
    if "trailers" in request.headers.get("te", ""):
        headers["Te"] = "trailers"
    return {**headers, **forwarded_for(request), **forwarded}


async def fetch(
    target: Target,
    request: Request,
    tls: ssl.SSLContext | None,
    *,
    links: Links,
    forwarded: Mapping[str, str],
    identity: Iterable[tuple[str, str]] = (),
    pool: "aiohttp.ClientSession | None" = None,
) -> Answer:
    """Pass a request on and stream the answer back; raises ServiceUnavailable.

    `forwarded` are headers that say by which way the backend was reached, `identity` those that
    say for whom.
    """
    headers = _request_headers(request, forwarded)
    # As Go's transport does: what the client did not ask to be packed is unpacked again.
    asked = {"Accept-Encoding", "Range"} & headers.keys()
    unpacks = not asked and request.method != "HEAD"
    if unpacks:
        headers["Accept-Encoding"] = "gzip"
    body = request.content or request.body or None
    try:
        told = (*headers.items(), *identity)
        backend = await ask(target, request.method, told, body, tls, pool=pool)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise unreachable(target, error) from error
    try:
        return await _answer(backend, request, links, unpacks=unpacks)
    except BaseException:
        await backend.close()
        raise


async def _answer(backend: Backend, request: Request, links: Links, *, unpacks: bool) -> Answer:
    answer = backend.answer
    pairs = _answer_headers(answer)
    headers = {"cache-control": CACHE}
    more = []
    for name, value in pairs:
        if name in headers:
            more.append((name, value))
        else:
            headers[name] = value
    unpacker = None
    if unpacks and headers.get("content-encoding") == "gzip":
        unpacker = zlib.decompressobj(31)
        del headers["content-encoding"]
        headers.pop("content-length", None)
    if location := headers.get("location"):
        try:
            headers["location"] = links.location(location)
        except BadLocation as error:
            causes = [{"message": str(error)}]
            text = f"Internal error occurred: {error}"
            raise ApiError(text, details={"causes": causes}) from error
    frames = Frames(backend, unpacker)
    empty = request.method == "HEAD" or answer.status in _NO_BODY
    if not location and not empty and _is_page(headers):
        body = await _page(headers, frames, links)
        if body is not None:
            return Response(status=answer.status, headers=headers, more=tuple(more), body=body)
    if not empty and "content-type" not in headers:
        await _tell_type(frames, headers)
    return Stream(status=answer.status, headers=headers, more=tuple(more), frames=frames)


def _answer_headers(answer: "aiohttp.ClientResponse") -> list[tuple[str, str]]:
    dropped = {name.strip().lower() for name in answer.headers.get("connection", "").split(",")}
    dropped |= _HOP_BY_HOP | _CORS
    pairs = [(name.lower(), value) for name, value in answer.headers.items()]
    return [(name, value) for name, value in pairs if name not in dropped]


def _is_page(headers: Mapping[str, str]) -> bool:
    kind = headers.get("content-type", "").split(";")[0].strip()
    return kind == "text/html" and headers.get("content-encoding", "") in ("", "gzip", "deflate")


async def _page(headers: dict[str, str], frames: Frames, links: Links) -> bytes | None:
    """Return a page whose links lead through the proxy; None if it is too long for that."""
    parts, size = [], 0
    async for part in frames:
        parts.append(part)
        size += len(part)
        if size > LONGEST_PAGE:
            frames.unread(parts)
            return None
    headers.pop("content-length", None)
    return rewrite_page(links, b"".join(parts), headers.get("content-encoding", ""))


async def _tell_type(frames: Frames, headers: dict[str, str]) -> None:
    """Tell the content type by how the body begins, as Go does where nobody says it."""
    first = await anext(frames, b"")
    if first:
        binary = any(byte < 32 and byte not in b"\t\n\f\r\x1b" for byte in first[:512])
        text = "text/plain; charset=utf-8"
        headers["content-type"] = "application/octet-stream" if binary else text
        frames.unread([first])
