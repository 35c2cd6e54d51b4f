"""What an authentication method is: it knows the caller, does not, or refuses the credential."""

from dataclasses import dataclass
from typing import Protocol

from pinnace.api.wire import Request, User

ALL_AUTHENTICATED = "system:authenticated"
ALL_UNAUTHENTICATED = "system:unauthenticated"
# Extra information about a user: which credential was shown.
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"


class InvalidToken(Exception):
    """A token of this method's own kind that must not be accepted; says why."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a token stands for, and for which of the asked-for audiences it is good."""

    user: User
    audiences: tuple[str, ...] = ()


class RequestMethod(Protocol):
    """Knows callers by something about the connection (a client certificate)."""

    def authenticate(self, request: Request) -> User | None:
        """Return the caller, or None if this method does not know them."""
        ...


class TokenMethod(Protocol):
    """Knows callers by a bearer token."""

    def authenticate_token(self, token: str, audiences: tuple[str, ...]) -> Identity | None:
        """Return who the token stands for, or None if it is not of this method's kind.

        Raises InvalidToken if it is of this kind and must be refused.
        """
        ...
