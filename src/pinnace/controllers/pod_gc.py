"""Deletes Pods that nobody else will: too many ended ones, and those whose node is gone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pinnace.api.errors import ApiError, NotFound
from pinnace.api.kinds.core import NODES, PODS
from pinnace.api.objects import Key, Object, format_time
from pinnace.api.pods import is_terminal, phase_of
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import conditions, pods
from pinnace.controllers.shared.taints import OUT_OF_SERVICE

_PERIOD = 20.0
# A node that is missing from the cache gets this long to turn up.
_QUARANTINE = 40.0


@dataclass(slots=True)
class State:
    """Since when which nodes are missed, on our clock."""

    missing: dict[str, float] = field(default_factory=dict)


def superfluous(found: Iterable[Object], threshold: int) -> list[Object]:
    """Return the ended Pods beyond the threshold, evicted ones first, then the oldest."""
    ended = [pod for pod in found if phase_of(pod) not in ("Pending", "Running", "Unknown", "")]
    excess = len(ended) - threshold
    if threshold <= 0 or excess <= 0:
        return []
    ended.sort(
        key=lambda pod: (
            (pod.get("status") or {}).get("reason") != "Evicted",
            pod["metadata"]["creationTimestamp"],
            pod["metadata"]["name"],
        )
    )
    return ended[:excess]


def unscheduled_terminating(found: Iterable[Object]) -> list[Object]:
    """Return the Pods that are being deleted and were never on a node."""
    return [
        pod
        for pod in found
        if "deletionTimestamp" in pod["metadata"] and not pod["spec"].get("nodeName")
    ]


def out_of_service(found: Iterable[Object], nodes: dict[str, Object]) -> list[Object]:
    """Return the terminating Pods on nodes that are not ready and said to be out of service."""
    lost = {
        name
        for name, node in nodes.items()
        if any(
            taint["key"] == OUT_OF_SERVICE for taint in (node.get("spec") or {}).get("taints") or ()
        )
        and not conditions.is_true((node.get("status") or {}).get("conditions"), "Ready")
    }
    return [
        pod for pod in found if pods.is_terminating(pod) and pod["spec"].get("nodeName") in lost
    ]


async def run(ctx: Context) -> None:
    """Collect, period after period."""
    while True:
        await once(ctx)
        await ctx.clock.sleep(_PERIOD)


async def once(ctx: Context) -> None:
    """Collect once."""
    found = list(ctx.informers.informer(PODS).list())
    nodes = {node["metadata"]["name"]: node for node in ctx.informers.informer(NODES).list()}
    await _delete_all(ctx, superfluous(found, ctx.config.terminated_pod_threshold))
    await _delete_all(ctx, out_of_service(found, nodes))
    gone = await _gone_nodes(ctx, found, nodes)
    orphans = [pod for pod in found if pod["spec"].get("nodeName") in gone]
    await _delete_all(ctx, orphans, why="PodGC: node no longer exists")
    await _delete_all(ctx, unscheduled_terminating(found))


async def _gone_nodes(ctx: Context, found: Sequence[Object], nodes: dict[str, Object]) -> set[str]:
    """Return the nodes that Pods are bound to and that do not exist, after the quarantine."""
    state: State = ctx.state
    named = {pod["spec"]["nodeName"] for pod in found if pod["spec"].get("nodeName")}
    now = ctx.clock.monotonic()
    state.missing = {name: state.missing.get(name, now) for name in named - nodes.keys()}
    gone = set()
    for name, since in state.missing.items():
        if now - since < _QUARANTINE:
            continue
        try:
            await ctx.client.get(NODES, name)
        except NotFound:
            gone.add(name)
    return gone


async def _delete_all(ctx: Context, doomed: Iterable[Object], why: str = "") -> None:
    """Force the deletion of Pods; one that fails is for the next period."""
    for pod in doomed:
        meta = pod["metadata"]
        try:
            if not is_terminal(pod):
                await _mark_failed(ctx, pod, why)
            await ctx.client.delete(
                PODS, meta["name"], namespace=meta["namespace"], uid=meta["uid"], grace_period=0
            )
        except ApiError:
            continue


async def _mark_failed(ctx: Context, pod: Object, why: str) -> None:
    """End the Pod for whoever counts it, before it is gone."""
    status: Object = {"phase": "Failed"}
    if why:
        status["conditions"] = [
            {
                "type": "DisruptionTarget",
                "status": "True",
                "reason": "DeletionByPodGC",
                "message": why,
                "lastTransitionTime": format_time(ctx.clock.now()),
            }
        ]
    meta = pod["metadata"]
    await ctx.client.patch(
        PODS,
        meta["name"],
        {"status": status},
        namespace=meta["namespace"],
        type="strategic",
        subresource="status",
    )


def nowhere(obj: Object, ctx: Context) -> Iterable[Key]:
    """Route nothing: all is looked at once a period."""
    return ()


POD_GC = Controller(
    name="pod-garbage-collector-controller",
    account="pod-garbage-collector",
    also=((PODS, nowhere), (NODES, nowhere)),
    prepare=lambda ctx: State(),
    run=run,
)
