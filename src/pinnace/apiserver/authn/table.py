"""Every authentication method in the order in which upstream tries them, and the whole of it."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pinnace.api.errors import Unauthorized
from pinnace.api.wire import ANONYMOUS, Request, User
from pinnace.apiserver.admission.base import Lookup
from pinnace.apiserver.authn.base import (
    ALL_AUTHENTICATED,
    ALL_UNAUTHENTICATED,
    Identity,
    InvalidToken,
    RequestMethod,
    TokenMethod,
)
from pinnace.apiserver.authn.request_header import FrontProxy, RequestHeaders
from pinnace.apiserver.authn.service_accounts import ServiceAccountTokens
from pinnace.apiserver.authn.static_tokens import StaticTokens
from pinnace.apiserver.authn.x509 import ClientCertificates

_WEBSOCKET_BEARER = "base64url.bearer.authorization.k8s.io."


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthnConfig:
    """What authentication is built from; keys are public keys in PEM."""

    issuers: tuple[str, ...] = ("https://kubernetes.default.svc.cluster.local",)
    service_account_keys: tuple[bytes, ...] = ()
    api_audiences: tuple[str, ...] = ("https://kubernetes.default.svc.cluster.local",)
    static_tokens: Mapping[str, User] = field(default_factory=dict)
    front_proxy: FrontProxy | None = None
    anonymous: bool = True


class Authenticator:
    """Tells who sends a request."""

    def __init__(
        self,
        *,
        by_request: tuple[RequestMethod, ...],
        by_token: tuple[TokenMethod, ...],
        api_audiences: tuple[str, ...],
        anonymous: bool,
    ) -> None:
        self._by_request = by_request
        self._by_token = by_token
        self._anonymous = anonymous
        self.api_audiences = api_audiences

    async def authenticate(self, request: Request) -> User:
        """Return the caller; raises Unauthorized.

        A transport that vouches for the user itself (`request.user`) is believed. A bearer token
        that nobody knows is refused even where anonymous requests are let in.
        """
        if request.user is not None:
            return _with_group(request.user)
        for method in self._by_request:
            user = method.authenticate(request)
            if user is not None:
                return _with_group(user)
        token = bearer_token(request)
        if token:
            try:
                return self.authenticate_token(token, self.api_audiences).user
            except InvalidToken as error:
                raise Unauthorized("Unauthorized") from error
        if self._anonymous:
            return ANONYMOUS
        raise Unauthorized("Unauthorized")

    def authenticate_token(self, token: str, audiences: tuple[str, ...]) -> Identity:
        """Return who a token stands for; raises InvalidToken if nobody."""
        reasons: list[str] = []
        for method in self._by_token:
            try:
                identity = method.authenticate_token(token, audiences)
            except InvalidToken as error:
                reasons.append(str(error))
                continue
            if identity is not None:
                return Identity(_with_group(identity.user), identity.audiences)
        if reasons:
            raise InvalidToken(f"[{', '.join(['invalid bearer token', *reasons])}]")
        raise InvalidToken("invalid bearer token")


def build(config: AuthnConfig, lookup: Lookup, now: Callable[[], datetime]) -> Authenticator:
    """Put the methods together, in upstream's order."""
    by_token: tuple[TokenMethod, ...] = ()
    if config.static_tokens:
        by_token += (StaticTokens(config.static_tokens, config.api_audiences),)
    if config.service_account_keys:
        by_token += (
            ServiceAccountTokens(
                issuers=config.issuers,
                public_keys=config.service_account_keys,
                api_audiences=config.api_audiences,
                lookup=lookup,
                now=now,
            ),
        )
    proxy = config.front_proxy
    # The proxy's certificate must not be taken for a user's, so it is looked at first.
    by_request = (*((RequestHeaders(proxy),) if proxy else ()), ClientCertificates())
    return Authenticator(
        by_request=by_request,
        by_token=by_token,
        api_audiences=config.api_audiences,
        anonymous=config.anonymous,
    )


def bearer_token(request: Request) -> str:
    """Return the bearer token of a request (a header, or a WebSocket sub-protocol), or empty."""
    kind, _, token = request.headers.get("authorization", "").strip().partition(" ")
    if kind.lower() == "bearer":
        return token.strip()
    for protocol in request.headers.get("sec-websocket-protocol", "").split(","):
        encoded = protocol.strip()
        if encoded.startswith(_WEBSOCKET_BEARER):
            encoded = encoded.removeprefix(_WEBSOCKET_BEARER)
            try:
                return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
            except (binascii.Error, UnicodeDecodeError) as error:
                raise Unauthorized("Unauthorized") from error
    return ""


def _with_group(user: User) -> User:
    """Add the group that every authenticated user is in."""
    if ALL_AUTHENTICATED in user.groups or ALL_UNAUTHENTICATED in user.groups:
        return user
    return User(user.name, (*user.groups, ALL_AUTHENTICATED), user.uid, user.extra)
