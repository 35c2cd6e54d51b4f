"""Tokens that were configured, each with its user."""

import hmac
from collections.abc import Mapping

from pinnace.api.wire import User
from pinnace.apiserver.authn.base import Identity


class StaticTokens:
    """Knows callers by tokens that were configured."""

    def __init__(self, users: Mapping[str, User], api_audiences: tuple[str, ...]) -> None:
        self._api_audiences = api_audiences
        self._users = {token.encode(): user for token, user in users.items()}

    def authenticate_token(self, token: str, audiences: tuple[str, ...]) -> Identity | None:
        """Return the owner of the token; static tokens are good for the API server only."""
        given = token.encode()
        found = None
        # Every token is compared, in constant time, so that the time taken tells nothing.
        for known, user in self._users.items():
            if hmac.compare_digest(known, given):
                found = user
        if found is None:
            return None
        common = tuple(a for a in self._api_audiences if a in audiences)
        return Identity(found, common) if common else None
