"""Distributed claims: a token that does not hold its groups says where they are to be had."""

import asyncio
from collections.abc import Callable
from typing import Any

from pinnace.api.validation.base import quoted
from pinnace.apiserver.authn.oidc.fetching import Fetcher, FetchFailed
from pinnace.apiserver.authn.oidc.verifying import Claims, Refused, Verifier
from pinnace.kit.jws import JwsError, untrusted_claims

_NAMES, _SOURCES = "_claim_names", "_claim_sources"
_MOST = 64


class Resolver:
    """Fetches one claim; the issuers of what it fetches are verified as the token's own."""

    def __init__(
        self, claim: str, fetcher: Fetcher, make: Callable[[str], Verifier], seconds: float
    ) -> None:
        self._claim = claim
        self._fetcher = fetcher
        self._make = make
        self._seconds = seconds
        self._verifiers: dict[str, Verifier] = {}
        self._starting: list[asyncio.Task[None]] = []

    async def expand(self, claims: Claims) -> None:
        """Put the claim into claims that have it elsewhere; raises Refused."""
        where = self._endpoint(claims)
        if where is None:
            return
        url, token = where
        try:
            found = await self._fetcher.get(url, token)
        except FetchFailed as error:
            raise Refused(
                f"while getting distributed claim {quoted(self._claim)}: {error}"
            ) from error
        if not 200 <= found.status <= 226:
            raise Refused(
                f"while getting distributed claim {quoted(self._claim)}: error while getting"
                f" distributed claim JWT: {found.status} {found.reason}"
            )
        jwt = found.body.decode(errors="replace")
        try:
            issuer = untrusted_claims(jwt).get("iss")
        except JwsError as error:
            raise Refused(
                f"getting untrusted issuer from endpoint {url} failed for claim"
                f" {quoted(self._claim)}: {error}"
            ) from error
        verifier = self._verifier(issuer if isinstance(issuer, str) else "")
        try:
            more = await verifier.verify(jwt)
        except Refused as error:
            raise Refused(f"verify distributed claim token: {error}") from error
        if self._claim not in more:
            raise Refused(
                f"jwt returned by distributed claim endpoint {quoted(url)} did not contain claim:"
                f" {self._claim}"
            )
        claims[self._claim] = more[self._claim]

    async def close(self) -> None:
        """Stop starting verifiers."""
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        for verifier in self._verifiers.values():
            await verifier.close()

    def _endpoint(self, claims: Claims) -> tuple[str, str] | None:
        """Return address and token of where the claim is, or None if there is no such place."""
        names = claims.get(_NAMES)
        if self._claim in claims or names is None:
            return None
        _check_texts(names, "oidc: error parsing distributed claim names")
        if _SOURCES not in claims:
            raise Refused("oidc: no claim sources")
        sources = claims[_SOURCES]
        if not isinstance(sources, dict):
            raise Refused("oidc: could not parse claim sources: not an object")
        name = names.get(self._claim)
        if name is None:
            return None
        source = sources.get(name)
        if not isinstance(source, dict):
            raise Refused(
                f"id token _claim_names contained a source {name} missing in _claims_sources"
            )
        _check_texts(source, "oidc: could not parse claim sources")
        url = source.get("endpoint") or ""
        return (url, source.get("access_token") or "") if url else None

    def _verifier(self, issuer: str) -> Verifier:
        found = self._verifiers.get(issuer)
        if found is None and len(self._verifiers) < _MOST:
            found = self._verifiers[issuer] = self._make(issuer)
            self._starting.append(asyncio.create_task(found.start(self._seconds)))
        if found is None or not found.is_ready:
            raise Refused(
                f"verifying untrusted issuer {issuer} failed: verifier not initialized for issuer:"
                f" {quoted(issuer)}"
            )
        return found


def _check_texts(value: Any, what: str) -> None:
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise Refused(f"{what}: not an object of texts")
