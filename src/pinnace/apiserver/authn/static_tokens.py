"""Tokens that were configured, each with its user."""

import csv
import hmac
from collections.abc import Mapping

from pinnace.api.wire import User
from pinnace.apiserver.authn.base import Identity, common


class StaticTokens:
    """Knows callers by tokens that were configured."""

    def __init__(self, users: Mapping[str, User], api_audiences: tuple[str, ...]) -> None:
        self._api_audiences = api_audiences
        self._users = {token.encode(): user for token, user in users.items()}

    def authenticate_token(self, token: str, audiences: tuple[str, ...]) -> Identity | None:
        """Return the owner of the token; static tokens are good for the API server only."""
        given = token.encode(errors="surrogatepass")
        found = None
        # Every token is compared, in constant time, so that the time taken tells nothing.
        for known, user in self._users.items():
            if hmac.compare_digest(known, given):
                found = user
        good = common(self._api_audiences, audiences) if found else ()
        return Identity(found, good) if found and good else None


def read_tokens(text: str, path: str) -> dict[str, User]:
    """Return the users of a token file: token, name, uid, and perhaps a list of groups.

    Raises ValueError with the reason.
    """
    users: dict[str, User] = {}
    try:
        for record in csv.reader(text.splitlines(), strict=True):
            if not record:
                continue
            if len(record) < 3:
                raise ValueError(
                    f"token file '{path}' must have at least 3 columns (token, user name, user"
                    f" uid), found {len(record)}"
                )
            token, name, uid, *rest = record
            if token:
                users[token] = User(name, tuple(rest[0].split(",")) if rest else (), uid)
    except csv.Error as error:
        raise ValueError(f"token file '{path}': {error}") from error
    return users
