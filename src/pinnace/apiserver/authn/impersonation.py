"""Impersonation: a caller who may, acts as somebody else for one request.

Each thing that is asked for (user or service account, every group, every extra value, the uid) is
authorized by itself, with the verb `impersonate`.

Headers arrive as one text per name. The HTTP adapter joins repeated headers of groups and extra
values with `SEPARATOR`, which cannot occur inside a header, so that a group with a comma in its
name stays one group.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from pinnace.api.errors import BadRequest
from pinnace.api.validation.base import quoted
from pinnace.api.wire import ANONYMOUS, User
from pinnace.apiserver.authn import request_header
from pinnace.apiserver.authn.base import ALL_AUTHENTICATED, ALL_UNAUTHENTICATED
from pinnace.apiserver.authn.request_header import SEPARATOR
from pinnace.apiserver.authn.service_accounts import groups_of, split_username
from pinnace.apiserver.authz.base import Attributes, Authorizer, refusal

USER_HEADER = "impersonate-user"
UID_HEADER = "impersonate-uid"
GROUP_HEADER = "impersonate-group"
EXTRA_PREFIX = "impersonate-extra-"
_REPEATED = (GROUP_HEADER, request_header.GROUP_HEADER.lower())
_REPEATED_PREFIXES = (EXTRA_PREFIX, request_header.EXTRA_PREFIX.lower())


def joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return a request's headers by lower-case name, the repeated ones joined losslessly.

    Headers other than those of users are joined by a comma, as HTTP has it.
    """
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        if key not in found:
            found[key] = value
        elif key in _REPEATED or key.startswith(_REPEATED_PREFIXES):
            found[key] += SEPARATOR + value
        else:
            found[key] += f", {value}"
    return found


@dataclass(frozen=True, slots=True)
class Wanted:
    """Who the caller wants to be."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def wanted(headers: Mapping[str, str]) -> Wanted | None:
    """Read the headers; None if nobody is to be impersonated, BadRequest if no user is named."""
    name = headers.get(USER_HEADER, "")
    uid = headers.get(UID_HEADER, "")
    groups = tuple(headers[GROUP_HEADER].split(SEPARATOR)) if GROUP_HEADER in headers else ()
    extra = {
        unquote(header.removeprefix(EXTRA_PREFIX)): tuple(value.split(SEPARATOR))
        for header, value in headers.items()
        if header.startswith(EXTRA_PREFIX)
    }
    if not name:
        if uid or groups or extra:
            who = _as_go(Wanted("", uid, groups, extra))
            raise BadRequest(f"requested {who} without impersonating a user name")
        return None
    return Wanted(name, uid, groups, extra)


def _as_go(who: Wanted) -> str:
    """Return how Go prints whom a request wants to be, which is what clients are told."""

    def texts(values: Iterable[str]) -> str:
        return "[]string{" + ", ".join(map(quoted, values)) + "}"

    groups = texts(who.groups) if who.groups else "[]string(nil)"
    pairs = (f"{quoted(key)}:{texts(values)}" for key, values in sorted(who.extra.items()))
    extra = "map[string][]string" + ("{" + ", ".join(pairs) + "}" if who.extra else "(nil)")
    named = f"Name:{quoted(who.name)}, UID:{quoted(who.uid)}"
    return "&user.DefaultInfo{" + f"{named}, Groups:{groups}, Extra:{extra}" + "}"


def impersonate(user: User, headers: Mapping[str, str], authorizer: Authorizer) -> User:
    """Return who the request acts as: the user itself, or who it may impersonate; or raises."""
    who = wanted(headers)
    if who is None:
        return user
    for attempt in _attempts(who):
        allowed, reason = authorizer.authorize(user, attempt)
        if not allowed:
            raise refusal(user, attempt, reason)
    account = split_username(who.name)
    groups = who.groups
    if account and not groups:
        groups = groups_of(account[0])
    return User(who.name, _completed(who.name, groups), who.uid, who.extra)


def _attempts(who: Wanted) -> Iterator[Attributes]:
    account = split_username(who.name)
    if account:
        yield Attributes(
            verb="impersonate", resource="serviceaccounts", namespace=account[0], name=account[1]
        )
    else:
        yield Attributes(verb="impersonate", resource="users", name=who.name)
    for group in who.groups:
        yield Attributes(verb="impersonate", resource="groups", name=group)
    for key, values in who.extra.items():
        for value in values:
            yield Attributes(
                verb="impersonate", group="authentication.k8s.io", version="v1",
                resource="userextras", subresource=key, name=value,
            )  # fmt: skip
    if who.uid:
        yield Attributes(
            verb="impersonate", group="authentication.k8s.io", version="v1",
            resource="uids", name=who.uid,
        )  # fmt: skip


def _completed(name: str, groups: tuple[str, ...]) -> tuple[str, ...]:
    """Add the group that says whether the impersonated user counts as authenticated."""
    if name == ANONYMOUS.name:
        missing = ALL_UNAUTHENTICATED not in groups
        return (*groups, ALL_UNAUTHENTICATED) if missing else groups
    if ALL_AUTHENTICATED in groups or ALL_UNAUTHENTICATED in groups:
        return groups
    return (*groups, ALL_AUTHENTICATED)
