"""Objects that Pods refer to, fetched through the client."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pinnace.api.errors import ApiError, NotFound
from pinnace.api.kinds.core import SECRETS, SERVICEACCOUNTS
from pinnace.api.objects import Object, parse_time
from pinnace.api.resources import Resource
from pinnace.client.base import Client
from pinnace.kit.clock import Clock
from pinnace.node.podspec import name_of, namespace_of, uid_of
from pinnace.node.volumes.base import Token

# A token is replaced once this share of its life is over, or after a day.
_TOKEN_SHARE = 0.8
_TOKEN_DAY = 24 * 3600.0


class Lookups:
    """Finds ConfigMaps, Secrets and whatever else a Pod names, and gets tokens for Pods."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._tokens: dict[tuple[str, str, int], tuple[Token, datetime]] = {}

    async def find(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Return an object, or None if there is none; raises ApiError if nobody can tell."""
        try:
            return await self._client.get(resource, name, namespace=namespace)
        except NotFound:
            return None

    async def pull_secrets(self, pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Return the Pod's pull secrets that exist."""
        namespace = namespace_of(pod)
        names = [str(each.get("name")) for each in pod["spec"].get("imagePullSecrets") or ()]
        found = await asyncio.gather(
            *(self.find(SECRETS, namespace, name) for name in names), return_exceptions=True
        )
        return [each for each in found if isinstance(each, dict)]

    async def token(self, pod: Object, *, audience: str, seconds: int) -> Token:
        """Return a token of the Pod's service account, a new one when the old is ageing."""
        key = (uid_of(pod), audience, seconds)
        held = self._tokens.get(key)
        now = self._clock.now()
        if held is not None and not _ageing(held[0], held[1], now):
            return held[0]
        try:
            token = await self._request(pod, audience, seconds)
        except ApiError:
            if held is not None and held[0].expires > now:
                return held[0]
            raise
        self._tokens[key] = (token, now)
        return token

    async def _request(self, pod: Object, audience: str, seconds: int) -> Token:
        request: Object = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {},
            "spec": {
                "audiences": [audience] if audience else [],
                "expirationSeconds": seconds,
                "boundObjectRef": {
                    "kind": "Pod",
                    "apiVersion": "v1",
                    "name": name_of(pod),
                    "uid": uid_of(pod),
                },
            },
        }
        answer = await self._client.create(
            SERVICEACCOUNTS,
            request,
            namespace=namespace_of(pod),
            name=str(pod["spec"].get("serviceAccountName") or "default"),
            subresource="token",
        )
        return Token(answer["status"]["token"], parse_time(answer["status"]["expirationTimestamp"]))

    def forget(self, uid: str) -> None:
        """Drop what was remembered for a Pod."""
        for key in [key for key in self._tokens if key[0] == uid]:
            del self._tokens[key]


def _ageing(token: Token, since: datetime, now: datetime) -> bool:
    age, life = (now - since).total_seconds(), (token.expires - since).total_seconds()
    return age > _TOKEN_SHARE * life or age > _TOKEN_DAY
