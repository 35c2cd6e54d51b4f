"""DaemonSets: a Pod on every node that takes one.

`shared.daemons` decides; here it is carried out.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from pinnace.api.errors import ApiError
from pinnace.api.kinds.apps import CONTROLLERREVISIONS, DAEMONSETS
from pinnace.api.kinds.core import NODES, PODS
from pinnace.api.objects import Key, Object, copied, key_of
from pinnace.api.pods import phase_of
from pinnace.api.selectors import LabelSelector, label_selector_from_object
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import conditions, daemons, pods, revisions
from pinnace.controllers.shared.batches import slow_start
from pinnace.controllers.shared.claims import claim, route_to_owner
from pinnace.controllers.shared.daemons import HASH, Plan, View
from pinnace.controllers.shared.pending import Pending
from pinnace.controllers.shared.writes import create_pod, delete_pod
from pinnace.kit.backoff import Backoffs

_BURST = 250


def selector(obj: Object) -> LabelSelector | None:
    """Return which Pods a DaemonSet wants."""
    found = label_selector_from_object(obj["spec"].get("selector"))
    return None if found.empty() else found


def to_all(node: Object, ctx: Context) -> Iterable[Key]:
    """Route a node to every DaemonSet, if what decides about daemons may have changed."""
    seen: State = ctx.state
    meta = node["metadata"]
    facts = (meta.get("labels"), (node.get("spec") or {}).get("taints"), meta["uid"])
    known = ctx.informers.informer(NODES).get(key_of(node))
    if known is None:
        seen.nodes.pop(meta["name"], None)
    elif seen.nodes.get(meta["name"]) == facts:
        return ()
    else:
        seen.nodes[meta["name"]] = facts
    return [key_of(owner) for owner in ctx.informers.informer(DAEMONSETS).list()]


@dataclass(slots=True)
class State:
    """Own writes not in the caches yet, failed daemons' back-offs, and what nodes were like."""

    pods: Pending
    revisions: Pending
    failures: Backoffs[tuple[str, str]]
    waits: dict[tuple[str, str], float] = field(default_factory=dict)
    nodes: dict[str, tuple[object, ...]] = field(default_factory=dict)


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Bring daemons to the nodes, a step of a rollout, and the status."""
    state: State = ctx.state
    found = ctx.informers.informer(DAEMONSETS).get(key)
    if found is None or "deletionTimestamp" in found["metadata"]:
        state.pods.forget(key)
        state.revisions.forget(key)
        return None
    wanted = selector(found)
    if wanted is None:
        message = "This daemon set is selecting all pods. A non-empty selector is required."
        ctx.events.event(found, type="Warning", reason="SelectingAll", message=message)
        return None
    cache = ctx.informers.informer(PODS)
    history_cache = ctx.informers.informer(CONTROLLERREVISIONS)
    if not (state.pods.settled(key, cache) and state.revisions.settled(key, history_cache)):
        return timedelta(seconds=1)
    owner = copied(found)
    members = await claim(
        ctx,
        owner,
        pods.owned(cache, owner, orphans=True),
        owner_row=DAEMONSETS,
        row=PODS,
        matches=lambda pod: wanted.matches(pod["metadata"].get("labels")),
    )
    return await _step(ctx, key, owner, members)


async def _step(ctx: Context, key: Key, owner: Object, members: list[Object]) -> timedelta | None:
    state: State = ctx.state
    history = await revisions.claimed(ctx, owner, DAEMONSETS)
    newest = await revisions.current(
        ctx, key, owner, history, row=DAEMONSETS, label=HASH, pending=state.revisions
    )
    nodes = {node["metadata"]["name"]: node for node in ctx.informers.informer(NODES).list()}
    digest = newest["metadata"]["labels"][HASH]
    view = View(owner, nodes, daemons.by_node(members), digest, ctx.clock.now())
    plan = daemons.place(view)
    again = _delete_ended(ctx, owner, plan)
    strategy = (owner["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate")
    if not plan.create and not plan.delete and strategy == "RollingUpdate":
        plan = daemons.roll(view)
    failure = await _carry_out(ctx, key, owner, plan, digest)
    wanted = daemons.status(view)
    if conditions.pruned(owner.get("status") or {}) != conditions.pruned(wanted):
        await ctx.client.update(DAEMONSETS, {**owner, "status": wanted}, subresource="status")
    live = {pod["metadata"]["labels"].get(HASH) for pod in members}
    used = [e["metadata"]["name"] for e in history if e["metadata"]["labels"].get(HASH) in live]
    limit = owner["spec"].get("revisionHistoryLimit")
    used.append(newest["metadata"]["name"])
    await revisions.truncate(ctx, history, used, 10 if limit is None else limit)
    if failure is not None:
        raise failure
    min_ready = owner["spec"].get("minReadySeconds") or 0
    check = pods.next_availability_check(members, min_ready, view.now) if min_ready else None
    return min((wait for wait in (again, check) if wait is not None), default=None)


def _delete_ended(ctx: Context, owner: Object, plan: Plan) -> timedelta | None:
    """Have ended daemons deleted, failed ones with a back-off by node; return the next try."""
    state: State = ctx.state
    waits = []
    for pod in plan.ended:
        node = daemons.target_node(pod)
        meta, failed = pod["metadata"], phase_of(pod) == "Failed"
        where = f"{meta['namespace']}/{meta['name']} on node {node}"
        if not failed:
            text = f"Found succeeded daemon pod {where}, will try to delete it"
            ctx.events.event(owner, type="Normal", reason="SucceededDaemonPod", message=text)
            plan.delete.append(pod)
            continue
        slot, now = (owner["metadata"]["uid"], node), ctx.clock.monotonic()
        if (due := state.waits.get(slot, 0.0)) > now:
            waits.append(due - now)
            continue
        state.waits[slot] = now + state.failures.next(slot)
        text = f"Found failed daemon pod {where}, will try to kill it"
        ctx.events.event(owner, type="Warning", reason="FailedDaemonPod", message=text)
        plan.delete.append(pod)
    return timedelta(seconds=min(waits)) if waits else None


async def _carry_out(
    ctx: Context, key: Key, owner: Object, plan: Plan, digest: str
) -> ApiError | None:
    state: State = ctx.state
    targets = plan.create[:_BURST]

    async def create(number: int) -> None:
        pod = pods.from_template(owner["spec"]["template"], owner, DAEMONSETS)
        pod = daemons.new_pod(pod, targets[number], digest, daemons.generation(owner))
        made = await create_pod(ctx, owner, pod)
        if made is not None:
            state.pods.created(key, made)

    async def delete(pod: Object) -> None:
        if await delete_pod(ctx, owner, pod):
            state.pods.deleted(key, pod)

    failure = await slow_start(len(targets), create)
    results = await asyncio.gather(*map(delete, plan.delete[:_BURST]), return_exceptions=True)
    for result in results:
        if isinstance(result, ApiError):
            failure = failure or result
        elif isinstance(result, BaseException):
            raise result
    return failure


DAEMONSET = Controller(
    name="daemonset-controller",
    account="daemon-set-controller",
    on=DAEMONSETS,
    reconcile=reconcile,
    also=(
        (PODS, route_to_owner(DAEMONSETS, selector)),
        (CONTROLLERREVISIONS, route_to_owner(DAEMONSETS, selector)),
        (NODES, to_all),
    ),
    prepare=lambda ctx: State(
        Pending(ctx.clock), Pending(ctx.clock), Backoffs(initial=1.0, maximum=900.0)
    ),
)
