"""Refuses pods with resource claims: devices are not allocated (yet), and none is pretended."""

from collections.abc import Iterable

from pinnace.scheduler.plugins.base import Ruled, State
from pinnace.scheduler.podinfo import PodInfo


class DynamicResources:
    """Answers as upstream's does where no node has a device that fits."""

    name = "DynamicResources"

    def filter(self, pod: PodInfo, state: State) -> Iterable[Ruled]:
        if pod.pod["spec"].get("resourceClaims"):
            yield Ruled("cannot allocate all claims", ~state.columns.rows_like(), True)
