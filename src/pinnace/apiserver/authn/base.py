"""What an authentication method is: it knows the caller, does not, or refuses the credential."""

from dataclasses import dataclass, field
from typing import Protocol

from pinnace.api.wire import Request, User

ALL_AUTHENTICATED = "system:authenticated"
ALL_UNAUTHENTICATED = "system:unauthenticated"
# Extra information about a user: which credential was shown.
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"


class InvalidToken(Exception):
    """A credential of this method's own kind that must not be accepted; says why."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a token stands for, and for which of the asked-for audiences it is good.

    `annotations` are for the audit log, `warnings` for the client.
    """

    user: User
    audiences: tuple[str, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class Noted:
    """What is to be said of a request beside who sends it."""

    annotations: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class RequestMethod(Protocol):
    """Knows callers by something about the connection (a client certificate)."""

    def authenticate(self, request: Request) -> User | None:
        """Return the caller, or None if this method does not know them.

        Raises InvalidToken if there is a credential that must be refused.
        """
        ...


class TokenMethod(Protocol):
    """Knows callers by a bearer token, without waiting."""

    def authenticate_token(self, token: str, audiences: tuple[str, ...]) -> Identity | None:
        """Return who the token stands for, or None if it is not of this method's kind.

        Raises InvalidToken if it is of this kind and must be refused.
        """
        ...


class RemoteTokenMethod(Protocol):
    """Knows callers by a bearer token, and may have to ask somebody for it."""

    async def authenticate_token(self, token: str, audiences: tuple[str, ...]) -> Identity | None:
        """Do what a TokenMethod does."""
        ...


def common(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Return the audiences that are in both."""
    return tuple(audience for audience in one if audience in other)
