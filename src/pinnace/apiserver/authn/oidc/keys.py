"""The keys of a provider: found by discovery, kept, and asked for again when none fits a token."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from pinnace.api.validation.base import quoted
from pinnace.apiserver.authn.counts import AuthnCounts
from pinnace.apiserver.authn.oidc.fetching import Document, Fetcher, FetchFailed
from pinnace.kit.jwk import read_json_web_key
from pinnace.kit.jws import Signed
from pinnace.kit.x509 import PublicKey, X509Error

WELL_KNOWN = "/.well-known/openid-configuration"
# Keys are asked for again this long before their time is over.
_EARLY = 30.0
# Tokens that name unknown keys must not make this server a burden to a provider.
_AT_ONCE, _EVERY = 10, 1.0
_AGE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,10})", re.IGNORECASE | re.ASCII)
_UNKEPT = ("no-store", "no-cache")
_UNVERIFIED = "failed to verify id token signature"


class Unverified(Exception):
    """A signature that none of the keys has made, or no keys to say so."""


@dataclass(frozen=True, slots=True)
class _Key:
    kid: str
    public: PublicKey


class Keys:
    """The keys at an address; they are fetched when they are first needed."""

    def __init__(
        self,
        url: str,
        issuer: str,
        fetcher: Fetcher,
        now: Callable[[], float],
        counts: AuthnCounts | None = None,
    ) -> None:
        self._url = url
        self._issuer = issuer
        self._fetcher = fetcher
        self._now = now
        self._counts = counts
        self._keys: tuple[_Key, ...] = ()
        self._until = 0.0
        self._fetching: asyncio.Task[None] | None = None
        self._tickets, self._counted = float(_AT_ONCE), now()

    async def verify(self, signed: Signed) -> None:
        """Return if one of the keys has made the signature; raises Unverified."""
        if self._fits(signed):
            return
        # What is there may be used beyond its time, but not taken for all that there is.
        if self._now() + _EARLY <= self._until or not self._may_ask():
            raise Unverified(_UNVERIFIED)
        try:
            await self._renewed()
        except FetchFailed as error:
            raise Unverified(f"fetching keys {error}") from error
        if not self._fits(signed):
            raise Unverified(_UNVERIFIED)

    async def close(self) -> None:
        """Stop fetching."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _fits(self, signed: Signed) -> bool:
        kid = signed.key_id
        return any(
            signed.is_signed_by(key.public) for key in self._keys if not kid or key.kid == kid
        )

    def _may_ask(self) -> bool:
        if self._fetching is not None:
            return True
        now = self._now()
        self._tickets = min(_AT_ONCE, self._tickets + (now - self._counted) / _EVERY)
        self._counted = now
        if self._tickets < 1:
            return False
        self._tickets -= 1
        return True

    async def _renewed(self) -> None:
        """Wait until the keys have been fetched; all who wait share one question."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._fetched)
        await asyncio.shield(self._fetching)

    def _fetched(self, task: "asyncio.Task[None]") -> None:
        self._fetching = None
        if not task.cancelled():
            task.exception()  # whoever waits is told

    async def _fetch(self) -> None:
        body: bytes | None = None
        try:
            try:
                found = await self._fetcher.get(self._url)
            except FetchFailed as error:
                raise FetchFailed(f"oidc: get keys failed {error}") from error
            if found.status != 200:
                raise FetchFailed(f"oidc: get keys failed: {status_text(found)}")
            keys = _read(found)
            body = found.body
        finally:
            if self._counts is not None:
                self._counts.fetched(self._issuer, self._now(), body)
        self._keys = keys
        self._until = self._now() + _kept_seconds(found.cache_control)


async def discover(issuer: str, fetcher: Fetcher) -> str:
    """Return where a provider's keys are; raises FetchFailed."""
    found = await fetcher.get(issuer.removesuffix("/") + WELL_KNOWN)
    if found.status != 200:
        raise FetchFailed(status_text(found))
    document = _json(found, "oidc: failed to decode provider discovery object")
    told, where = document.get("issuer"), document.get("jwks_uri")
    if told != issuer:
        shown = quoted(told) if isinstance(told, str) else '""'
        raise FetchFailed(
            "oidc: issuer did not match the issuer returned by provider, expected"
            f" {quoted(issuer)} got {shown}"
        )
    if not isinstance(where, str) or not where:
        raise FetchFailed("provider did not return JWKS URL")
    return where


def status_text(found: Document) -> str:
    """Say what an answer was that is no success."""
    return f"{found.status} {found.reason}: {found.body[:2048].decode(errors='replace')}"


def _json(found: Document, what: str) -> dict[str, Any]:
    try:
        document = orjson.loads(found.body)
    except orjson.JSONDecodeError as error:
        raise FetchFailed(f"{what}: {error}") from error
    if not isinstance(document, dict):
        raise FetchFailed(f"{what}: not an object")
    return document


def _read(found: Document) -> tuple[_Key, ...]:
    """Return the keys of a set that tokens can be checked with; the others are passed over."""
    document = _json(found, "oidc: failed to decode keys")
    keys = []
    for one in document.get("keys") or ():
        if not isinstance(one, dict) or one.get("use") not in (None, "", "sig"):
            continue
        try:
            keys.append(_Key(str(one.get("kid") or ""), read_json_web_key(one)))
        except X509Error:
            continue
    return tuple(keys)


def _kept_seconds(cache_control: str) -> float:
    if any(word in cache_control.lower() for word in _UNKEPT):
        return 0.0
    age = _AGE.search(cache_control)
    return float(age[1]) if age else 0.0
