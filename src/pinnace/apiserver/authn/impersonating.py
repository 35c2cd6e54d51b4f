"""Who may act as whom: the ways of impersonation in upstream's order, and the first that succeeds.

The constrained ways ask whether the caller may do what it does while it acts as somebody of that
sort (`impersonate-on:WAY:VERB`), and then whether it may act as this one (`impersonate:WAY`). The
old way asks only the latter, with the verb `impersonate`. Each thing that is asked for (user,
service account or node, every group, every extra value, the uid) is authorized by itself. A caller
whom all ways refuse is told why the first one did.
"""

from collections.abc import Iterator
from dataclasses import replace

from pinnace.api.errors import Forbidden
from pinnace.api.names import dns1123_subdomain
from pinnace.api.wire import ANONYMOUS, User
from pinnace.apiserver.authn.base import ALL_AUTHENTICATED, ALL_UNAUTHENTICATED
from pinnace.apiserver.authn.impersonation import Wanted
from pinnace.apiserver.authn.service_accounts import NODE_NAME, groups_of, split_username
from pinnace.apiserver.authz.base import MASTERS, Attributes, Authorizer, decided, refusal

OLD = ""
WAYS = ("associated-node", "arbitrary-node", "serviceaccount", "user-info", OLD)
NODES_GROUP = "system:nodes"
_NODE_PREFIX = "system:node:"
_AUTHENTICATION = "authentication.k8s.io"
_REMEMBERED = 10_000
_MANY = 4


class Impersonation:
    """Lets callers act as others; remembers by which way a caller last did, to try it first."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._last: dict[str, str] = {}

    async def user(self, caller: User, who: Wanted, attempt: Attributes) -> User:
        """Return whom a request acts as; raises Forbidden."""
        first: Forbidden | None = None
        last = self._last.get(caller.name)
        ways = WAYS if last is None else (last, *(way for way in WAYS if way != last))
        for way in ways:
            if not _suits(way, who, caller):
                continue
            try:
                await self._check(way, who, caller, attempt)
            except Forbidden as error:
                first = first or error
                continue
            if len(self._last) >= _REMEMBERED:
                self._last.clear()
            self._last[caller.name] = way
            return _made(way, who)
        # The old way suits everybody.
        assert first is not None
        raise first

    def constraint(self, caller: User) -> str:
        """Return the verb that let a caller act as somebody just now; empty for the old way."""
        way = self._last.get(caller.name, OLD)
        return f"impersonate:{way}" if way else ""

    async def _check(self, way: str, who: Wanted, caller: User, attempt: Attributes) -> None:
        if way != OLD:
            on = replace(attempt, verb=f"impersonate-on:{way}:{attempt.verb}")
            await self._allow(caller, on)
        for one in _asked(way, who):
            self._refuse_unfit(way, who, caller, one)
            if not await self._all_at_once(way, who, caller, one):
                await self._allow(caller, one)

    async def _allow(self, caller: User, attempt: Attributes) -> None:
        verdict = await decided(self._authorizer, caller, attempt)
        if not verdict.allowed:
            raise refusal(caller, attempt, verdict.reason)

    def _refuse_unfit(self, way: str, who: Wanted, caller: User, one: Attributes) -> None:
        """Refuse what only the old way lets through: masters, and what is empty."""
        if way == OLD or one.resource not in ("groups", "userextras"):
            return
        bare = replace(one, name="", subresource="")
        if one.resource == "groups" and "" in who.groups:
            why = "impersonating the empty string group is not allowed"
            raise refusal(caller, bare, why)
        if one.resource == "groups" and MASTERS in who.groups:
            why = "impersonating the system:masters group is not allowed"
            raise refusal(caller, replace(bare, name=MASTERS), why)
        if one.resource == "userextras" and any("" in values for values in who.extra.values()):
            why = "impersonating the empty string value in extra is not allowed"
            raise refusal(caller, bare, why)

    async def _all_at_once(self, way: str, who: Wanted, caller: User, one: Attributes) -> bool:
        """Say whether the caller may ask for any group, or any extra, where it asks for many."""
        if way == OLD or one.resource not in ("groups", "userextras"):
            return False
        extras = sum(len(values) for values in who.extra.values())
        many = len(who.groups) if one.resource == "groups" else extras
        if many < _MANY:
            return False
        subresource = "*" if one.resource == "userextras" else ""
        anything = replace(one, name="*", subresource=subresource)
        return (await decided(self._authorizer, caller, anything)).allowed


def _suits(way: str, who: Wanted, caller: User) -> bool:
    node, account = _node(who.name), split_username(who.name)
    bare = not (who.uid or who.groups or who.extra)
    if way == "associated-node":
        own = (caller.extra or {}).get(NODE_NAME, ())
        return bare and bool(node) and bool(split_username(caller.name)) and own == (node,)
    if way == "arbitrary-node":
        return bare and bool(node)
    if way == "serviceaccount":
        return bare and account is not None
    return way == OLD or not (node or account)


def _node(name: str) -> str:
    """Return the node that a user name is of, or nothing."""
    node = name.removeprefix(_NODE_PREFIX)
    return node if node != name and not dns1123_subdomain(node) else ""


def _asked(way: str, who: Wanted) -> Iterator[Attributes]:
    """Yield everything that the caller has to be allowed."""
    verb = f"impersonate:{way}" if way else "impersonate"
    plain = Attributes(verb=verb, group=_AUTHENTICATION, version="v1")
    named = replace(plain, group="") if way == OLD else plain
    node, account = _node(who.name), split_username(who.name)
    if way and node:
        yield replace(named, resource="nodes", name="*" if way == "associated-node" else node)
    elif account:
        namespace, name = account
        yield replace(named, resource="serviceaccounts", namespace=namespace, name=name)
    else:
        yield replace(named, resource="users", name=who.name)
    if who.uid:
        yield replace(plain, resource="uids", name=who.uid)
    for group in who.groups:
        yield replace(named, resource="groups", name=group)
    for key, values in who.extra.items():
        for value in values:
            yield replace(plain, resource="userextras", subresource=key, name=value)


def _made(way: str, who: Wanted) -> User:
    account = split_username(who.name)
    groups = who.groups
    if way and _node(who.name):
        groups = (NODES_GROUP,)
    elif account and not groups:
        groups = groups_of(account[0])
    return User(who.name, _completed(who.name, groups), who.uid, who.extra)


def _completed(name: str, groups: tuple[str, ...]) -> tuple[str, ...]:
    """Add the group that says whether the impersonated user counts as authenticated."""
    if name == ANONYMOUS.name:
        missing = ALL_UNAUTHENTICATED not in groups
        return (*groups, ALL_UNAUTHENTICATED) if missing else groups
    if ALL_AUTHENTICATED in groups or ALL_UNAUTHENTICATED in groups:
        return groups
    return (*groups, ALL_AUTHENTICATED)
