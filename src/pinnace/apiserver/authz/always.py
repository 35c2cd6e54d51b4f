"""The modes AlwaysAllow and AlwaysDeny."""

from pinnace.api.wire import User
from pinnace.apiserver.authz.base import ALLOWED, Attributes, Rules, Verdict, no_opinion

_DENIED = no_opinion("Everything is forbidden.")


class AlwaysAllow:
    """Allows everything."""

    def authorize(self, user: User, attributes: Attributes) -> Verdict:
        return ALLOWED

    def rules_for(self, user: User, namespace: str) -> Rules:
        """Return that anything may be done."""
        return Rules(
            [
                {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
                {"verbs": ["*"], "nonResourceURLs": ["*"]},
            ]
        )


class AlwaysDeny:
    """Allows nothing; as upstream's it leaves the last word to those behind it."""

    def authorize(self, user: User, attributes: Attributes) -> Verdict:
        return _DENIED

    def rules_for(self, user: User, namespace: str) -> Rules:
        """Return that nothing may be done."""
        return Rules()
