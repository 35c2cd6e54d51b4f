"""Posts reviews to webhooks over pooled connections."""

import asyncio
import base64
import binascii
import ssl
from collections.abc import Mapping
from typing import Any

import orjson

from pinnace.api.codec import json as json_codec
from pinnace.api.errors import BadRequest
from pinnace.api.objects import Object
from pinnace.apiserver.hooks.failures import CallFailed, answer_text, dial_text, is_self_signed
from pinnace.apiserver.hooks.target import Objects, Place, dialed, place_of
from pinnace.kit.deferred import aiohttp, yarl
from pinnace.kit.tls import admit_nameless, client_context

_HEADERS = {
    "content-type": "application/json",
    "accept": "application/json, */*",
    "accept-encoding": "gzip",
    "user-agent": "kube-apiserver-admission",
}
# As many places as upstream's cache of clients remembers.
_PLACES = 200
_LARGEST = 16 * 1024 * 1024


class Caller:
    """Calls webhooks; one for a server, to be closed with it."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._session: aiohttp.ClientSession | None = None
        self._tls: dict[str, ssl.SSLContext] = {}

    async def post(self, config: Mapping[str, Any], review: Object, seconds: int) -> Object:
        """Return what a webhook answers to a review; raises CallFailed.

        Without seconds it may take as long as the client of the request waits.
        """
        place = place_of(config)
        url = f"{place.url}?timeout={seconds}s" if seconds else place.url
        try:
            async with asyncio.timeout(seconds or None):
                return await self._posted(place, url, orjson.dumps(review))
        except TimeoutError as error:
            raise CallFailed(f'Post "{url}": context deadline exceeded') from error

    async def close(self) -> None:
        """Close the pool."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _posted(self, place: Place, url: str, body: bytes) -> Object:
        try:
            host, port = await dialed(place, self._objects)
        except CallFailed as error:
            raise CallFailed(f'Post "{url}": {error}') from error
        target = yarl.URL(url, encoded=True).with_host(host).with_port(port)
        headers = _HEADERS | {"host": yarl.URL(url, encoded=True).authority}
        try:
            try:
                answer, content = await self._sent(place, target, headers, body)
            except aiohttp.ClientConnectorCertificateError as error:
                if not await self._admitted(place, (host, port), error):
                    raise
                answer, content = await self._sent(place, target, headers, body)
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            text = dial_text(f"{host}:{port}", error)
            raise CallFailed(f'Post "{url}": {text}') from error
        kind = answer.headers.get("content-type", "")
        if not 200 <= answer.status < 300:
            raise CallFailed(answer_text(answer.status, kind, content), answer.status)
        return _decoded(answer.status, kind, content)

    async def _sent(
        self, place: Place, target: "yarl.URL", headers: Mapping[str, str], body: bytes
    ) -> "tuple[aiohttp.ClientResponse, bytes]":
        async with self._opened().post(
            target,
            data=body,
            headers=headers,
            ssl=self._context(place.ca),
            server_hostname=place.host,
            allow_redirects=False,
        ) as answer:
            return answer, await _read(answer)

    async def _admitted(
        self,
        place: Place,
        address: tuple[str, int],
        error: "aiohttp.ClientConnectorCertificateError",
    ) -> bool:
        """Say whether a webhook that was refused is to be asked once more."""
        if not place.ca or not is_self_signed(error):
            return False
        authorities = base64.b64decode(place.ca).decode()
        context = self._context(place.ca)
        return await admit_nameless(context, authorities, address, server_name=place.host)

    def _opened(self) -> "aiohttp.ClientSession":
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60.0)
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=30.0),
            )
        return self._session

    def _context(self, ca: str) -> ssl.SSLContext:
        found = self._tls.get(ca)
        if found is None:
            if len(self._tls) >= _PLACES:
                self._tls.clear()
            found = self._tls[ca] = _trusting(ca)
        return found


def _trusting(ca: str) -> ssl.SSLContext:
    try:
        return client_context(base64.b64decode(ca).decode())
    except (binascii.Error, ValueError, ssl.SSLError) as error:
        raise CallFailed("unable to load root certificates: unable to parse bytes as PEM block",
                         500) from error  # fmt: skip


def _decoded(status: int, content_type: str, body: bytes) -> Object:
    if not body:
        raise CallFailed(
            f"0-length response with status code: {status} and content type: {content_type}"
        )
    try:
        return json_codec.decode(body)
    except BadRequest as error:
        raise CallFailed(error.message) from error


async def _read(answer: "aiohttp.ClientResponse") -> bytes:
    parts: list[bytes] = []
    left = _LARGEST
    async for part in answer.content.iter_any():
        left -= len(part)
        if left < 0:
            raise CallFailed("http: response body too large")
        parts.append(part)
    return b"".join(parts)
