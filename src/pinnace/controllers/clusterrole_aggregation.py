"""Fills in ClusterRoles that are the sum of others, chosen by labels."""

from collections.abc import Iterable
from datetime import timedelta

from pinnace.api.kinds.rbac import CLUSTERROLES
from pinnace.api.objects import Key, Object, key_of
from pinnace.api.selectors import label_selector_from_object
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import conditions


def aggregated(role: Object, roles: Iterable[Object]) -> list[Object]:
    """Return the rules of all roles that the aggregation rule selects, each once."""
    ordered = sorted(roles, key=lambda other: str(other["metadata"]["name"]))
    rules: list[Object] = []
    for chosen in role["aggregationRule"].get("clusterRoleSelectors") or ():
        selector = label_selector_from_object(chosen)
        for other in ordered:
            if other["metadata"]["name"] == role["metadata"]["name"]:
                continue
            if selector.matches(other["metadata"].get("labels")):
                rules += [rule for rule in other.get("rules") or () if rule not in rules]
    return rules


def to_sums(role: Object, ctx: Context) -> Iterable[Key]:
    """Route any role to all that are sums of others."""
    roles = ctx.informers.informer(CLUSTERROLES).list()
    return [key_of(other) for other in roles if other.get("aggregationRule")]


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Write the rules of a sum if they are not as they should be."""
    informer = ctx.informers.informer(CLUSTERROLES)
    role = informer.get(key)
    if role is None or not role.get("aggregationRule"):
        return None
    rules = aggregated(role, informer.list())
    if conditions.pruned(rules) == conditions.pruned(role.get("rules") or []):
        return None
    applied = {
        "kind": "ClusterRole",
        "apiVersion": CLUSTERROLES.group_version,
        "metadata": {"name": key.name},
        "rules": rules,
    }
    await ctx.client.patch(
        CLUSTERROLES,
        key.name,
        applied,
        type="apply",
        field_manager="clusterrole-aggregation-controller",
        force=True,
    )
    return None


CLUSTERROLE_AGGREGATION = Controller(
    name="clusterrole-aggregation-controller",
    reconcile=reconcile,
    also=((CLUSTERROLES, to_sums),),
)
