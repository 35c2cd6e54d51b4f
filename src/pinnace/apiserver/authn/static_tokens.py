"""The static token file: CSV lines of token, user, uid and, quoted, comma-separated groups."""

import csv
import hmac
import io
from collections.abc import Mapping

from pinnace.api.wire import User
from pinnace.apiserver.authn.base import Identity


def read_token_file(text: str) -> dict[str, User]:
    """Read upstream's --token-auth-file; raises ValueError with the line that is wrong."""
    users: dict[str, User] = {}
    for number, row in enumerate(csv.reader(io.StringIO(text), skipinitialspace=True), start=1):
        if not row or row[0].startswith("#"):
            continue
        if len(row) < 3:
            raise ValueError(f"token file line {number} must have token, user and uid")
        if not row[0]:
            continue
        groups = tuple(g.strip() for g in row[3].split(",")) if len(row) > 3 and row[3] else ()
        users[row[0]] = User(row[1], groups, row[2])
    return users


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
