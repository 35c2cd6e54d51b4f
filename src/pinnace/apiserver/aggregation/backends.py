"""Connections to extension servers: where they are, whom they must be, and who is asking.

Certificates are checked for the name of the Service, whatever address is dialed. This server shows
the front proxy's certificate, and says in headers for whom it asks.
"""

import asyncio
import base64
import binascii
import re
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pinnace.api.wire import User
from pinnace.apiserver.aggregation.registered import Registered
from pinnace.apiserver.authn.request_header import (
    EXTRA_PREFIX,
    GROUP_HEADER,
    UID_HEADER,
    USER_HEADER,
)
from pinnace.apiserver.connect.backend import ask, dial_error, session
from pinnace.apiserver.connect.target import Target
from pinnace.apiserver.hooks.failures import CallFailed
from pinnace.apiserver.hooks.target import Objects, Place, dialed
from pinnace.kit.deferred import aiohttp
from pinnace.kit.tls import client_context
from pinnace.kit.x509 import KeyPair

# Who this server is where it asks for itself.
AGGREGATOR = User("system:kube-aggregator", ("system:masters",))
_CONTEXTS = 200
_LARGEST = 64 * 1024 * 1024
_NO_AUTHORITIES = "unable to load root certificates: unable to parse bytes as PEM block"
# What the key of an extra value may have in a header's name as it is.
_UNSAFE = re.compile(rb"[^!#$&'*+\-.0-9A-Z^_`a-z|~]")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Unreachable(Exception):
    """An extension server did not answer; the text is Go's."""


class NotSayable(Exception):
    """A user whose name fits in no header."""


@dataclass(frozen=True, slots=True)
class Told:
    """A complete answer of an extension server."""

    status: int
    content_type: str
    etag: str
    body: bytes


def identity(user: User) -> list[tuple[str, str]]:
    """Return the headers that say who is asking; raises NotSayable."""
    found = list(_identity(user))
    for name, value in found:
        if _CONTROL.search(value):
            raise NotSayable(f'net/http: invalid header field value for "{name}"')
    return found


def _identity(user: User) -> Iterator[tuple[str, str]]:
    yield USER_HEADER, user.name
    if user.uid:
        yield UID_HEADER, user.uid
    for group in user.groups:
        yield GROUP_HEADER, group
    for key, values in user.extra.items():
        escaped = _UNSAFE.sub(lambda found: b"%%%02X" % found[0][0], key.encode()).decode()
        for value in values:
            yield EXTRA_PREFIX + escaped, value


class Backends:
    """The extension servers of one server; to be closed with it."""

    def __init__(self, objects: Objects, pair: KeyPair | None) -> None:
        self._objects = objects
        self._pair = pair
        self._pool: aiohttp.ClientSession | None = None
        self._contexts: dict[tuple[str, bool, str], ssl.SSLContext] = {}

    def tls(self, registered: Registered) -> ssl.SSLContext:
        """Return how to meet an extension server; raises CallFailed for an unreadable bundle."""
        service = registered.service
        assert service is not None
        key = registered.ca, registered.insecure, service.server_name
        found = self._contexts.get(key)
        if found is None:
            if len(self._contexts) >= _CONTEXTS:
                self._contexts.clear()
            found = self._contexts[key] = self._trusting(registered)
        return found

    def _trusting(self, registered: Registered) -> ssl.SSLContext:
        try:
            pem = base64.b64decode(registered.ca).decode()
            return client_context(pem, insecure=registered.insecure, pair=self._pair)
        except (binascii.Error, ValueError, ssl.SSLError) as error:
            raise CallFailed(_NO_AUTHORITIES, 500) from error

    async def resolve(self, registered: Registered, path: str) -> Target:
        """Return an address of an extension server; raises CallFailed if it has none."""
        service = registered.service
        assert service is not None
        named = service.namespace, service.name, service.port
        place = Place("", service.server_name, service.port, service=named)
        host, port = await dialed(place, self._objects)
        return Target(host, port, path, kubelet=False, server_name=service.server_name)

    def pool(self) -> "aiohttp.ClientSession":
        """Return the connections that are kept open."""
        if self._pool is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=90.0)
            self._pool = session(connector, sock_connect=30.0)
        return self._pool

    async def get(
        self,
        registered: Registered,
        target: Target,
        *,
        user: User = AGGREGATOR,
        accept: str = "",
        etag: str = "",
        seconds: float,
    ) -> Told:
        """Return what an extension server answers to this server; raises Unreachable."""
        headers: list[tuple[str, str]] = [("User-Agent", "Go-http-client/1.1"), *identity(user)]
        headers += [("Accept", accept)] if accept else []
        headers += [("If-None-Match", etag)] if etag else []
        try:
            async with asyncio.timeout(seconds):
                return await self._told(target, headers, self.tls(registered))
        except TimeoutError as error:
            raise Unreachable(
                "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(dial_error(target, error)) from error

    async def _told(
        self, target: Target, headers: Iterable[tuple[str, str]], tls: ssl.SSLContext
    ) -> Told:
        backend = await ask(target, "GET", headers, None, tls, pool=self.pool())
        try:
            parts, left = [], _LARGEST
            async for part in backend.answer.content.iter_any():
                left -= len(part)
                if left < 0:
                    raise Unreachable("http: response body too large")
                parts.append(part)
        finally:
            await backend.close()
        answer = backend.answer
        kind, etag = answer.headers.get("content-type", ""), answer.headers.get("etag", "")
        return Told(answer.status, kind, etag, b"".join(parts))

    async def close(self) -> None:
        """Close all connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()
