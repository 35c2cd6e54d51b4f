"""Roles and bindings of the start brought up to date: what lacks of them is added at each start.

What somebody added stays, and an object whose annotation `autoupdate` says "false" is left alone.
Upstream: component-helpers `auth/rbac/reconciliation`.
"""

from typing import Any

from pinnace.api.objects import Object
from pinnace.apiserver.authz.rules import Part, uncovered

AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"


def reconciled(existing: Object, expected: Object) -> Object | None:
    """Return what a role or binding is to become, or None if it may stay as it is.

    One that has to be made anew, since it refers to another role, comes back without a uid.
    """
    if (existing["metadata"].get("annotations") or {}).get(AUTOUPDATE) == "false":
        return None
    if "roleRef" in expected and existing.get("roleRef") != expected["roleRef"]:
        return expected
    made = {**existing, "metadata": _merged(existing["metadata"], expected["metadata"])}
    if "roleRef" in expected:
        made |= _added(existing, "subjects", _missing(existing, expected, "subjects"))
    else:
        made |= _rules(existing, expected)
    return None if made == existing else made


def _merged(existing: Object, expected: Object) -> Object:
    """Return metadata with the labels and annotations that are expected and not there."""
    made = dict(existing)
    for name in ("labels", "annotations"):
        wanted = expected.get(name) or {}
        if wanted.keys() - (existing.get(name) or {}).keys():
            made[name] = {**wanted, **(existing.get(name) or {})}
    return made


def _rules(existing: Object, expected: Object) -> Object:
    selectors = (expected.get("aggregationRule") or {}).get("clusterRoleSelectors") or []
    if selectors:
        # Its rules are the aggregating controller's.
        have = existing.get("aggregationRule") or {}
        lacking = [one for one in selectors if one not in (have.get("clusterRoleSelectors") or ())]
        added = _added(have, "clusterRoleSelectors", lacking)
        return {"aggregationRule": {**have, **added}} if lacking else {}
    made: Object = {}
    if existing.get("aggregationRule") is not None:
        made["aggregationRule"] = None
    if existing.get("rules") != expected.get("rules"):
        lacking = uncovered(existing.get("rules") or (), expected.get("rules") or ())
        made |= _added(existing, "rules", [_rule(part) for part in lacking])
    return made


def _missing(existing: Object, expected: Object, name: str) -> list[Any]:
    return [one for one in expected.get(name) or () if one not in (existing.get(name) or ())]


def _added(existing: Object, name: str, more: list[Any]) -> Object:
    return {name: [*(existing.get(name) or ()), *more]} if more else {}


def _rule(part: Part) -> Object:
    if part.path:
        return {"verbs": [part.verb], "nonResourceURLs": [part.path]}
    names = {"resourceNames": [part.name]} if part.name else {}
    made = {"verbs": [part.verb], "apiGroups": [part.group], "resources": [part.resource]}
    return made | names
