"""Checking a provider's token: its signature, its issuer, who it is for, and its dates."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pinnace.api.validation.base import quoted
from pinnace.apiserver.authn.counts import AuthnCounts
from pinnace.apiserver.authn.oidc.fetching import Fetcher, FetchFailed
from pinnace.apiserver.authn.oidc.keys import Keys, Unverified, discover
from pinnace.kit.jws import JwsError, Signed, claims_of, parse

Claims = dict[str, Any]
_log = logging.getLogger(__name__)
_GOOGLE = "https://accounts.google.com"
_GOOGLE_BARE = "accounts.google.com"
_LEEWAY = 60.0
_RETRY = 10.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZERO = "0001-01-01 00:00:00 +0000 UTC"
_INT64 = 2.0**63


class Refused(Exception):
    """A token of an issuer of ours that is not accepted; says why."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked of a token beside its issuer."""

    audiences: tuple[str, ...]
    algorithms: tuple[str, ...]
    now: Callable[[], float]


class Verifier:
    """Checks tokens of one issuer, once its keys have been found."""

    def __init__(
        self, issuer: str, terms: Terms, fetcher: Fetcher, counts: AuthnCounts | None = None
    ) -> None:
        self.issuer = issuer
        self._terms = terms
        self._fetcher = fetcher
        self._counts = counts
        self._keys: Keys | None = None
        self.fault = f"oidc: authenticator for issuer {quoted(issuer)} is not initialized"

    @property
    def is_ready(self) -> bool:
        """Say whether tokens can be checked."""
        return self._keys is not None

    async def start(self, seconds: float = _RETRY) -> None:
        """Find the keys, however often it takes."""
        while not await self.attempt():  # noqa: ASYNC110  # nobody could tell when it is there
            # Nobody could tell when the provider is there.
            await asyncio.sleep(seconds)

    async def attempt(self) -> bool:
        """Try to find out where the keys are; say whether that is known."""
        try:
            where = await discover(self.issuer, self._fetcher)
        except FetchFailed as error:
            self.fault = str(error)
            _log.error("oidc authenticator: issuer %s: %s", self.issuer, error)
            return False
        self._keys = Keys(where, self.issuer, self._fetcher, self._terms.now, self._counts)
        self.fault = ""
        return True

    async def close(self) -> None:
        """Stop fetching keys."""
        if self._keys is not None:
            await self._keys.close()

    async def verify(self, token: str) -> Claims:
        """Return what a token claims that is good; raises Refused."""
        try:
            signed = parse(token)
        except JwsError as error:
            raise Refused(f"oidc: malformed jwt: {error}") from error
        allowed = self._terms.algorithms
        if signed.algorithm not in allowed:
            raise Refused(
                "oidc: id token signed with unsupported algorithm, expected"
                f" {_texts(allowed)} got {quoted(signed.algorithm)}"
            )
        claims = await self._signed_claims(signed)
        issuer = claims.get("iss")
        if issuer != self.issuer and (self.issuer, issuer) != (_GOOGLE, _GOOGLE_BARE):
            raise Refused(
                "oidc: id token issued by a different provider, expected"
                f" {quoted(self.issuer)} got {quoted(str(issuer))}"
            )
        self._check_audience(_audience(claims.get("aud")))
        self._check_dates(claims)
        return claims

    async def _signed_claims(self, signed: Signed) -> Claims:
        assert self._keys is not None
        try:
            await self._keys.verify(signed)
        except Unverified as error:
            raise Refused(f"failed to verify signature: {error}") from error
        try:
            return claims_of(signed)
        except JwsError as error:
            raise Refused(f"oidc: failed to unmarshal claims: {error}") from error

    def _check_audience(self, given: Sequence[str]) -> None:
        wanted = self._terms.audiences
        if any(audience in wanted for audience in given):
            return
        if len(wanted) == 1:
            raise Refused(f"oidc: expected audience {quoted(wanted[0])} got {_texts(given)}")
        raise Refused(f"oidc: expected audience in {_texts(sorted(wanted))} got {_texts(given)}")

    def _check_dates(self, claims: Claims) -> None:
        now = self._terms.now()
        expiry, not_before = _time(claims, "exp"), _time(claims, "nbf")
        if expiry is None or expiry < now:
            shown = _ZERO if expiry is None else _shown(expiry)
            raise Refused(f"oidc: token is expired (Token Expiry: {shown})")
        if not_before is not None and now + _LEEWAY < not_before:
            raise Refused(
                f"oidc: current time {_shown(now)} before the nbf (not before) time:"
                f" {_shown(not_before)}"
            )


def _audience(given: Any) -> list[str]:
    if isinstance(given, str):
        return [given]
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise Refused("oidc: failed to unmarshal claims: the audience is no list of texts")
    return given


def _time(claims: Claims, name: str) -> float | None:
    """Return a moment as Go's int64 would have it; raises Refused for what is no number."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(f"oidc: failed to unmarshal claims: {name} is no number")
    try:
        moment = float(value)
    except OverflowError:
        moment = _INT64
    if not -_INT64 <= moment < _INT64:
        # Go's conversion gives the smallest number, which is long ago.
        return -_INT64
    return float(int(moment))


def _shown(moment: float) -> str:
    try:
        return f"{_EPOCH + timedelta(seconds=moment):%Y-%m-%d %H:%M:%S} +0000 UTC"
    except OverflowError:
        return str(int(moment))


def _texts(values: Sequence[str]) -> str:
    return f"[{' '.join(map(quoted, values))}]"
