"""Clients that act as service accounts of one namespace, by tokens that the cluster is asked for.

Many accounts share the connections of one transport, which shows no certificate of its own: each
request bears the token of its account. An account that is not there is made, and a token is asked
for when it is first needed and anew long before it ends, as upstream's controller manager does.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from pinnace.api.errors import AlreadyExists, NotFound
from pinnace.api.kinds.core import SERVICEACCOUNTS
from pinnace.api.objects import Object
from pinnace.api.wire import Request, Response, Stream
from pinnace.client.base import Client
from pinnace.client.client import ApiClient
from pinnace.client.transport import Transport
from pinnace.kit.clock import Clock

_SECONDS = 3600
# So much of a token's life is used.
_USED = 0.8


class Accounts:
    """Gives clients of service accounts; `client` may make accounts and tokens."""

    def __init__(
        self, client: Client, shared: Transport, clock: Clock, *, namespace: str = "kube-system"
    ) -> None:
        self._client = client
        self._shared = shared
        self._clock = clock
        self._namespace = namespace
        self._transports: dict[str, _AsAccount] = {}

    def client(self, name: str, *, user_agent: str) -> ApiClient:
        """Return a client that acts as a service account."""
        transport = self._transports.get(name)
        if transport is None:
            transport = self._transports[name] = _AsAccount(
                partial(self.token, name), self._shared, self._clock
            )
        return ApiClient(transport, user_agent=user_agent)

    async def token(self, name: str) -> tuple[str, float]:
        """Ask for a token, and return it with the time until which it is used."""
        asked: Object = {"spec": {"expirationSeconds": _SECONDS}}
        try:
            found = await self._asked(name, asked)
        except NotFound:
            await self._make(name)
            found = await self._asked(name, asked)
        seconds = (found.get("spec") or {}).get("expirationSeconds") or _SECONDS
        return found["status"]["token"], self._clock.monotonic() + _USED * seconds

    async def _asked(self, name: str, asked: Object) -> Object:
        return await self._client.create(
            SERVICEACCOUNTS, asked, namespace=self._namespace, name=name, subresource="token"
        )

    async def _make(self, name: str) -> None:
        account: Object = {"metadata": {"name": name, "namespace": self._namespace}}
        try:
            await self._client.create(SERVICEACCOUNTS, account)
        except AlreadyExists:
            return


class _AsAccount:
    """Sends requests with the token of an account."""

    def __init__(
        self, ask: Callable[[], Awaitable[tuple[str, float]]], shared: Transport, clock: Clock
    ) -> None:
        self._ask = ask
        self._shared = shared
        self._clock = clock
        self._token = ""
        self._until = 0.0
        self._asking = asyncio.Lock()

    async def send(self, request: Request, *, stream: bool = False) -> Response | Stream:
        """Send a request; a token that is taken no more is asked for anew, once."""
        used = await self._current()
        answer = await self._sent(request, used, stream=stream)
        if answer.status != 401:
            return answer
        if self._token == used:
            self._token = ""
        return await self._sent(request, await self._current(), stream=stream)

    async def _sent(self, request: Request, token: str, *, stream: bool) -> Response | Stream:
        headers = {**request.headers, "authorization": f"Bearer {token}"}
        return await self._shared.send(replace(request, headers=headers), stream=stream)

    async def _current(self) -> str:
        async with self._asking:
            if not self._token or self._clock.monotonic() >= self._until:
                self._token, self._until = await self._ask()
            return self._token

    async def close(self) -> None:
        """Nothing to let go of: the connections belong to all accounts."""
