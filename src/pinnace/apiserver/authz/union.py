"""The authorizers of a server, asked in order until one decides."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from pinnace.api.wire import User
from pinnace.apiserver.authz.base import (
    ALLOWED,
    MASTERS,
    Attributes,
    Authorizer,
    Decision,
    Rules,
    Verdict,
    joined,
)

# Told of every decision that ends the search: type and name of who decided, and what.
Decided = Callable[[tuple[str, str, str]], None]


def _untold(labels: tuple[str, str, str]) -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True)
class Member:
    """One authorizer, by its type and name in the configuration."""

    type: str
    name: str
    authorizer: Authorizer


@dataclass(slots=True)
class _Heard:
    """What those said that had no opinion."""

    reasons: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def verdict(self) -> Verdict:
        return Verdict(Decision.NO_OPINION, "\n".join(self.reasons), joined(self.errors))


class Union:
    """Asks each authorizer; the first that allows or denies decides, with its own reason.

    system:masters comes before all of them, as upstream's superuser authorizer does: this group
    can do everything, whatever is configured or stored.
    """

    def __init__(self, members: Sequence[Member], told: Decided = _untold) -> None:
        self._told = told
        self._members: tuple[tuple[Authorizer, tuple[str, str, str], tuple[str, str, str]], ...]
        self.replace(members)

    def replace(self, members: Sequence[Member]) -> None:
        """Ask these from now on."""
        self._members = tuple(
            (
                one.authorizer,
                (one.type, one.name, Decision.ALLOW.value),
                (one.type, one.name, Decision.DENY.value),
            )
            for one in members
        )

    def authorize(self, user: User, attributes: Attributes) -> Verdict | Awaitable[Verdict]:
        if MASTERS in user.groups:
            return ALLOWED
        heard: _Heard | None = None
        for index, (authorizer, allowed, denied) in enumerate(self._members):
            found = authorizer.authorize(user, attributes)
            if not isinstance(found, Verdict):
                return self._waited(found, index, user, attributes, heard or _Heard())
            decision, reason, error = found
            if decision is not Decision.NO_OPINION:
                self._told(allowed if decision is Decision.ALLOW else denied)
                return found
            if reason or error:
                heard = heard or _Heard()
                _hear(heard, found)
        return _NOTHING if heard is None else heard.verdict()

    async def _waited(
        self,
        found: Awaitable[Verdict],
        index: int,
        user: User,
        attributes: Attributes,
        heard: _Heard,
    ) -> Verdict:
        """Wait for the authorizer that has been asked, and ask those behind it."""
        members = self._members
        pending: Verdict | Awaitable[Verdict] = found
        while True:
            verdict = pending if isinstance(pending, Verdict) else await pending
            _, allowed, denied = members[index]
            if verdict.decision is not Decision.NO_OPINION:
                self._told(allowed if verdict.allowed else denied)
                return verdict
            _hear(heard, verdict)
            index += 1
            if index == len(members):
                return heard.verdict()
            pending = members[index][0].authorize(user, attributes)

    def rules_for(self, user: User, namespace: str) -> Rules:
        """Return what all of them tell together."""
        found = Rules()
        for authorizer, *_ in self._members:
            own = authorizer.rules_for(user, namespace)
            found.rules += own.rules
            found.errors += own.errors
            found.incomplete = found.incomplete or own.incomplete
        return found


_NOTHING = Verdict(Decision.NO_OPINION)


def _hear(heard: _Heard, verdict: Verdict) -> None:
    if verdict.reason:
        heard.reasons.append(verdict.reason)
    if verdict.error:
        heard.errors.append(verdict.error)
