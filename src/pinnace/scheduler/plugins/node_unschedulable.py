"""Keeps pods away from nodes that are cordoned, unless they tolerate just that."""

from collections.abc import Iterable

from pinnace.scheduler.columns import Mask
from pinnace.scheduler.plugins.base import State
from pinnace.scheduler.podinfo import PodInfo, tolerates


class NodeUnschedulable:
    """Checks spec.unschedulable."""

    name = "NodeUnschedulable"

    def filter(self, pod: PodInfo, state: State) -> Iterable[tuple[str, Mask]]:
        if not tolerates(pod.tolerations, "node.kubernetes.io/unschedulable", "", "NoSchedule"):
            yield "node(s) were unschedulable", state.columns.unschedulable
