"""Says how many Pods of each PodDisruptionBudget may be disrupted now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pinnace.api.errors import ApiError, Conflict, NotFound
from pinnace.api.gotext import selector_text
from pinnace.api.kinds.apps import DEPLOYMENTS, REPLICASETS, STATEFULSETS
from pinnace.api.kinds.core import PODS, REPLICATIONCONTROLLERS
from pinnace.api.kinds.policy import PODDISRUPTIONBUDGETS
from pinnace.api.objects import Key, Object, controller_of, copied, format_time, key_of, parse_time
from pinnace.api.pods import is_terminal
from pinnace.api.resources import Resource
from pinnace.api.selectors import label_selector_from_object
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import conditions, pods
from pinnace.controllers.shared.discovery import served
from pinnace.controllers.shared.intstr import scaled

_DELETION_TIMEOUT = timedelta(minutes=2)
# After this long a Pod that was to be disrupted and lives is not any more.
_STALE = timedelta(minutes=2)
# Prefix of keys that are Pods; no object's name has a colon.
_POD = "pod:"
_SCALED = (DEPLOYMENTS, REPLICASETS, STATEFULSETS, REPLICATIONCONTROLLERS)


def selects(budget: Object, pod: Object) -> bool:
    """Whether a budget is about a Pod; one without a selector is about none."""
    selector = budget["spec"].get("selector")
    if selector is None:
        return False
    return label_selector_from_object(selector).matches(pod["metadata"].get("labels"))


def to_budgets(pod: Object, ctx: Context) -> Iterable[Key]:
    """Route a Pod to the budgets that are about it, and to itself if it was to be disrupted."""
    namespace = pod["metadata"]["namespace"]
    budgets = ctx.informers.informer(PODDISRUPTIONBUDGETS).list(namespace)
    keys = [key_of(budget) for budget in budgets if selects(budget, pod)]
    if stale_at(pod) is not None:
        keys.append(Key(namespace, _POD + pod["metadata"]["name"]))
    return keys


def stale_at(pod: Object) -> datetime | None:
    """Return when it stops being true that the Pod is to be disrupted; None if nobody says so."""
    known = (pod.get("status") or {}).get("conditions")
    told = conditions.find(known, "DisruptionTarget")
    if told is None or told["status"] != "True" or "deletionTimestamp" in pod["metadata"]:
        return None
    if told.get("reason") == "TerminationByKubelet" or is_terminal(pod):
        return None
    return parse_time(told["lastTransitionTime"]) + _STALE


def all_of_namespace(obj: Object, ctx: Context) -> Iterable[Key]:
    """Route something that is scaled to the budgets of its namespace."""
    namespace = obj["metadata"]["namespace"]
    return [key_of(b) for b in ctx.informers.informer(PODDISRUPTIONBUDGETS).list(namespace)]


@dataclass(frozen=True, slots=True)
class Expected:
    """How many Pods there should be, and how many of them healthy."""

    count: int
    healthy: int


def expected(budget: Object, found: int, scale: int) -> Expected:
    """Return what a budget expects with so many Pods found, and wanted by their controllers."""
    spec = budget["spec"]
    most = spec.get("maxUnavailable")
    if most is not None:
        return Expected(scale, max(scale - scaled(most, scale, round_up=True), 0))
    least = spec.get("minAvailable")
    if isinstance(least, str):
        return Expected(scale, scaled(least, scale, round_up=True))
    return Expected(found, least or 0) if least is not None else Expected(0, 0)


def needs_scale(budget: Object) -> bool:
    """Whether the budget speaks of a part of what the controllers want."""
    spec = budget["spec"]
    return spec.get("maxUnavailable") is not None or isinstance(spec.get("minAvailable"), str)


def disrupted(budget: Object, found: Sequence[Object], now: datetime) -> dict[str, str]:
    """Return the Pods that were promised to go, are still there, and have time left to."""
    promised = (budget.get("status") or {}).get("disruptedPods") or {}
    return {
        pod["metadata"]["name"]: promised[pod["metadata"]["name"]]
        for pod in found
        if pod["metadata"]["name"] in promised
        and "deletionTimestamp" not in pod["metadata"]
        and parse_time(promised[pod["metadata"]["name"]]) + _DELETION_TIMEOUT >= now
    }


def status(budget: Object, found: Sequence[Object], wanted: Expected, now: datetime) -> Object:
    """Return the budget's status."""
    promised = disrupted(budget, found, now)
    healthy = sum(
        pods.is_ready(pod)
        and "deletionTimestamp" not in pod["metadata"]
        and pod["metadata"]["name"] not in promised
        for pod in found
    )
    allowed = max(healthy - wanted.healthy, 0) if wanted.count > 0 else 0
    generation = budget["metadata"].get("generation")
    told: Object = {
        "type": "DisruptionAllowed",
        "status": "True" if allowed else "False",
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
        "observedGeneration": generation,
    }
    old = (budget.get("status") or {}).get("conditions")
    result: Object = {
        "currentHealthy": healthy,
        "desiredHealthy": wanted.healthy,
        "expectedPods": wanted.count,
        "disruptionsAllowed": allowed,
        "observedGeneration": generation,
        "conditions": _with(old, told, now),
    }
    return {**result, **({"disruptedPods": promised} if promised else {})}


