"""`authorizer`: expressions that ask what the caller, or a service account, may do.

Upstream: apiserver `library/authz.go`. Who decides is handed in as a function.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from pinnace.api.cel.functions import Overload, member, table
from pinnace.api.cel.types import BOOL, STRING, Type, opaque
from pinnace.api.cel.values import CelError, Special
from pinnace.api.names import dns1123_label, dns1123_subdomain

_PREFIX = "kubernetes.authorization."
AUTHORIZER = opaque(_PREFIX + "Authorizer")
PATH_CHECK = opaque(_PREFIX + "PathCheck")
GROUP_CHECK = opaque(_PREFIX + "GroupCheck")
RESOURCE_CHECK = opaque(_PREFIX + "ResourceCheck")
DECISION = opaque(_PREFIX + "Decision")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What somebody may want to do; `account` is a service account (namespace, name), if named."""

    verb: str = ""
    path: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    fields: str = ""
    labels: str = ""
    account: tuple[str, str] | None = None


# Says whether it is allowed, why, and what went wrong.
Ask = Callable[[Attempt], tuple[bool, str, str]]


@dataclass(frozen=True, slots=True, eq=False)
class _Check(Special):
    ask: Ask
    attempt: Attempt


@dataclass(frozen=True, slots=True, eq=False)
class Authorizer(_Check):
    """Whoever is asked about."""

    cel_type: ClassVar[Type] = AUTHORIZER


@dataclass(frozen=True, slots=True, eq=False)
class PathCheck(_Check):
    """A question about a path."""

    cel_type: ClassVar[Type] = PATH_CHECK


@dataclass(frozen=True, slots=True, eq=False)
class GroupCheck(_Check):
    """A question about an API group."""

    cel_type: ClassVar[Type] = GROUP_CHECK


@dataclass(frozen=True, slots=True, eq=False)
class ResourceCheck(_Check):
    """A question about a resource."""

    cel_type: ClassVar[Type] = RESOURCE_CHECK


@dataclass(frozen=True, slots=True)
class Decision(Special):
    """An answer."""

    cel_type: ClassVar[Type] = DECISION
    allowed: bool
    reason: str
    error: str = ""


def _path(given: Authorizer, path: str) -> PathCheck:
    if not path.strip():
        raise CelError("path must not be empty")
    return PathCheck(given.ask, replace(given.attempt, path=path))


def _account(given: Authorizer, namespace: str, name: str) -> Authorizer:
    if dns1123_subdomain(name):
        raise CelError("Invalid service account name")
    if dns1123_label(namespace):
        raise CelError("Invalid service account namespace")
    return Authorizer(given.ask, replace(given.attempt, account=(namespace, name)))


def _resource(given: GroupCheck, resource: str) -> ResourceCheck:
    if not resource.strip():
        raise CelError("resource must not be empty")
    return ResourceCheck(given.ask, replace(given.attempt, resource=resource))


def _check(given: _Check, verb: str) -> Decision:
    return Decision(*given.ask(replace(given.attempt, verb=verb)))


_RS = (RESOURCE_CHECK, STRING)
_OVERLOADS: tuple[Overload, ...] = (
    member("path", "authorizer_path", (AUTHORIZER, STRING), PATH_CHECK, _path),
    member(
        "group",
        "authorizer_group",
        (AUTHORIZER, STRING),
        GROUP_CHECK,
        lambda given, group: GroupCheck(given.ask, replace(given.attempt, group=group)),
    ),
    member(
        "serviceAccount",
        "authorizer_serviceaccount",
        (AUTHORIZER, STRING, STRING),
        AUTHORIZER,
        _account,
    ),
    member("resource", "groupcheck_resource", (GROUP_CHECK, STRING), RESOURCE_CHECK, _resource),
    member(
        "subresource",
        "resourcecheck_subresource",
        _RS,
        RESOURCE_CHECK,
        lambda given, text: ResourceCheck(given.ask, replace(given.attempt, subresource=text)),
    ),
    member(
        "namespace",
        "resourcecheck_namespace",
        _RS,
        RESOURCE_CHECK,
        lambda given, text: ResourceCheck(given.ask, replace(given.attempt, namespace=text)),
    ),
    member(
        "name",
        "resourcecheck_name",
        _RS,
        RESOURCE_CHECK,
        lambda given, text: ResourceCheck(given.ask, replace(given.attempt, name=text)),
    ),
    member(
        "fieldSelector",
        "authorizer_fieldselector",
        _RS,
        RESOURCE_CHECK,
        lambda given, text: ResourceCheck(given.ask, replace(given.attempt, fields=text)),
    ),
    member(
        "labelSelector",
        "authorizer_labelselector",
        _RS,
        RESOURCE_CHECK,
        lambda given, text: ResourceCheck(given.ask, replace(given.attempt, labels=text)),
    ),
    member("check", "pathcheck_check", (PATH_CHECK, STRING), DECISION, _check),
    member("check", "resourcecheck_check", _RS, DECISION, _check),
    member("errored", "decision_errored", (DECISION,), BOOL, lambda given: bool(given.error)),
    member("error", "decision_error", (DECISION,), STRING, lambda given: given.error),
    member("allowed", "decision_allowed", (DECISION,), BOOL, lambda given: given.allowed),
    member("reason", "decision_reason", (DECISION,), STRING, lambda given: given.reason),
)
FUNCTIONS = table(_OVERLOADS)
