"""The taints of nodes that controllers put or act on, and for how long Pods bear them."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from pinnace.api.objects import Object
from pinnace.api.taints import tolerates

UNREACHABLE = "node.kubernetes.io/unreachable"
NOT_READY = "node.kubernetes.io/not-ready"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


def no_execute(node: Object) -> list[Object]:
    """Return the node's taints that evict."""
    taints = (node.get("spec") or {}).get("taints") or ()
    return [taint for taint in taints if taint["effect"] == "NoExecute"]


def toleration_time(taints: Iterable[Object], tolerations: Sequence[Object]) -> timedelta | None:
    """Return for how long a Pod may stay with these taints; None is for ever, 0 not at all."""
    used: list[Object] = []
    for taint in taints:
        matching = [entry for entry in tolerations if tolerates(entry, taint)]
        if not matching:
            return timedelta(0)
        used += matching
    limits = [
        entry["tolerationSeconds"] for entry in used if entry.get("tolerationSeconds") is not None
    ]
    return timedelta(seconds=max(min(limits), 0)) if limits else None
