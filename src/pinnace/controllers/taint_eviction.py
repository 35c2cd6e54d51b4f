"""Evicts Pods from nodes with NoExecute taints that they do not tolerate, or not for ever."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from pinnace.api.errors import NotFound
from pinnace.api.kinds.core import NODES, PODS
from pinnace.api.objects import Key, Object, format_time, key_of
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import conditions, pods
from pinnace.controllers.shared.taints import no_execute, toleration_time


@dataclass(slots=True)
class State:
    """Since when which Pods (by uid) are on a tainted node, on our clock."""

    since: dict[Key, tuple[str, float]] = field(default_factory=dict)


def to_pods(node: Object, ctx: Context) -> Iterable[Key]:
    """Route a node to its Pods, if it evicts or something waits for eviction."""
    name = node["metadata"]["name"]
    informer = ctx.informers.informer(PODS)
    informer.add_index(pods.BY_NODE, pods.by_node)
    if no_execute(node) or ctx.state.since:
        return [key_of(pod) for pod in informer.by_index(pods.BY_NODE, name)]
    return ()


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Delete the Pod if its time is up, or return when it will be."""
    state: State = ctx.state
    pod = ctx.informers.informer(PODS).get(key)
    if pod is None or "deletionTimestamp" in pod["metadata"]:
        state.since.pop(key, None)
        return None
    node = ctx.informers.informer(NODES).get(Key("", pod["spec"].get("nodeName", "")))
    taints = no_execute(node) if node is not None else []
    allowed = toleration_time(taints, pod["spec"].get("tolerations") or ()) if taints else None
    if allowed is None:
        if state.since.pop(key, None) is not None:
            _tell(ctx, pod, f"Cancelling deletion of Pod {key}")
        return None
    uid, now = pod["metadata"]["uid"], ctx.clock.monotonic()
    known, since = state.since.get(key, ("", now))
    if known != uid:
        since = now
    state.since[key] = (uid, since)
    left = allowed - timedelta(seconds=now - since)
    if left > timedelta(0):
        return left
    _tell(ctx, pod, f"Marking for deletion Pod {key}")
    await _evict(ctx, pod)
    state.since.pop(key, None)
    return None


def _tell(ctx: Context, pod: Object, message: str) -> None:
    ctx.events.event(pod, type="Normal", reason="TaintManagerEviction", message=message)


async def _evict(ctx: Context, pod: Object) -> None:
    key = key_of(pod)
    told = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "DeletionByTaintManager",
        "message": "Taint manager: deleting due to NoExecute taint",
        "lastTransitionTime": format_time(ctx.clock.now()),
    }
    known = (pod.get("status") or {}).get("conditions")
    try:
        if not conditions.is_true(known, "DisruptionTarget"):
            patch = {"status": {"conditions": [told]}}
            await ctx.client.patch(
                PODS,
                key.name,
                patch,
                namespace=key.namespace,
                type="strategic",
                subresource="status",
            )
        await ctx.client.delete(PODS, key.name, namespace=key.namespace, uid=pod["metadata"]["uid"])
    except NotFound:
        return


TAINT_EVICTION = Controller(
    name="taint-eviction-controller",
    account="node-controller",
    on=PODS,
    reconcile=reconcile,
    also=((NODES, to_pods),),
    prepare=lambda ctx: State(),
    workers=8,
)
