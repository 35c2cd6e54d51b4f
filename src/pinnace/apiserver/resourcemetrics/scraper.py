"""Fetches resource metrics from kubelets, over connections that are kept between rounds."""

import asyncio
import ssl

from pinnace.api.errors import ApiError
from pinnace.api.objects import Object
from pinnace.apiserver.connect.target import node_address
from pinnace.kit.deferred import aiohttp, yarl

_PATH = "/metrics/resource"
# A node may name another path, as for metrics-server.
_PATH_ANNOTATION = "metrics.k8s.io/resource-metrics-path"
_SECONDS = 10.0
_MOST_BYTES = 64 << 20
_AT_ONCE = 32


class ScrapeError(Exception):
    """A kubelet gave no metrics; the text says why."""


class Scraper:
    """Asks kubelets with the API server's own certificate."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def fetch(self, node: Object) -> str:
        """Return a node's resource metrics; raises ScrapeError."""
        tls = self._tls
        if tls is None:
            raise ScrapeError("this server has no credentials for kubelets")
        annotations = node["metadata"].get("annotations") or {}
        path = annotations.get(_PATH_ANNOTATION) or _PATH
        try:
            host, port = node_address(node)
            url = yarl.URL.build(scheme="https", host=host, port=port, path=path)
            async with self._turn, asyncio.timeout(_SECONDS):
                return await self._get(url, tls)
        except TimeoutError as error:
            raise ScrapeError("context deadline exceeded") from error
        except (aiohttp.ClientError, ApiError, OSError, ValueError) as error:
            raise ScrapeError(str(error)) from error

    async def _get(self, url: "yarl.URL", tls: ssl.SSLContext) -> str:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        async with self._session.get(url, ssl=tls, allow_redirects=False) as answer:
            if answer.status != 200:
                text = f'request failed, status: "{answer.status} {answer.reason}"'
                raise ScrapeError(text)
            body = await answer.content.read(_MOST_BYTES)
            while part := await answer.content.read(_MOST_BYTES - len(body)):
                body += part
            if not answer.content.at_eof():
                raise ScrapeError("the answer is too long")
            return body.decode()

    async def close(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()
