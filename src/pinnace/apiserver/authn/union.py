"""All methods as one: the first that knows the caller decides."""

from pinnace.api.errors import Unauthorized
from pinnace.api.wire import ANONYMOUS, Request, User
from pinnace.apiserver.authn.base import (
    ALL_AUTHENTICATED,
    ALL_UNAUTHENTICATED,
    Identity,
    InvalidToken,
    Noted,
    RemoteTokenMethod,
    RequestMethod,
    TokenMethod,
)
from pinnace.apiserver.authn.websockets import protocol_token

_INVALID = "invalid bearer token"
_SPACED = (
    "the provided Authorization header contains extra space before the bearer token, and is ignored"
)


class Authenticator:
    """Tells who sends a request.

    What asks somebody else (`remote`) comes after what does not, as upstream has it.
    """

    def __init__(
        self,
        *,
        by_request: tuple[RequestMethod, ...],
        by_token: tuple[TokenMethod, ...],
        remote: tuple[RemoteTokenMethod, ...] = (),
        api_audiences: tuple[str, ...],
        anonymous: bool,
        anonymous_paths: tuple[str, ...] = (),
    ) -> None:
        self._by_request = by_request
        self._by_token = by_token
        self._remote = remote
        self._anonymous = anonymous
        self._anonymous_paths = frozenset(anonymous_paths)
        self.api_audiences = api_audiences

    async def authenticate(self, request: Request, noted: Noted | None = None) -> User:
        """Return the caller; raises Unauthorized.

        A transport that vouches for the user itself (`request.user`) is believed. A credential
        that is refused is refused even where anonymous requests are let in.
        """
        if request.user is not None:
            return _with_group(request.user)
        fault: InvalidToken | None = None
        for method in self._by_request:
            try:
                user = method.authenticate(request)
            except InvalidToken as error:
                fault = error
                continue
            if user is not None:
                return _with_group(user)
        try:
            token = bearer_token(request, noted) or protocol_token(request)
            if token:
                found = await self.authenticate_token(token, self.api_audiences)
                if noted is not None:
                    noted.annotations.update(found.annotations)
                    noted.warnings.extend(found.warnings)
                return found.user
        except InvalidToken as error:
            fault = error
        if fault is not None:
            raise Unauthorized("Unauthorized") from fault
        if self._anonymous and (not self._anonymous_paths or request.path in self._anonymous_paths):
            return ANONYMOUS
        raise Unauthorized("Unauthorized")

    async def authenticate_token(self, token: str, audiences: tuple[str, ...]) -> Identity:
        """Return who a token stands for; raises InvalidToken if nobody."""
        reasons = [_INVALID]
        for method in self._by_token:
            try:
                identity = method.authenticate_token(token, audiences)
            except InvalidToken as error:
                reasons.append(str(error))
                continue
            if identity is not None:
                return _grouped(identity)
        for asked in self._remote:
            try:
                identity = await asked.authenticate_token(token, audiences)
            except (InvalidToken, TimeoutError) as error:
                reasons.append(str(error) or "context deadline exceeded")
                continue
            if identity is not None:
                return _grouped(identity)
        distinct = list(dict.fromkeys(reasons))
        raise InvalidToken(distinct[0] if len(distinct) == 1 else f"[{', '.join(distinct)}]")


def bearer_token(request: Request, noted: Noted | None = None) -> str:
    """Return the bearer token of a request's header, or empty."""
    parts = request.headers.get("authorization", "").strip().split(" ", 2)
    if len(parts) < 2 or parts[0].lower() != "bearer":
        return ""
    if not parts[1] and len(parts) == 3 and noted is not None:
        noted.warnings.append(_SPACED)
    return parts[1]


def _grouped(identity: Identity) -> Identity:
    user = _with_group(identity.user)
    return Identity(user, identity.audiences, identity.annotations, identity.warnings)


def _with_group(user: User) -> User:
    """Add the group that every authenticated user is in."""
    if ALL_AUTHENTICATED in user.groups or ALL_UNAUTHENTICATED in user.groups:
        return user
    return User(user.name, (*user.groups, ALL_AUTHENTICATED), user.uid, user.extra)
