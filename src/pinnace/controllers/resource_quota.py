"""Counts what namespaces use of their quotas.

Admission charges a quota for what is made; here it is counted anew when something goes or comes to
use less, when the quota changes, and from time to time. Only kinds that some quota counts are
watched, from the first time that one does.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from pinnace.api import quotas
from pinnace.api.kinds.core import RESOURCEQUOTAS
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import Key, Object, copied, key_of
from pinnace.api.quantity import Quantity, from_value, parse
from pinnace.api.resources import Resource
from pinnace.client.base import EventType, Informer
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared.discovery import served

# Upstream's --resource-quota-sync-period.
_PERIOD = timedelta(minutes=5)
_COUNT = "count/"
_CORE = (
    "pods", "services", "persistentvolumeclaims", "configmaps", "resourcequotas",
    "replicationcontrollers", "secrets",
)  # fmt: skip


@dataclass(slots=True)
class State:
    """The kinds that are watched because a quota counts them, and the quotas' limits."""

    watched: set[tuple[str, str]] = field(default_factory=set)
    limits: dict[Key, tuple[str, Object]] = field(default_factory=dict)


def counted_kinds(hard: Iterable[str]) -> list[tuple[str, str]]:
    """Return the kinds (group, plural) that limits of these names are about."""
    names = list(hard)
    told = {"status": {"hard": dict.fromkeys(names, "0")}}
    found = [("", plural) for plural in _CORE if quotas.limited_by(told, "", plural)]
    for name in names:
        if name.startswith(_COUNT):
            plural, _, group = name.removeprefix(_COUNT).partition(".")
            found.append((group, plural))
        elif name.endswith(quotas.DEVICE_CLASS):
            found.append(quotas.DEVICE_CLAIMS)
    return list(dict.fromkeys(found))


def used(quota: Object, kind: tuple[str, str], objects: Iterable[Object]) -> dict[str, Quantity]:
    """Return what objects of a kind use of the quota's limits, nothing included."""
    group, plural = kind
    told = {"status": {"hard": quota["spec"].get("hard") or {}}}
    total = {name: from_value(0) for name in quotas.limited_by(told, group, plural)}
    for obj in objects:
        if not quotas.in_scope(quota, group, plural, obj):
            continue
        for name, amount in quotas.usage(group, plural, obj).items():
            if name in total:
                total[name] = total[name].add(amount)
    return total


def status(quota: Object, counted: dict[str, Quantity]) -> Object | None:
    """Return the status with what was counted; None if it says so already."""
    hard = quota["spec"].get("hard") or {}
    old = quota.get("status") or {}
    known = old.get("used") or {}
    amounts = {name: parse(known[name]) for name in hard if name in known} | counted
    told = {name: amounts[name].canonical() for name in hard if name in amounts}
    if "hard" in old and "used" in old and _same(old["hard"], hard) and _same(known, told):
        return None
    return {"hard": dict(hard), "used": told}


def _same(first: Object, second: Object) -> bool:
    return first.keys() == second.keys() and all(
        parse(first[name]) == parse(second[name]) for name in first
    )


def _rows(kinds: Iterable[tuple[str, str]], known: Iterable[Resource]) -> dict[str, Resource]:
    wanted = set(kinds)
    found: dict[str, Resource] = {}
    for row in known:
        if (row.group, row.plural) in wanted and row.namespaced and "list" in row.verbs:
            found.setdefault(f"{row.plural}.{row.group}", row)
    return found


async def _rows_of(ctx: Context, kinds: list[tuple[str, str]]) -> list[Resource]:
    """Return the rows of kinds, custom ones included; kinds that are not served are left out."""
    found = _rows(kinds, RESOURCES)
    if len(found) < len(kinds):
        custom, _ = await served(ctx.client)
        found = _rows(kinds, custom) | found
    return list(found.values())


async def _watched(ctx: Context, row: Resource) -> Informer:
    """Return the informer of a row, whose changes are followed from now on."""
    state: State = ctx.state
    informer = ctx.informers.informer(row)
    await informer.wait_synced()
    kind = (row.group, row.plural)
    if kind not in state.watched:
        state.watched.add(kind)

        def handle(type: EventType, old: Object | None, new: Object | None) -> None:
            if old is not None and _frees(kind, old, new):
                _replenish(ctx, kind, old["metadata"].get("namespace", ""))

        informer.add_handler(handle)
    return informer


def _frees(kind: tuple[str, str], old: Object, new: Object | None) -> bool:
    """Whether a change makes an object use other than before; what is new has been charged."""
    if new is None or quotas.usage(*kind, old) != quotas.usage(*kind, new):
        return True
    is_claim = kind == ("", "persistentvolumeclaims")
    return is_claim and quotas.attributes_classes(old) != quotas.attributes_classes(new)


def _replenish(ctx: Context, kind: tuple[str, str], namespace: str) -> None:
    for quota in ctx.informers.informer(RESOURCEQUOTAS).list(namespace):
        if quotas.limited_by(quota, *kind):
            ctx.enqueue(key_of(quota))


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Count anew, and write what is used if it is not what the quota says."""
    quota = ctx.informers.informer(RESOURCEQUOTAS).get(key)
    if quota is None:
        ctx.state.limits.pop(key, None)
        return None
    counted: dict[str, Quantity] = {}
    for row in await _rows_of(ctx, counted_kinds(quota["spec"].get("hard") or {})):
        objects = (await _watched(ctx, row)).list(key.namespace)
        counted |= used(quota, (row.group, row.plural), objects)
    new = status(quota, counted)
    if new is not None:
        changed = {**copied(quota), "status": new}
        await ctx.client.update(RESOURCEQUOTAS, changed, subresource="status")
    return _PERIOD


def from_quota(quota: Object, ctx: Context) -> Iterable[Key]:
    """Route a quota to itself if its limits are new: a charge must not be counted over.

    What is charged may not be in the caches yet, and would be counted as not there.
    """
    key, state = key_of(quota), ctx.state
    limits = (quota["metadata"]["uid"], quota["spec"].get("hard") or {})
    if ctx.informers.informer(RESOURCEQUOTAS).get(key) is not None:
        if state.limits.get(key) == limits:
            return
        state.limits[key] = limits
    yield key


RESOURCE_QUOTA = Controller(
    name="resourcequota-controller",
    reconcile=reconcile,
    also=((RESOURCEQUOTAS, from_quota),),
    prepare=lambda ctx: State(),
)