def _with(known: Sequence[Object] | None, told: Object, now: datetime) -> list[Object]:
    old = conditions.find(known, told["type"])
    same = old is not None and old["status"] == told["status"]
    stamp = old["lastTransitionTime"] if old is not None and same else format_time(now)
    new = {**told, "lastTransitionTime": stamp}
    return [*conditions.without(known, told["type"]), new]


async def _scale(ctx: Context, found: Sequence[Object]) -> tuple[int, list[str]]:
    """Return what the Pods' controllers want together, and the Pods that have none."""
    wanted: dict[str, int] = {}
    unmanaged: list[str] = []
    for pod in found:
        ref = controller_of(pod)
        if ref is None:
            unmanaged.append(pod["metadata"]["name"])
            continue
        namespace = pod["metadata"]["namespace"]
        uid, size = await _scale_of(ctx, ref, namespace, pod["metadata"]["name"])
        wanted[uid] = size
    return sum(wanted.values()), unmanaged


async def _scale_of(ctx: Context, ref: Object, namespace: str, pod: str) -> tuple[str, int]:
    for row in _SCALED:
        if (row.kind, row.group) != (ref["kind"], ref["apiVersion"].rpartition("/")[0]):
            continue
        owner = ctx.informers.informer(row).get(Key(namespace, ref["name"]))
        if owner is None or owner["metadata"]["uid"] != ref["uid"]:
            break
        above = controller_of(owner) if row is REPLICASETS else None
        if above is not None and above["kind"] == "Deployment":
            return await _scale_of(ctx, above, namespace, pod)
        return ref["uid"], int(owner["spec"].get("replicas") or 0)
    return await _scale_by_subresource(ctx, ref, namespace, pod)


async def _scale_by_subresource(
    ctx: Context, ref: Object, namespace: str, pod: str
) -> tuple[str, int]:
    """Ask the scale of whatever kind it is, as custom resources have it."""
    group, _, version = ref["apiVersion"].rpartition("/")
    rows, _ = await served(ctx.client)
    for row in rows:
        if (row.group, row.version, row.kind) == (group, version, ref["kind"]):
            return ref["uid"], await _ask_scale(ctx, row, ref["name"], namespace, pod)
    raise NotFound(f'found no controllers for pod "{pod}"')


async def _ask_scale(ctx: Context, row: Resource, name: str, namespace: str, pod: str) -> int:
    try:
        scale = await ctx.client.get(row, f"{name}/scale", namespace=namespace)
    except NotFound as error:
        raise NotFound(f'found no controllers for pod "{pod}"') from error
    return int((scale.get("spec") or {}).get("replicas") or 0)


