"""The audit policy: how much of a request is noted, by the first of its rules that fits. Pure.

Upstream: apiserver `pkg/audit/policy/checker.go`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from pinnace.api.wire import User
from pinnace.apiserver.routes import RequestInfo

RECEIVED = "RequestReceived"
STARTED = "ResponseStarted"
COMPLETE = "ResponseComplete"
PANIC = "Panic"
STAGES = (RECEIVED, STARTED, COMPLETE, PANIC)


class Level(IntEnum):
    """How much is noted; the names are upstream's."""

    NONE = 0
    METADATA = 1
    REQUEST = 2
    REQUEST_RESPONSE = 3


LEVELS = {
    "None": Level.NONE,
    "Metadata": Level.METADATA,
    "Request": Level.REQUEST,
    "RequestResponse": Level.REQUEST_RESPONSE,
}
LEVEL_NAMES = tuple(LEVELS)


@dataclass(frozen=True, slots=True)
class Resources:
    """Resources of a group; without any, all of them. `*` is every group."""

    group: str = ""
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def fit(self, info: RequestInfo) -> bool:
        """Say whether a request is to one of these."""
        if self.group not in (info.group, "*"):
            return False
        if not self.resources:
            return True
        if self.names and info.name not in self.names:
            return False
        whole, part = info.resource, info.subresource
        combined = f"{whole}/{part}" if part else whole
        wanted = {combined, "*", f"{whole}/*", *((f"*/{part}",) if part else ())}
        return any(resource in wanted for resource in self.resources)


@dataclass(frozen=True, slots=True)
class Decision:
    """What is noted of a request, at which stages, and whether with managedFields."""

    level: Level = Level.NONE
    omitted: frozenset[str] = frozenset()
    omit_managed_fields: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule; what it leaves open fits every request."""

    decision: Decision
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    verbs: frozenset[str] = frozenset()
    resources: tuple[Resources, ...] = ()
    namespaces: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()

    def fits(self, user: User | None, info: RequestInfo) -> bool:
        """Say whether a request is of this rule; nobody is known of a request that is refused."""
        if self.users and (user is None or user.name not in self.users):
            return False
        if self.groups and (user is None or self.groups.isdisjoint(user.groups)):
            return False
        if self.verbs and info.verb not in self.verbs:
            return False
        if self.namespaces or self.resources:
            return self._fits_resource(info)
        if self.paths:
            return not info.resource and any(_is_below(info.path, spec) for spec in self.paths)
        return True

    def _fits_resource(self, info: RequestInfo) -> bool:
        if not info.resource or (self.namespaces and info.namespace not in self.namespaces):
            return False
        return not self.resources or any(each.fit(info) for each in self.resources)


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules in order; what none of them fits is not noted."""

    rules: Sequence[Rule]
    otherwise: Decision = Decision()

    def decide(self, user: User | None, info: RequestInfo) -> Decision:
        """Return what is noted of a request."""
        for rule in self.rules:
            if rule.fits(user, info):
                return rule.decision
        return self.otherwise


def _is_below(path: str, spec: str) -> bool:
    if spec in ("*", path):
        return True
    return spec.endswith("*") and path.startswith(spec.rstrip("*"))
