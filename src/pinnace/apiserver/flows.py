"""Which flow schema and priority level a request belongs to, as its answer's headers say.

Schemas are asked in the order of their precedence, as upstream's; nobody is queued by them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pinnace.api.kinds.flowcontrol import FLOWSCHEMAS, PRIORITYLEVELCONFIGURATIONS
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.wire import User
from pinnace.apiserver.core import CacheLookup
from pinnace.apiserver.routes import RequestInfo

FLOWS: tuple[Resource, ...] = (FLOWSCHEMAS, PRIORITYLEVELCONFIGURATIONS)
_REMEMBERED = 4096
_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Flow:
    """Where a request belongs: names for the log, headers for the client."""

    schema: str
    level: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Schema:
    flow: Flow
    rules: tuple[Object, ...]


class Flows:
    """Finds the flow of a request; what was found is remembered until a schema changes."""

    def __init__(self, lookup: CacheLookup) -> None:
        self._lookup = lookup
        self._schemas: list[_Schema] | None = None
        self._known: dict[tuple[object, ...], Flow | None] = {}

    def forget(self) -> None:
        """Look at the schemas anew: one has changed."""
        self._schemas = None
        self._known.clear()

    def of(self, user: User, info: RequestInfo) -> Flow | None:
        """Return where a request belongs; None while the cluster has no schema for it."""
        path = "" if info.resource else info.path
        what = info.verb, info.group, info.resource, info.subresource, info.namespace, path
        key = (user.name, user.groups, *what)
        if key in self._known:
            return self._known[key]
        if self._schemas is None:
            self._schemas = _compiled(self._lookup)
        found = next((s.flow for s in self._schemas if _matches(s.rules, user, info)), None)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[key] = found
        return found


def _compiled(lookup: CacheLookup) -> list[_Schema]:
    levels = {one["metadata"]["name"]: one for one in lookup.list(PRIORITYLEVELCONFIGURATIONS)}
    schemas = []
    for schema in sorted(lookup.list(FLOWSCHEMAS), key=_precedence):
        spec = schema["spec"]
        level = levels.get(spec["priorityLevelConfiguration"]["name"])
        if level is None:
            continue  # upstream passes over a schema whose level is not there
        headers = {
            "x-kubernetes-pf-flowschema-uid": schema["metadata"]["uid"],
            "x-kubernetes-pf-prioritylevel-uid": level["metadata"]["uid"],
        }
        flow = Flow(schema["metadata"]["name"], level["metadata"]["name"], headers)
        schemas.append(_Schema(flow, tuple(spec.get("rules") or ())))
    return schemas


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
