"""Tokens that this cluster has signed: by whom, with which key, for whom.

The signature of a token is checked once and remembered; what it claims is looked at every time, so
that deleting what it is bound to ends it at once.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from pinnace.apiserver.authn.base import Identity, InvalidToken, common
from pinnace.apiserver.authn.counts import AuthnCounts
from pinnace.apiserver.authn.keyring import KeyRing
from pinnace.kit.jws import JwsError, claims_of, parse, untrusted_claims

# What a token with a good signature and claims that make no sense is told.
UNEXPECTED = (
    "service account token claims could not be validated due to unexpected validation error"
)
_AUDIENCE = "go-jose/go-jose/jwt: expected string or array value to unmarshal to Audience"
_CRYPTO = "go-jose/go-jose: error in cryptographic primitive"
_LEGACY = "authentication.k8s.io/legacy-token"
_KEPT = 4096
MAX_TOKEN = 64 * 1024


class Validator(Protocol):
    """Knows what the claims of a token must be, and whose they are then."""

    def validate(self, token: str, claims: dict[str, Any]) -> Identity:
        """Return whose the claims are, without audiences; raises InvalidToken."""
        ...


@dataclass(frozen=True, slots=True)
class _Verified:
    """What a token with a good signature claims; no audiences are those of the API."""

    claims: dict[str, Any]
    audiences: tuple[str, ...]


class SignedTokens:
    """Knows callers by tokens of certain issuers, signed with one of the cluster's keys."""

    def __init__(
        self,
        *,
        issuers: Iterable[str],
        keys: KeyRing,
        api_audiences: tuple[str, ...],
        validator: Validator,
        counts: AuthnCounts,
    ) -> None:
        self._issuers = frozenset(issuers)
        self._keys = keys
        self._api_audiences = api_audiences
        self._validator = validator
        self._counts = counts
        self._verified: OrderedDict[str, _Verified] = OrderedDict()
        self._age = keys.age

    def authenticate_token(self, token: str, audiences: tuple[str, ...]) -> Identity | None:
        if self._age != self._keys.age:
            self._verified.clear()
            self._age = self._keys.age
        verified = self._verified.get(token)
        if verified is None:
            verified = self._verify(token)
            if verified is None:
                return None
            self._verified[token] = verified
            if len(self._verified) > _KEPT:
                self._verified.popitem(last=False)
        else:
            self._verified.move_to_end(token)
        return self._identity(token, verified, audiences or self._api_audiences)

    def _identity(self, token: str, verified: _Verified, wanted: tuple[str, ...]) -> Identity:
        own = verified.audiences or self._api_audiences
        good = common(own, wanted)
        if not verified.audiences:
            self._counts.legacy_tokens.add(())
        if not good and self._api_audiences:
            raise InvalidToken(
                f"token audiences {_go_list(own)} is invalid"
                f" for the target audiences {_go_list(wanted)}"
            )
        found = self._validator.validate(token, verified.claims)
        notes = found.annotations
        if not verified.audiences:
            notes = ((_LEGACY, str(verified.claims.get("sub"))), *notes)
        return Identity(found.user, good, notes, found.warnings)

    def _verify(self, token: str) -> _Verified | None:
        """Check form, issuer and signature; None means that it is not one of our tokens."""
        if len(token) > MAX_TOKEN:
            return None
        try:
            issuer = untrusted_claims(token).get("iss")
            if not isinstance(issuer, str) or issuer not in self._issuers:
                return None
            signed = parse(token)
        except JwsError:
            return None
        keys = self._keys.named(signed.key_id)
        if not keys:
            raise InvalidToken("invalid signature, no keys found")
        if not any(signed.is_signed_by(key) for key in keys):
            raise InvalidToken(_CRYPTO)
        try:
            claims = claims_of(signed)
        except JwsError as error:
            raise InvalidToken(UNEXPECTED) from error
        return _Verified(claims, _audiences(claims.get("aud")))


def _audiences(given: Any) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,)
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise InvalidToken(_AUDIENCE)
    return tuple(given)


def _go_list(values: Iterable[str]) -> str:
    """Write strings as Go's %q does for a slice."""
    return "[" + " ".join(f'"{value}"' for value in values) + "]"
