"""One identity provider: who the bearer of its token is."""

from collections.abc import Callable
from typing import Any

from pinnace.api.cel.authentication import claim_values, evaluated
from pinnace.api.cel.program import Program
from pinnace.api.cel.values import CelError
from pinnace.api.codec.json import go_name
from pinnace.api.objects import Object
from pinnace.api.validation.base import quoted
from pinnace.api.wire import User
from pinnace.apiserver.authn.base import CREDENTIAL_ID
from pinnace.apiserver.authn.counts import AuthnCounts
from pinnace.apiserver.authn.oidc.configuration import part, text
from pinnace.apiserver.authn.oidc.distributed import Resolver
from pinnace.apiserver.authn.oidc.fetching import Fetcher
from pinnace.apiserver.authn.oidc.keys import WELL_KNOWN
from pinnace.apiserver.authn.oidc.validation import Expressions, Ruled
from pinnace.apiserver.authn.oidc.verifying import Claims, Refused, Terms, Verifier

_TEXTS = "expression must return a string or a list of strings"


class JwtAuthenticator:
    """Knows the bearers of one issuer's tokens."""

    def __init__(
        self,
        settings: Object,
        expressions: Expressions,
        *,
        algorithms: tuple[str, ...],
        now: Callable[[], float],
        counts: AuthnCounts,
        retry_seconds: float = 10.0,
    ) -> None:
        issuer = part(settings, "issuer")
        self.issuer = text(issuer, "url")
        self._mappings = part(settings, "claimMappings")
        self._expressions = expressions
        self._required = {
            text(rule, "claim"): text(rule, "requiredValue")
            for rule in settings.get("claimValidationRules") or ()
            if text(rule, "claim")
        }
        self._fetcher = Fetcher(text(issuer, "certificateAuthority"))
        document = text(issuer, "discoveryURL")
        if document:
            self._fetcher.instead[self.issuer.removesuffix("/") + WELL_KNOWN] = document
        terms = Terms(tuple(issuer.get("audiences") or ()), algorithms, now)
        self.verifier = Verifier(self.issuer, terms, self._fetcher, counts)
        self._resolver: Resolver | None = None
        groups = text(part(self._mappings, "groups"), "claim")
        if groups:
            self._resolver = Resolver(
                groups,
                self._fetcher,
                lambda name: Verifier(name, terms, self._fetcher),
                retry_seconds,
            )

    async def close(self) -> None:
        """Let go of the provider."""
        await self.verifier.close()
        if self._resolver is not None:
            await self._resolver.close()
        await self._fetcher.close()

    async def user(self, token: str) -> User:
        """Return whose token this is, which claims to be this issuer's; raises Refused."""
        if not self.verifier.is_ready:
            raise Refused("oidc: authenticator not initialized")
        try:
            claims = await self.verifier.verify(token)
        except Refused as error:
            raise Refused(f"oidc: verify token: {error}") from error
        if self._resolver is not None:
            try:
                await self._resolver.expand(claims)
            except Refused as error:
                raise Refused(f"oidc: could not expand distributed claims: {error}") from error
        return self._mapped(claims)

    def _mapped(self, claims: Claims) -> User:
        shown = claim_values(claims)
        name = self._username(claims, shown)
        groups, uid = self._groups(claims, shown), self._uid(claims, shown)
        user = User(name, groups, uid, self._extra(claims, shown))
        self._check_required(claims)
        _check_rules(self._expressions.claim_rules, "claim validation expression", claims=shown)
        about = {
            "username": user.name,
            "uid": user.uid,
            "groups": list(user.groups),
            "extra": {key: list(values) for key, values in user.extra.items()},
        }
        about["extra"] = claim_values(about["extra"])
        _check_rules(self._expressions.user_rules, "user info validation rule", user=about)
        return user

    def _username(self, claims: Claims, shown: Any) -> str:
        if self._expressions.username is not None:
            what = "oidc: error evaluating username claim expression"
            name = _evaluated(self._expressions.username, what, claims=shown)
            if not isinstance(name, str):
                raise Refused(f"{what}: username claim expression must return a string")
            if not name:
                raise Refused("oidc: empty username via CEL expression is not allowed")
            return name
        mapping = part(self._mappings, "username")
        claim = text(mapping, "claim")
        name = _text(claims, claim, f"oidc: parse username claims {quoted(claim)}")
        if claim == "email" and "email_verified" in claims:
            verified = claims["email_verified"]
            if not isinstance(verified, bool):
                told = _mismatch(verified, "bool")
                raise Refused(f"oidc: parse 'email_verified' claim: {told}")
            if not verified:
                raise Refused("oidc: email not verified")
        return text(mapping, "prefix") + name

    def _groups(self, claims: Claims, shown: Any) -> tuple[str, ...]:
        mapping = part(self._mappings, "groups")
        claim, prefix = text(mapping, "claim"), text(mapping, "prefix")
        if claim and claim in claims:
            given = claims[claim]
            given = [given] if isinstance(given, str) else given or []
            if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
                told = _mismatch(claims[claim], "string")
                raise Refused(f"oidc: parse groups claim {quoted(claim)}: {told}")
            return tuple(prefix + group for group in given)
        if self._expressions.groups is None:
            return ()
        what = "oidc: error evaluating group claim expression"
        return _texts(_evaluated(self._expressions.groups, what, claims=shown), what)

    def _uid(self, claims: Claims, shown: Any) -> str:
        claim = text(part(self._mappings, "uid"), "claim")
        if claim:
            return _text(claims, claim, f"oidc: parse uid claim {quoted(claim)}")
        if self._expressions.uid is None:
            return ""
        what = "oidc: error evaluating uid claim expression"
        found = _evaluated(self._expressions.uid, what, claims=shown)
        if not isinstance(found, str):
            raise Refused(f"{what}: uid claim expression must return a string")
        return found

    def _extra(self, claims: Claims, shown: Any) -> dict[str, tuple[str, ...]]:
        extra: dict[str, tuple[str, ...]] = {}
        token_id = claims.get("jti")
        if isinstance(token_id, str) and token_id:
            extra[CREDENTIAL_ID] = (f"JTI={token_id}",)
        for key, program in self._expressions.extra:
            what = f"oidc: error evaluating extra claim expression: {program.source}"
            values = _texts(_evaluated(program, "", claims=shown), what)
            if values:
                extra[key] = values
        return extra

    def _check_required(self, claims: Claims) -> None:
        for claim, wanted in self._required.items():
            if claim not in claims:
                raise Refused(f"oidc: required claim {claim} not present in ID token")
            given = _text(claims, claim, f"oidc: parse claim {claim}")
            if given != wanted:
                raise Refused(
                    f"oidc: required claim {claim} value does not match. Got = {given}, want ="
                    f" {wanted}"
                )


def _check_rules(rules: list[Ruled], what: str, **variables: Any) -> None:
    what = f"oidc: error evaluating {what}"
    values = [_evaluated(program, what, **variables) for program, _ in rules]
    for (program, message), value in zip(rules, values, strict=True):
        if not isinstance(value, bool):
            raise Refused(f"{what}: validation expression must return a boolean")
        if not value:
            raise Refused(f"{what}: validation expression '{program.source}' failed: {message}")


def _evaluated(program: Program, what: str, **variables: Any) -> Any:
    try:
        return evaluated(program, **variables)
    except CelError as error:
        raise Refused(f"{what}: {error}" if what else str(error)) from error


def _texts(value: Any, what: str) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Refused(f"{what}: {_TEXTS}")
    return tuple(one for one in value if one)


def _text(claims: Claims, claim: str, what: str) -> str:
    if claim not in claims:
        raise Refused(f"{what}: claim not present")
    value = claims[claim]
    if value is None:
        return ""  # what Go's decoder makes of null
    if not isinstance(value, str):
        raise Refused(f"{what}: {_mismatch(value, 'string')}")
    return value


def _mismatch(value: Any, wanted: str) -> str:
    return f"json: cannot unmarshal {go_name(value)} into Go value of type {wanted}"