async def _take_back(key: Key, ctx: Context) -> timedelta | None:
    """Say that a Pod is not to be disrupted any more, when its time has come."""
    name, now = key.name.removeprefix(_POD), ctx.clock.now()
    pod = ctx.informers.informer(PODS).get(Key(key.namespace, name))
    due = stale_at(pod) if pod is not None else None
    if pod is None or due is None:
        return None
    if due > now:
        return due - now
    changed = copied(pod)
    for entry in changed["status"]["conditions"]:
        if entry["type"] == "DisruptionTarget":
            entry |= {"status": "False", "lastTransitionTime": format_time(now)}
            for said in ("reason", "message"):
                entry.pop(said, None)
    await ctx.client.update(PODS, changed, subresource="status")
    return None


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Write the budget's status if it is not as it should be."""
    if key.name.startswith(_POD):
        return await _take_back(key, ctx)
    budget = ctx.informers.informer(PODDISRUPTIONBUDGETS).get(key)
    if budget is None:
        return None
    cached = ctx.informers.informer(PODS).list(key.namespace)
    found = [pod for pod in cached if selects(budget, pod)]
    if not found:
        _tell(ctx, budget, "NoPods", "No matching pods found")
    try:
        scale, unmanaged = await _scale(ctx, found) if needs_scale(budget) else (0, [])
        if unmanaged:
            _tell_unmanaged(ctx, budget)
        wanted = expected(budget, len(found), scale)
        now = ctx.clock.now()
        new = status(budget, found, wanted, now)
        _tell_undeleted(ctx, budget, found, new)
        await _write(ctx, budget, new)
    except Conflict:
        raise
    except ApiError as error:
        await _fail_safe(ctx, budget, error)
        return None
    waiting = [parse_time(at) for at in new.get("disruptedPods", {}).values()]
    if not waiting:
        return None
    # A little later than due: at that very moment the promise still holds.
    return min(waiting) + _DELETION_TIMEOUT - now + timedelta(milliseconds=1)


def _tell_undeleted(ctx: Context, budget: Object, found: Sequence[Object], new: Object) -> None:
    """Tell of Pods whose eviction was granted and that did not go."""
    promised = (budget.get("status") or {}).get("disruptedPods") or {}
    for pod in found:
        meta = pod["metadata"]
        if meta["name"] not in promised or "deletionTimestamp" in meta:
            continue
        if meta["name"] not in new.get("disruptedPods", {}):
            # The namespace twice, as upstream says it.
            where = f"{meta['namespace']}/{meta['namespace']}"
            text = f"Pod was expected by PDB {where} to be deleted but it wasn't"
            ctx.events.event(pod, type="Warning", reason="NotDeleted", message=text)


def _tell(ctx: Context, budget: Object, reason: str, message: str) -> None:
    ctx.events.event(budget, type="Normal", reason=reason, message=message)


def _tell_unmanaged(ctx: Context, budget: Object) -> None:
    selector = selector_text(budget["spec"].get("selector"))
    message = (
        f"Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be "
        "unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may "
        "result in undefined behavior. To account for these pods please set "
        '".spec.minAvailable" field of the PDB to an integer value.'
    )
    ctx.events.event(budget, type="Warning", reason="UnmanagedPods", message=message)


async def _fail_safe(ctx: Context, budget: Object, error: ApiError) -> None:
    """Allow no disruption as long as it cannot be known how many there may be."""
    old = copied(budget.get("status") or {})
    told = {
        "type": "DisruptionAllowed",
        "status": "False",
        "reason": "SyncFailed",
        "message": error.message,
        "observedGeneration": old.get("observedGeneration"),
    }
    new = {**old, "disruptionsAllowed": 0}
    new["conditions"] = _with(old.get("conditions"), told, ctx.clock.now())
    await _write(ctx, budget, new)


async def _write(ctx: Context, budget: Object, new: Object) -> None:
    if conditions.pruned(budget.get("status") or {}) != conditions.pruned(new):
        changed = {**copied(budget), "status": new}
        await ctx.client.update(PODDISRUPTIONBUDGETS, changed, subresource="status")


DISRUPTION = Controller(
    name="disruption-controller",
    on=PODDISRUPTIONBUDGETS,
    reconcile=reconcile,
    also=((PODS, to_budgets), *((row, all_of_namespace) for row in _SCALED)),
    component="controllermanager",
)
