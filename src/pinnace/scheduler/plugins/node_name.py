"""Keeps a pod that names its node away from all the others."""

from collections.abc import Iterable

from pinnace.scheduler.plugins.base import Ruled, State
from pinnace.scheduler.podinfo import PodInfo


class NodeName:
    """Checks spec.nodeName."""

    name = "NodeName"

    def filter(self, pod: PodInfo, state: State) -> Iterable[Ruled]:
        wanted = pod.pod["spec"].get("nodeName")
        if wanted:
            others = ~state.columns.rows_like()
            row = state.columns.index.get(wanted)
            if row is not None:
                others[row] = False
            yield Ruled("node(s) didn't match the requested node name", others, True)
