"""Keeps pods away from nodes that are cordoned, unless they tolerate just that."""

from collections.abc import Iterable

from pinnace.scheduler.plugins.base import Ruled, State
from pinnace.scheduler.podinfo import PodInfo


class NodeUnschedulable:
    """Checks spec.unschedulable."""

    name = "NodeUnschedulable"

    def filter(self, pod: PodInfo, state: State) -> Iterable[Ruled]:
        if not pod.tolerates("node.kubernetes.io/unschedulable", "", "NoSchedule"):
            yield Ruled("node(s) were unschedulable", state.columns.unschedulable, True)
