"""Which flow schema and priority level a request belongs to, as its answer's headers say.

Schemas are asked in the order of their precedence, as upstream's.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pinnace.api.kinds.flowcontrol import FLOWSCHEMAS, PRIORITYLEVELCONFIGURATIONS
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.wire import User
from pinnace.apiserver.bootstrap.flow_control import MANDATORY, bootstrap_flow_control
from pinnace.apiserver.core import CacheLookup
from pinnace.apiserver.fairness.flow import Flow
from pinnace.apiserver.fairness.levels import Level, Levels
from pinnace.apiserver.routes import RequestInfo

FLOWS: tuple[Resource, ...] = (FLOWSCHEMAS, PRIORITYLEVELCONFIGURATIONS)
_REMEMBERED = 4096
_ACCOUNT = "system:serviceaccount:"
Found = tuple[Flow, Level]


@dataclass(frozen=True, slots=True)
class _Schema:
    name: str
    level: Level
    headers: dict[str, str]
    method: str
    rules: tuple[Object, ...]


class Flows:
    """Finds the flow of a request; what was found is remembered until an object changes."""

    def __init__(self, lookup: CacheLookup, levels: Levels) -> None:
        self._lookup = lookup
        self._levels = levels
        self._schemas: list[_Schema] = []
        self._stale = True
        self._known: dict[tuple[object, ...], Found] = {}
        self._flows: dict[tuple[str, str], Found] = {}

    def forget(self) -> None:
        """Look at the objects anew: one has changed."""
        self._stale = True

    def of(self, user: User, info: RequestInfo, now: float) -> Found:
        """Return where a request belongs."""
        if self._stale:
            self.digest(now)
        path = "" if info.resource else info.path
        what = info.verb, info.group, info.resource, info.subresource, info.namespace, path
        key = (user.name, user.groups, *what)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
                self._flows.clear()
            found = self._known[key] = self._flow(self._schema(user, info), user, info)
        return found

    def digest(self, now: float) -> None:
        """Take over what the objects of the cluster say."""
        self._stale = False
        self._known.clear()
        self._flows.clear()
        stored = {one["metadata"]["name"]: one for one in self._lookup.list(FLOWSCHEMAS)}
        levels = {
            one["metadata"]["name"]: one for one in self._lookup.list(PRIORITYLEVELCONFIGURATIONS)
        }
        # Requests are sorted before these are stored, and if somebody has deleted them.
        for one in bootstrap_flow_control():
            if one["metadata"]["name"] in MANDATORY:
                held = stored if one["kind"] == FLOWSCHEMAS.kind else levels
                held.setdefault(one["metadata"]["name"], one)
        self._levels.digest(levels.values(), now)
        self._schemas = [
            self._compiled(schema, levels[name])
            for schema in sorted(stored.values(), key=_precedence)
            if (name := schema["spec"]["priorityLevelConfiguration"]["name"]) in levels
            and name in self._levels.by_name
        ]

    def _compiled(self, schema: Object, level: Object) -> _Schema:
        spec = schema["spec"]
        headers = {
            "x-kubernetes-pf-flowschema-uid": schema["metadata"].get("uid", ""),
            "x-kubernetes-pf-prioritylevel-uid": level["metadata"].get("uid", ""),
        }
        return _Schema(
            schema["metadata"]["name"],
            self._levels.by_name[level["metadata"]["name"]],
            headers,
            (spec.get("distinguisherMethod") or {}).get("type", ""),
            tuple(spec.get("rules") or ()),
        )

    def _schema(self, user: User, info: RequestInfo) -> _Schema:
        for schema in self._schemas:
            if _matches(schema.rules, user, info):
                return schema
        # Who belongs to no group of those that all belong to.
        return next(one for one in reversed(self._schemas) if one.name == "catch-all")

    def _flow(self, schema: _Schema, user: User, info: RequestInfo) -> Found:
        by = {"ByUser": user.name, "ByNamespace": info.namespace}
        distinguisher = by.get(schema.method, "")
        found = self._flows.get((schema.name, distinguisher))
        if found is None:
            level = schema.level
            tally = level.tally(schema.name)
            flow = Flow(schema.name, level.name, distinguisher, schema.headers, tally)
            found = self._flows[schema.name, distinguisher] = flow, level
        return found


def _precedence(schema: Object) -> tuple[int, str]:
    return schema["spec"].get("matchingPrecedence") or 0, schema["metadata"]["name"]


def _matches(rules: Iterable[Object], user: User, info: RequestInfo) -> bool:
    for rule in rules:
        if not any(_is_subject(one, user) for one in rule.get("subjects") or ()):
            continue
        if info.resource:
            if any(_covers(one, info) for one in rule.get("resourceRules") or ()):
                return True
        elif any(_covers_path(one, info) for one in rule.get("nonResourceRules") or ()):
            return True
    return False


def _is_subject(subject: Object, user: User) -> bool:
    if subject["kind"] == "User":
        return subject["user"]["name"] in ("*", user.name)
    if subject["kind"] == "Group":
        name = subject["group"]["name"]
        return name == "*" or name in user.groups
    account = subject["serviceAccount"]
    start = f"{_ACCOUNT}{account['namespace']}:"
    if account["name"] == "*":
        return user.name.startswith(start)
    return user.name == start + str(account["name"])


def _has(wanted: Iterable[str], value: str) -> bool:
    return any(one in ("*", value) for one in wanted)


def _covers(rule: Object, info: RequestInfo) -> bool:
    resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    if info.namespace:
        here = _has(rule.get("namespaces") or (), info.namespace)
    else:
        here = bool(rule.get("clusterScope"))
    return (
        here
        and _has(rule["verbs"], info.verb)
        and _has(rule["apiGroups"], info.group)
        and _has(rule["resources"], resource)
    )


def _covers_path(rule: Object, info: RequestInfo) -> bool:
    if not _has(rule["verbs"], info.verb):
        return False
    path = info.path
    return any(
        url in ("*", path) or path.startswith(url.removesuffix("*").rstrip("/") + "/")
        for url in rule["nonResourceURLs"]
    )
