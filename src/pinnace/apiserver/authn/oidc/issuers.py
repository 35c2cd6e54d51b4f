"""All identity providers of a configuration, and exchanging them when it changes."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pinnace.api.errors import Cause
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, forbidden
from pinnace.apiserver.authn.base import Identity, InvalidToken, common
from pinnace.apiserver.authn.counts import AuthnCounts, hashed
from pinnace.apiserver.authn.oidc.configuration import Unreadable, decode
from pinnace.apiserver.authn.oidc.jwt import JwtAuthenticator
from pinnace.apiserver.authn.oidc.validation import check, check_authenticator
from pinnace.apiserver.authn.oidc.verifying import Refused
from pinnace.kit.jws import JwsError, untrusted_claims

_log = logging.getLogger(__name__)
_GOOGLE_BARE, _GOOGLE = "accounts.google.com", "https://accounts.google.com"
# How long new providers may take to be found, and how often they are looked for meanwhile.
_UPDATE_SECONDS, _RETRY_SECONDS = 60.0, 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcConfig:
    """A valid configuration, and the file that it was read from, if it may change."""

    config: Object
    algorithms: tuple[str, ...]
    file: Path | None = None
    text: str = ""


class Unusable(ValueError):
    """A configuration that breaks rules; says which."""


def aggregate(causes: Sequence[Cause]) -> str:
    """Write broken rules as upstream's aggregate does."""
    texts = list(dict.fromkeys(cause.text() for cause in causes))
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def checked(config: Object, issuers: Sequence[str]) -> Object:
    """Return a configuration if it breaks no rule; raises Unusable. `issuers` are our own."""
    causes = check(config, frozenset(issuers))
    if causes:
        raise Unusable(f"invalid authentication configuration: {aggregate(causes)}")
    return config


class _Set:
    """The providers of one configuration, by issuer."""

    def __init__(self, authenticators: Sequence[JwtAuthenticator]) -> None:
        self.by_issuer = {one.issuer: one for one in authenticators}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, seconds: float) -> None:
        """Begin to look for the keys of all."""
        self._tasks = [
            asyncio.create_task(one.verifier.start(seconds)) for one in self.by_issuer.values()
        ]

    def fault(self) -> str:
        """Say whose keys are not found yet, and why."""
        told = [
            f'oidc: authenticator for issuer "{name}" is not healthy: {one.verifier.fault}'
            for name, one in self.by_issuer.items()
            if not one.verifier.is_ready
        ]
        return ", ".join(told)

    async def ready(self, seconds: float) -> None:
        """Wait until all are found, for so long at most; raises TimeoutError."""
        async with asyncio.timeout(seconds):
            await asyncio.gather(*map(asyncio.shield, self._tasks))

    async def close(self) -> None:
        """Let go of all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for one in self.by_issuer.values():
            await one.close()


class Oidc:
    """Knows the bearers of providers' tokens; these are good for the API server only."""

    def __init__(
        self,
        given: OidcConfig,
        *,
        api_audiences: tuple[str, ...],
        issuers: Sequence[str],
        now: Callable[[], float],
        counts: AuthnCounts,
        update_seconds: float = _UPDATE_SECONDS,
        retry_seconds: float = _RETRY_SECONDS,
    ) -> None:
        self._given = given
        self._api_audiences = api_audiences
        self._issuers = tuple(issuers)
        self._now = now
        self._counts = counts
        self._update_seconds, self._retry_seconds = update_seconds, retry_seconds
        self._tracked = given.text
        self._set = self._made(given.config)
        if given.file is not None:
            counts.configured(given.text)

    def start(self) -> None:
        """Begin to look for the providers' keys."""
        self._set.start(self._retry_seconds)

    async def close(self) -> None:
        """Let go of the providers."""
        await self._set.close()

    async def authenticate_token(self, token: str, audiences: tuple[str, ...]) -> Identity | None:
        """Return whose token this is; None if it is of no issuer that is configured."""
        good = common(self._api_audiences, audiences)
        if not good:
            return None
        try:
            issuer = untrusted_claims(token).get("iss")
        except JwsError:
            return None
        if not isinstance(issuer, str):
            return None
        found = self._set.by_issuer.get(_GOOGLE if issuer == _GOOGLE_BARE else issuer)
        if found is None:
            return None
        began, result = self._now(), "failure"
        try:
            user = await found.user(token)
            result = "success"
        except Refused as error:
            raise InvalidToken(str(error)) from error
        finally:
            self._counts.jwt_seconds.observe((result, hashed(found.issuer)), self._now() - began)
        return Identity(user, good)

    async def reload(self) -> None:
        """Take what the file says now; what cannot be used is logged and leaves all as it is."""
        file = self._given.file
        if file is None:
            return
        try:
            data = await asyncio.to_thread(file.read_bytes)
        except OSError as error:
            self._failed("failed to read authentication config file", error)
            return
        told = data.decode(errors="replace")
        if told == self._tracked:
            return
        try:
            config = self._changed(data)
        except (Unreadable, Unusable) as error:
            # It will not get better by trying again.
            self._tracked = told
            self._failed("failed to load authentication config", error)
            return
        fresh = self._made(config)
        fresh.start(self._retry_seconds)
        try:
            await fresh.ready(self._update_seconds)
        except TimeoutError:
            self._failed("failed to update authentication config", fresh.fault())
            await fresh.close()
            return
        except asyncio.CancelledError:
            await fresh.close()
            raise
        old, self._set, self._tracked = self._set, fresh, told
        await old.close()
        for issuer in old.by_issuer.keys() - fresh.by_issuer.keys():
            self._counts.forget_issuer(issuer)
        self._counts.configured(told)
        self._counts.reloaded(self._now(), good=True)
        _log.info("reloaded authentication config")

    def _changed(self, data: bytes) -> Object:
        config = decode(data)
        causes = check(config, frozenset(self._issuers))
        if config.get("anonymous") != self._given.config.get("anonymous"):
            causes.append(forbidden("anonymous", "changed from initial configuration file"))
        if causes:
            raise Unusable(aggregate(causes))
        return config

    def _failed(self, what: str, why: object) -> None:
        _log.error("%s: %s", what, why)
        self._counts.reloaded(self._now(), good=False)

    def _made(self, config: Object) -> _Set:
        made = []
        for one in config.get("jwt") or ():
            expressions = check_authenticator(one, frozenset(self._issuers), Report(), "")
            made.append(
                JwtAuthenticator(
                    one,
                    expressions,
                    algorithms=self._given.algorithms,
                    now=self._now,
                    counts=self._counts,
                    retry_seconds=self._retry_seconds,
                )
            )
        return _Set(made)
