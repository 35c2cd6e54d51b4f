"""Tells which nodes are alive, and taints those that are not.

A node lives as long as its Lease, or the heartbeat in its Ready condition, changes; this is
watched on our own clock, whatever the node's says. Its conditions become taints: NoSchedule at
once, and NoExecute for one that is not ready or not reachable, so that its Pods are evicted. If no
node at all is ready the fault is probably ours, and nothing is evicted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pinnace.api.errors import Conflict, NotFound
from pinnace.api.kinds.coordination import LEASES
from pinnace.api.kinds.core import NODES, PODS
from pinnace.api.objects import Key, Object, copied, format_time, key_of
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import conditions, pods
from pinnace.controllers.shared.taints import NOT_READY, UNREACHABLE

_LEASE_NAMESPACE = "kube-node-lease"
_WATCHED = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
_CONDITION_TAINTS = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): "node.kubernetes.io/memory-pressure",
    ("DiskPressure", "True"): "node.kubernetes.io/disk-pressure",
    ("NetworkUnavailable", "True"): "node.kubernetes.io/network-unavailable",
    ("PIDPressure", "True"): "node.kubernetes.io/pid-pressure",
}
_UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
_NO_SCHEDULE = (*_CONDITION_TAINTS.values(), _UNSCHEDULABLE)


@dataclass(slots=True)
class Health:
    """A node's last sign of life: what it was, and when it was seen on our clock."""

    sign: tuple[str, str]
    seen: float
    ready: str


@dataclass(slots=True)
class State:
    """The health of every node."""

    health: dict[str, Health] = field(default_factory=dict)


def ready_status(node: Object) -> str:
    """Return the status of the Ready condition; Unknown if there is none."""
    found = conditions.find((node.get("status") or {}).get("conditions"), "Ready")
    return str(found["status"]) if found is not None else "Unknown"


def sign_of_life(node: Object, lease: Object | None) -> tuple[str, str]:
    """Return what changes as long as the node lives."""
    ready = conditions.find((node.get("status") or {}).get("conditions"), "Ready") or {}
    renewed = ((lease or {}).get("spec") or {}).get("renewTime") or ""
    return str(ready.get("lastHeartbeatTime") or ""), str(renewed)


def unknown_conditions(node: Object, now: datetime) -> list[Object]:
    """Return the conditions of a node that shows no sign of life."""
    known = (node.get("status") or {}).get("conditions") or []
    result = [dict(entry) for entry in known]
    for kind in _WATCHED:
        entry = conditions.find(result, kind)
        if entry is None:
            result.append(
                {
                    "type": kind,
                    "status": "Unknown",
                    "reason": "NodeStatusNeverUpdated",
                    "message": "Kubelet never posted node status.",
                    "lastHeartbeatTime": node["metadata"]["creationTimestamp"],
                    "lastTransitionTime": format_time(now),
                }
            )
        elif entry["status"] != "Unknown":
            entry.update(
                status="Unknown",
                reason="NodeStatusUnknown",
                message="Kubelet stopped posting node status.",
                lastTransitionTime=format_time(now),
            )
    return result


def wanted_taints(node: Object, *, evict: bool, now: datetime) -> list[Object]:
    """Return the node's taints with those that follow from its conditions put right."""
    known = (node.get("status") or {}).get("conditions") or ()
    wanted = [
        {"key": key, "effect": "NoSchedule"}
        for entry in known
        if (key := _CONDITION_TAINTS.get((entry["type"], entry["status"])))
    ]
    if (node.get("spec") or {}).get("unschedulable"):
        wanted.append({"key": _UNSCHEDULABLE, "effect": "NoSchedule"})
    ready = conditions.find(known, "Ready")
    key = _CONDITION_TAINTS.get(("Ready", ready["status"])) if ready is not None else None
    if key and evict:
        wanted.append({"key": key, "effect": "NoExecute"})
    old = {(t["key"], t["effect"]): t for t in (node.get("spec") or {}).get("taints") or ()}
    ours = {(name, "NoSchedule") for name in _NO_SCHEDULE}
    ours |= {(NOT_READY, "NoExecute"), (UNREACHABLE, "NoExecute")}
    result = [taint for name, taint in old.items() if name not in ours]
    for taint in wanted:
        kept = old.get((taint["key"], taint["effect"]))
        result.append(kept or {**taint, "timeAdded": format_time(now)})
    return result


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Put the taints right that follow from a node's conditions."""
    nodes = ctx.informers.informer(NODES)
    node = nodes.get(key)
    if node is None:
        if ctx.state.health.pop(key.name, None) is not None:
            _tell(ctx, key.name, "RemovingNode", f"Removing Node {key.name} from Controller")
        return None
    evict = any(ready_status(other) == "True" for other in nodes.list())
    wanted = wanted_taints(node, evict=evict, now=ctx.clock.now())
    old = (node.get("spec") or {}).get("taints") or []
    if sorted(map(_identity, wanted)) == sorted(map(_identity, old)):
        return None
    meta = {"resourceVersion": node["metadata"]["resourceVersion"]}
    patch = {"metadata": meta, "spec": {"taints": wanted or None}}
    await ctx.client.patch(NODES, key.name, patch, type="merge")
    return None


