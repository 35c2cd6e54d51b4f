"""Documents of identity providers, over HTTPS."""

import ssl
from dataclasses import dataclass, field

from pinnace.apiserver.hooks.failures import dial_text
from pinnace.kit.deferred import aiohttp, yarl

_SECONDS = 30.0
_LARGEST = 4 * 1024 * 1024


class FetchFailed(Exception):
    """A document could not be had; says why in the words of Go's HTTP client."""


@dataclass(frozen=True, slots=True)
class Document:
    """What was answered."""

    status: int
    reason: str
    body: bytes
    cache_control: str = ""


@dataclass(slots=True)
class Fetcher:
    """Asks the servers of one authority (in PEM), or of those that the host trusts.

    `instead` has where to ask for a document in place of its own address.
    """

    ca: str = ""
    instead: dict[str, str] = field(default_factory=dict)
    _session: "aiohttp.ClientSession | None" = None

    async def get(self, url: str, token: str = "") -> Document:
        """Return what is answered at an address; raises FetchFailed."""
        asked = self.instead.get(url, url)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        try:
            async with self._opened().get(yarl.URL(asked, encoded=True), headers=headers) as answer:
                body = await answer.content.read(_LARGEST + 1)
                while len(body) <= _LARGEST and not answer.content.at_eof():
                    body += await answer.content.read(_LARGEST + 1 - len(body))
        except TimeoutError as error:
            raise FetchFailed(f'Get "{asked}": context deadline exceeded') from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            told = dial_text(_address(asked), error) if isinstance(error, OSError) else str(error)
            raise FetchFailed(f'Get "{asked}": {told}') from error
        if len(body) > _LARGEST:
            raise FetchFailed(f'Get "{asked}": http: response body too large')
        told = answer.headers.get("cache-control", "")
        return Document(answer.status, answer.reason or "", body, told)

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> "aiohttp.ClientSession":
        if self._session is None:
            context = ssl.create_default_context(cadata=self.ca or None)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=context),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=_SECONDS),
            )
        return self._session


def _address(url: str) -> str:
    found = yarl.URL(url)
    return f"{found.host}:{found.port}"
