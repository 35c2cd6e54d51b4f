"""A number of equal Pods: what ReplicaSets and ReplicationControllers have in common.

The deciding half ranks Pods for deletion and computes the status; `ReplicaManager` carries it
out for either kind.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cmp_to_key

from pinnace.api.errors import ApiError
from pinnace.api.kinds.core import PODS
from pinnace.api.objects import Key, Object, controller_of, copied, format_time, parse_time
from pinnace.api.pods import phase_of
from pinnace.api.resources import Resource
from pinnace.api.selectors import LabelSelector
from pinnace.controllers.base import Context
from pinnace.controllers.shared import conditions, pods
from pinnace.controllers.shared.batches import slow_start
from pinnace.controllers.shared.claims import claim
from pinnace.controllers.shared.pending import Pending
from pinnace.controllers.shared.writes import create_pod, delete_pod

BURST = 500
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def _deletion_cost(pod: Object) -> int:
    text = (pod["metadata"].get("annotations") or {}).get(_DELETION_COST, "0")
    try:
        return int(text)
    except ValueError:
        return 0


def _created(pod: Object) -> datetime:
    return parse_time(pod["metadata"]["creationTimestamp"])


def _restarts(pod: Object) -> tuple[int, int]:
    """Return the highest restart count of the containers, and of the sidecars."""
    status = pod.get("status") or {}
    sidecars = {
        container["name"]
        for container in pod["spec"].get("initContainers") or ()
        if container.get("restartPolicy") == "Always"
    }
    regular = [s.get("restartCount", 0) for s in status.get("containerStatuses") or ()]
    beside = [
        s.get("restartCount", 0)
        for s in status.get("initContainerStatuses") or ()
        if s["name"] in sidecars
    ]
    return max(regular, default=0), max(beside, default=0)


def _compare_ages(
    first: datetime | None, second: datetime | None, now: datetime, uids: tuple[str, str]
) -> int:
    """Order by age on a logarithmic scale, younger first; equals by uid, as if by chance."""
    if first is None or second is None:
        return (first is not None) - (second is not None)
    ranks = []
    for when in (first, second):
        age = (now - when) / timedelta(microseconds=1) * 1000
        ranks.append(int(math.log2(age)) if age > 0 else -1)
    if ranks[0] != ranks[1]:
        return ranks[0] - ranks[1]
    return -1 if uids[0] < uids[1] else 1


def deletion_order(
    candidates: Sequence[Object], related: Iterable[Object], now: datetime
) -> list[Object]:
    """Return the Pods, those first that are missed least when deleted.

    Unassigned before assigned, pending before running, not ready before ready, cheap before
    costly, those that share a node with more related Pods first, then younger ones first.
    """
    on_node = Counter(pod["spec"].get("nodeName", "") for pod in related if pods.is_active(pod))

    def fixed(pod: Object) -> tuple[int, ...]:
        node = pod["spec"].get("nodeName", "")
        return (
            1 if node else 0,
            _PHASES.get(phase_of(pod), 0),
            1 if pods.is_ready(pod) else 0,
            _deletion_cost(pod),
            -on_node[node],
        )

    def compare(first: Object, second: Object) -> int:
        for_first, for_second = fixed(first), fixed(second)
        if for_first != for_second:
            return -1 if for_first < for_second else 1
        uids = first["metadata"]["uid"], second["metadata"]["uid"]
        ready = pods.ready_since(first), pods.ready_since(second)
        if ready[0] != ready[1]:
            return _compare_ages(ready[0], ready[1], now, uids)
        restarts = _restarts(first), _restarts(second)
        if restarts[0] != restarts[1]:
            return -1 if restarts[0] > restarts[1] else 1
        created = _created(first), _created(second)
        if created[0] != created[1]:
            return _compare_ages(created[0], created[1], now, uids)
        return 0

    return sorted(candidates, key=cmp_to_key(compare))


def status(
    owner: Object,
    active: Sequence[Object],
    *,
    terminating: int | None,
    failure: ApiError | None,
    now: datetime,
) -> Object:
    """Return the status for these Pods."""
    spec = owner["spec"]
    template = ((spec["template"].get("metadata") or {}).get("labels") or {}).items()
    min_ready = spec.get("minReadySeconds") or 0
    labelled = ready = available = 0
    for pod in active:
        labelled += template <= (pod["metadata"].get("labels") or {}).items()
        ready += pods.is_ready(pod)
        available += pods.is_available(pod, min_ready, now)
    found: Object = {
        "replicas": len(active),
        "fullyLabeledReplicas": labelled,
        "readyReplicas": ready,
        "availableReplicas": available,
        "terminatingReplicas": terminating,
        "observedGeneration": owner["metadata"].get("generation"),
        "conditions": _failure_conditions(owner, len(active), failure, now),
    }
    if terminating is None:
        del found["terminatingReplicas"]
    always = ("replicas", "terminatingReplicas")
    return {name: value for name, value in found.items() if value or name in always}


def _failure_conditions(
    owner: Object, active: int, failure: ApiError | None, now: datetime
) -> list[Object]:
    known = (owner.get("status") or {}).get("conditions") or []
    if failure is None:
        return conditions.without(known, "ReplicaFailure")
    if conditions.find(known, "ReplicaFailure") is not None:
        return list(known)
    reason = "FailedCreate" if active < owner["spec"]["replicas"] else "FailedDelete"
    told = {
        "type": "ReplicaFailure",
        "status": "True",
        "lastTransitionTime": format_time(now),
        "reason": reason,
        "message": failure.message,
    }
    return conditions.put(known, told)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaManager:
    """Reconciles one kind that wants a number of Pods; the context's state is a `Pending`."""

    row: Resource
    selector: Callable[[Object], LabelSelector]
    counts_terminating: bool

    async def reconcile(self, key: Key, ctx: Context) -> timedelta | None:
        """Bring the number of Pods, then the status, to what the object wants."""
        pending: Pending = ctx.state
        owner = ctx.informers.informer(self.row).get(key)
        if owner is None:
            pending.forget(key)
            return None
        informer = ctx.informers.informer(PODS)
        settled = pending.settled(key, informer)
        selector = self.selector(owner)
        found = pods.owned(informer, owner, orphans=True)
        active = await claim(
            ctx,
            owner,
            [pod for pod in found if pods.is_active(pod)],
            owner_row=self.row,
            row=PODS,
            matches=lambda pod: selector.matches(pod["metadata"].get("labels")),
        )
        failure = None
        if settled and "deletionTimestamp" not in owner["metadata"]:
            failure = await self._manage(ctx, key, owner, active)
        now = ctx.clock.now()
        wanted = status(
            owner,
            active,
            terminating=self._terminating(owner, found, selector),
            failure=failure,
            now=now,
        )
        await self._write_status(ctx, owner, wanted)
        if failure is not None:
            raise failure
        if not settled:
            return timedelta(seconds=5)
        return self._next_check(owner, active, wanted, now)

    def _terminating(
        self, owner: Object, found: Iterable[Object], selector: LabelSelector
    ) -> int | None:
        if not self.counts_terminating:
            return None
        uid = owner["metadata"]["uid"]
        return sum(
            1
            for pod in found
            if pods.is_terminating(pod)
            and (controller_of(pod) or {}).get("uid") == uid
            and selector.matches(pod["metadata"].get("labels"))
        )

    def _next_check(
        self, owner: Object, active: Sequence[Object], wanted: Object, now: datetime
    ) -> timedelta | None:
        min_ready = owner["spec"].get("minReadySeconds") or 0
        if not min_ready or wanted.get("readyReplicas") == wanted.get("availableReplicas"):
            return None
        check = pods.next_availability_check(active, min_ready, now)
        return check if check is not None else timedelta(seconds=min_ready)

    async def _manage(
        self, ctx: Context, key: Key, owner: Object, active: Sequence[Object]
    ) -> ApiError | None:
        missing = owner["spec"]["replicas"] - len(active)
        if missing > 0:
            return await slow_start(min(missing, BURST), lambda _: self._create(ctx, key, owner))
        if missing == 0:
            return None
        ordered = deletion_order(active, self._related(ctx, owner), ctx.clock.now())
        doomed = ordered[: min(-missing, BURST)]
        results = await asyncio.gather(
            *(self._delete(ctx, key, owner, pod) for pod in doomed), return_exceptions=True
        )
        for result in results:
            if isinstance(result, ApiError):
                return result
            if isinstance(result, BaseException):
                raise result
        return None

    async def _create(self, ctx: Context, key: Key, owner: Object) -> None:
        pod = pods.from_template(owner["spec"]["template"], owner, self.row)
        made = await create_pod(ctx, owner, pod)
        if made is not None:
            ctx.state.created(key, made)

    async def _delete(self, ctx: Context, key: Key, owner: Object, pod: Object) -> None:
        if await delete_pod(ctx, owner, pod):
            ctx.state.deleted(key, pod)

    def _related(self, ctx: Context, owner: Object) -> list[Object]:
        """Return the Pods of all that have the same controller as the owner."""
        ref = controller_of(owner)
        if ref is None:
            return pods.owned(ctx.informers.informer(PODS), owner)
        siblings = ctx.informers.informer(self.row)
        siblings.add_index(pods.BY_CONTROLLER, pods.by_controller)
        found: list[Object] = []
        for sibling in siblings.by_index(pods.BY_CONTROLLER, ref["uid"]):
            found += pods.owned(ctx.informers.informer(PODS), sibling)
        return found

    async def _write_status(self, ctx: Context, owner: Object, wanted: Object) -> None:
        if conditions.pruned(owner.get("status") or {}) == conditions.pruned(wanted):
            return
        updated = {**copied(owner), "status": wanted}
        await ctx.client.update(self.row, updated, subresource="status")
