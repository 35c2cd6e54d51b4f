"""Bootstrap tokens: kept in Secrets of kube-system, for whoever is about to join the cluster."""

import hmac
import re
from collections.abc import Callable
from datetime import datetime

from pinnace.api.bootstrap_tokens import (
    NAMESPACE,
    PREFIX,
    TYPE,
    UnfitGroup,
    data_of,
    groups_of,
    has_expired,
)
from pinnace.api.kinds.core import SECRETS
from pinnace.api.wire import User
from pinnace.apiserver.admission.base import Lookup
from pinnace.apiserver.authn.base import Identity, common

_TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})", re.ASCII)


class BootstrapTokens:
    """Knows callers by such tokens; they are good for the API server only."""

    def __init__(
        self, lookup: Lookup, now: Callable[[], datetime], api_audiences: tuple[str, ...]
    ) -> None:
        self._lookup = lookup
        self._now = now
        self._api_audiences = api_audiences

    def authenticate_token(self, token: str, audiences: tuple[str, ...]) -> Identity | None:
        """Return whose the token is; what is wrong with its Secret is nobody's business."""
        good = common(self._api_audiences, audiences)
        parts = _TOKEN.fullmatch(token)
        if not good or parts is None:
            return None
        user = self._user(*parts.groups())
        return Identity(user, good) if user else None

    def _user(self, token_id: str, token_secret: str) -> User | None:
        secret = self._lookup.get(SECRETS, NAMESPACE, PREFIX + token_id)
        if secret is None or secret["metadata"].get("deletionTimestamp"):
            return None
        if secret.get("type") != TYPE:
            return None
        held = data_of(secret, "token-secret")
        if not hmac.compare_digest(held.encode(), token_secret.encode()):
            return None
        if data_of(secret, "token-id") != token_id or has_expired(secret, self._now()):
            return None
        if data_of(secret, "usage-bootstrap-authentication") != "true":
            return None
        try:
            return User(f"system:bootstrap:{token_id}", groups_of(secret))
        except UnfitGroup:
            return None
