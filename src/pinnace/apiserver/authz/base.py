"""What an authorizer is: it makes of a user and an attempt a verdict, at once or after asking."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, Protocol

from pinnace.api.errors import Forbidden
from pinnace.api.gotext import without_tags
from pinnace.api.objects import Object
from pinnace.api.selectors import Requirement
from pinnace.api.validation.base import quoted
from pinnace.api.wire import User

MASTERS = "system:masters"


class Decision(Enum):
    """What an authorizer says; who has no opinion leaves it to the next."""

    ALLOW = "allowed"
    DENY = "denied"
    NO_OPINION = "no-opinion"


class Verdict(NamedTuple):
    """A decision, why, and what went wrong on the way to it."""

    decision: Decision
    reason: str = ""
    error: str = ""

    @property
    def allowed(self) -> bool:
        """Whether it may be done."""
        return self.decision is Decision.ALLOW


ALLOWED = Verdict(Decision.ALLOW)
NO_OPINION = Verdict(Decision.NO_OPINION)


def no_opinion(reason: str) -> Verdict:
    """Return that somebody else is to decide, and why."""
    return Verdict(Decision.NO_OPINION, reason)


FieldTerms = tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What is attempted.

    Either a path (`path` is set, e.g. `/healthz`; `verb` is then the lower-case HTTP method) or,
    with an empty `path`, a resource request. For resource requests `verb` is Kubernetes' own (get,
    list, watch, create, update, patch, delete, deletecollection, proxy ...). `field_selector` has
    the terms (field, `=` or `!=`, value) and `label_selector` the requirements, or the text of
    them, to which a list, a watch or a deletion of many is narrowed.
    """

    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    field_selector: FieldTerms = ()
    label_selector: tuple[Requirement, ...] | str = ()


@dataclass(slots=True)
class Rules:
    """What a user may do in a namespace, as far as authorizers can tell it."""

    rules: list[Object] = field(default_factory=list)
    incomplete: bool = False
    errors: list[str] = field(default_factory=list)


class Authorizer(Protocol):
    """Decides; never raises."""

    def authorize(self, user: User, attributes: Attributes) -> Verdict | Awaitable[Verdict]:
        """Return the verdict, or, if somebody else has to be asked, what will be it."""
        ...

    def rules_for(self, user: User, namespace: str) -> Rules:
        """Return what the user may do in a namespace."""
        ...


async def decided(authorizer: Authorizer, user: User, attributes: Attributes) -> Verdict:
    """Return the verdict, whether it has to be waited for or not."""
    found = authorizer.authorize(user, attributes)
    return found if isinstance(found, Verdict) else await found


def joined(errors: Sequence[str]) -> str:
    """Return several errors as Go prints them together."""
    unique = list(dict.fromkeys(errors))
    return unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]" if unique else ""


def refusal(user: User, attributes: Attributes, reason: str = "") -> Forbidden:
    """Return the 403 that upstream's authorization filter sends."""
    what = without_tags(_attempt(user, attributes))
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
        qualified = f"{qualified} {quoted(attributes.name)}"
    return Forbidden(f"{qualified} is forbidden: {what}", details=details)


def _attempt(user: User, attributes: Attributes) -> str:
    """Say in upstream's words who cannot do what."""
    who = f"User {quoted(user.name)} cannot {attributes.verb}"
    if attributes.path:
        return f"{who} path {quoted(attributes.path)}"
    resource = attributes.resource
    if attributes.subresource:
        resource += f"/{attributes.subresource}"
    text = f"{who} resource {quoted(resource)} in API group {quoted(attributes.group)}"
    if attributes.namespace:
        return f"{text} in the namespace {quoted(attributes.namespace)}"
    return f"{text} at the cluster scope"