def _identity(taint: Object) -> tuple[str, str]:
    return taint["key"], taint["effect"]


async def monitor(ctx: Context) -> None:
    """Look at all nodes, period after period."""
    while True:
        for node in ctx.informers.informer(NODES).list():
            try:
                await check(node, ctx)
            except (Conflict, NotFound):
                continue  # it has just shown a sign of life, or is gone: next period
        await ctx.clock.sleep(ctx.config.node_monitor_period)


async def check(node: Object, ctx: Context) -> None:
    """Mark one node unknown if it has been silent for too long."""
    state: State = ctx.state
    name, now = node["metadata"]["name"], ctx.clock.monotonic()
    lease = ctx.informers.informer(LEASES).get(Key(_LEASE_NAMESPACE, name))
    sign, ready = sign_of_life(node, lease), ready_status(node)
    health = state.health.get(name)
    if health is None:
        _tell(ctx, name, "RegisteredNode", f"Registered Node {name} in Controller")
        health = state.health[name] = Health(sign, now, ready)
    elif health.sign != sign:
        health.sign, health.seen = sign, now
    known = (node.get("status") or {}).get("conditions")
    config = ctx.config
    never = conditions.find(known, "Ready") is None
    grace = config.node_startup_grace_period if never else config.node_monitor_grace_period
    if now - health.seen > grace:
        wanted = unknown_conditions(node, ctx.clock.now())
        if wanted != (known or []):
            changed = copied(node)
            changed.setdefault("status", {})["conditions"] = wanted
            await ctx.client.update(NODES, changed, subresource="status")
            ready = "Unknown"
    if health.ready == "True" and ready != "True":
        await _mark_pods(ctx, name)
        message = f"Node {name} status is now: NodeNotReady"
        ctx.events.event(node, type="Normal", reason="NodeNotReady", message=message)
    if (health.ready == "True") != (ready == "True"):
        # Whether any node is ready decides about the taints of all.
        for other in ctx.informers.informer(NODES).list():
            ctx.enqueue(key_of(other))
    health.ready = ready


def _tell(ctx: Context, name: str, reason: str, text: str) -> None:
    about = {"kind": "Node", "apiVersion": "v1", "name": name, "uid": name}
    message = f"Node {name} event: {text}"
    ctx.events.event(about, type="Normal", reason=reason, message=message)


async def _mark_pods(ctx: Context, node: str) -> None:
    """Set the Pods of a node to not ready, for nobody else can."""
    informer = ctx.informers.informer(PODS)
    informer.add_index(pods.BY_NODE, pods.by_node)
    for pod in list(informer.by_index(pods.BY_NODE, node)):
        if not pods.is_ready(pod):
            continue
        changed = copied(pod)
        ready = conditions.find(changed["status"]["conditions"], "Ready")
        assert ready is not None
        ready.update(status="False", lastTransitionTime=format_time(ctx.clock.now()))
        try:
            await ctx.client.update(PODS, changed, subresource="status")
        except (Conflict, NotFound):
            continue
        ctx.events.event(pod, type="Warning", reason="NodeNotReady", message="Node is not ready")


def from_pod(pod: Object, ctx: Context) -> Iterable[Key]:
    """Route nothing: Pods are only looked up when their node is lost."""
    return ()


def from_lease(lease: Object, ctx: Context) -> Iterable[Key]:
    """Route nothing: leases are read once a period."""
    return ()


NODE_LIFECYCLE = Controller(
    name="node-lifecycle-controller",
    account="node-controller",
    on=NODES,
    reconcile=reconcile,
    also=((PODS, from_pod), (LEASES, from_lease)),
    prepare=lambda ctx: State(),
    run=monitor,
    component="node-controller",
)
