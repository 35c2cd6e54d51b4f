"""Impersonation: what the headers of a request ask for.

Headers arrive as one text per name. The HTTP adapter joins repeated headers of groups and extra
values with `SEPARATOR`, which cannot occur inside a header, so that a group with a comma in its
name stays one group.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from pinnace.api.errors import BadRequest
from pinnace.api.validation.base import quoted
from pinnace.apiserver.authn import request_header
from pinnace.apiserver.authn.request_header import SEPARATOR

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
