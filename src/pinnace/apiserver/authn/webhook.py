"""Asking another server whose a token is: TokenReviews posted to a webhook."""

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from pinnace.api.objects import Object
from pinnace.api.wire import User
from pinnace.apiserver.authn.base import Identity, InvalidToken, common
from pinnace.apiserver.hooks.failures import answer_text, dial_text
from pinnace.kit.deferred import aiohttp, yarl

_log = logging.getLogger(__name__)
VERSIONS = ("v1", "v1beta1")
_SECONDS = 30.0
_LARGEST = 16 * 1024 * 1024
# Upstream's back-off: five tries, half a second after the first, each wait half as long again.
_TRIES, _FIRST_WAIT, _FACTOR, _JITTER = 5, 0.5, 1.5, 0.2
_AGAIN = (429, 500, 504)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenWebhook:
    """Where to ask, with which credentials, and for how many seconds answers are remembered."""

    url: str
    tls: ssl.SSLContext | None = None
    bearer: Callable[[], str] = str
    server_name: str = ""
    version: str = "v1beta1"
    cache_seconds: float = 120.0


class _Failed(Exception):
    """A call that failed; `again` says whether it may be tried again."""

    def __init__(self, why: str, *, again: bool = False) -> None:
        super().__init__(why)
        self.again = again


@dataclass(slots=True)
class WebhookTokens:
    """Knows whom a webhook knows."""

    webhook: TokenWebhook
    api_audiences: tuple[str, ...]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = field(default=random.random)
    _session: "aiohttp.ClientSession | None" = None

    async def authenticate_token(self, token: str, audiences: tuple[str, ...]) -> Identity | None:
        """Return whom the webhook says the token stands for; raises InvalidToken."""
        spec: Object = {"token": token}
        if audiences:
            spec["audiences"] = list(audiences)
        review = {
            "kind": "TokenReview",
            "apiVersion": f"authentication.k8s.io/{self.webhook.version}",
            "metadata": {},
            "spec": spec,
            "status": {"user": {}},
        }
        try:
            status = await self._asked(orjson.dumps(review))
        except _Failed as error:
            _log.error("Failed to make webhook authenticator request: %s", error)
            raise InvalidToken(str(error)) from error
        return self._identity(status, audiences)

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _identity(self, status: Object, audiences: tuple[str, ...]) -> Identity | None:
        told = status.get("audiences")
        good = common(audiences, tuple(told) if told else self.api_audiences)
        if audiences and not good:
            return None
        if status.get("authenticated") is not True:
            if status.get("error"):
                raise InvalidToken(str(status["error"]))
            return None
        user = status.get("user") or {}
        extra = {str(key): tuple(values or ()) for key, values in (user.get("extra") or {}).items()}
        groups = tuple(user.get("groups") or ())
        who = User(str(user.get("username") or ""), groups, str(user.get("uid") or ""), extra)
        return Identity(who, good)

    async def _asked(self, body: bytes) -> Object:
        wait = _FIRST_WAIT
        for last in (*[False] * (_TRIES - 1), True):
            try:
                return await self._post(body)
            except _Failed as error:
                if last or not error.again:
                    raise
                await self.sleep(wait * (1 + _JITTER * self.jitter()))
                wait *= _FACTOR
        raise AssertionError("the last try returns or raises")

    async def _post(self, body: bytes) -> Object:
        url = yarl.URL(self.webhook.url, encoded=True)
        headers = {"content-type": "application/json", "accept": "application/json, */*"}
        bearer = self.webhook.bearer()
        if bearer:
            headers["authorization"] = f"Bearer {bearer}"
        told = f'Post "{self.webhook.url}"'
        try:
            async with self._opened().post(
                url,
                data=body,
                headers=headers,
                ssl=self.webhook.tls if self.webhook.tls is not None else True,
                server_hostname=self.webhook.server_name or None,
            ) as answer:
                content = await answer.content.read(_LARGEST)
        except TimeoutError as error:
            raise _Failed(f"{told}: context deadline exceeded") from error
        except (aiohttp.ClientError, OSError) as error:
            again = isinstance(error, ConnectionResetError | aiohttp.ServerDisconnectedError)
            address = f"{url.host}:{url.port}"
            raise _Failed(f"{told}: {dial_text(address, error)}", again=again) from error
        if not 200 <= answer.status < 300:
            why = answer_text(answer.status, answer.headers.get("content-type", ""), content)
            again = answer.status in _AGAIN or "retry-after" in answer.headers
            raise _Failed(why, again=again)
        return _status(content)

    def _opened(self) -> "aiohttp.ClientSession":
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=_SECONDS),
            )
        return self._session


def _status(content: bytes) -> Object:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise _Failed(f"couldn't get version/kind; json parse error: {error}") from error
    status = found.get("status") or {} if isinstance(found, dict) else None
    if not isinstance(status, dict) or not _is_well_formed(status):
        raise _Failed("json: cannot unmarshal the TokenReview of the webhook")
    return status


def _is_well_formed(status: Object) -> bool:
    user = status.get("user") or {}
    if not isinstance(user, dict):
        return False
    extra = user.get("extra") or {}
    lists: list[Any] = [status.get("audiences"), user.get("groups")]
    lists += extra.values() if isinstance(extra, dict) else [extra]
    return all(
        one is None or (isinstance(one, list) and all(isinstance(each, str) for each in one))
        for one in lists
    )
