"""What an authorizer is: a plain function from a user and an attempt to a decision and a reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from pinnace.api.errors import Forbidden
from pinnace.api.wire import User

MASTERS = "system:masters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What is attempted.

    Either a path (`path` is set, e.g. `/healthz`; `verb` is then the lower-case HTTP method) or,
    with an empty `path`, a resource request. For resource requests `verb` is Kubernetes' own (get,
    list, watch, create, update, patch, delete, deletecollection, proxy ...). `field_selector` has
    the `field=value` requirements of a list or watch.
    """

    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    field_selector: tuple[tuple[str, str], ...] = ()


class Authorizer(Protocol):
    """Decides; never waits, never raises."""

    def authorize(self, user: User, attributes: Attributes) -> tuple[bool, str]:
        """Return whether it is allowed, and why (or why nobody allows it)."""
        ...


class Union:
    """Allowed if any of several authorizers allows it; the reasons of the others are joined."""

    def __init__(self, authorizers: Iterable[Authorizer]) -> None:
        self._authorizers = tuple(authorizers)

    def authorize(self, user: User, attributes: Attributes) -> tuple[bool, str]:
        # As upstream's superuser authorizer: this group can do everything, whatever is stored.
        if MASTERS in user.groups:
            return True, ""
        reasons: list[str] = []
        for authorizer in self._authorizers:
            allowed, reason = authorizer.authorize(user, attributes)
            if allowed:
                return True, reason
            if reason:
                reasons.append(reason)
        return False, "\n".join(reasons)


def refusal(user: User, attributes: Attributes, reason: str = "") -> Forbidden:
    """Return the 403 that upstream's authorization filter sends."""
    what = _attempt(user, attributes)
    if reason:
        what = f"{what}: {reason}"
    if attributes.path:
        return Forbidden(f"forbidden: {what}", details={})
    group, plural = attributes.group, attributes.resource
    qualified = f"{plural}.{group}" if group else plural
    details = {"kind": plural}
    if group:
        details = {"group": group, **details}
    if attributes.name:
        details = {"name": attributes.name, **details}
        qualified = f'{qualified} "{attributes.name}"'
    return Forbidden(f"{qualified} is forbidden: {what}", details=details)


def _attempt(user: User, attributes: Attributes) -> str:
    """Say in upstream's words who cannot do what."""
    who = f'User "{user.name}" cannot {attributes.verb}'
    if attributes.path:
        return f'{who} path "{attributes.path}"'
    resource = attributes.resource
    if attributes.subresource:
        resource += f"/{attributes.subresource}"
    text = f'{who} resource "{resource}" in API group "{attributes.group}"'
    if attributes.namespace:
        return f'{text} in the namespace "{attributes.namespace}"'
    return f"{text} at the cluster scope"
