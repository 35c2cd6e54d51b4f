"""Keeps pods away from nodes that lack what they ask for, and prefers the least used nodes."""

from collections.abc import Iterable

import numpy as np

from pinnace.api.amounts import CPU, MEMORY, PODS
from pinnace.scheduler.columns import Mask, Numbers
from pinnace.scheduler.plugins.base import MAX_SCORE, Ruled, State
from pinnace.scheduler.podinfo import PodInfo


class NodeResourcesFit:
    """Compares requests with what is allocatable and not yet requested (LeastAllocated)."""

    name = "NodeResourcesFit"

    def filter(self, pod: PodInfo, state: State) -> Iterable[Ruled]:
        columns = state.columns
        at = columns.resources[PODS]
        yield Ruled("Too many pods", columns.requested[:, at] + 1 > columns.allocatable[:, at])
        for name, wanted in pod.requests.items():
            if wanted == 0:
                continue
            at = columns.resources.get(name, -1)
            if at < 0:
                yield Ruled(f"Insufficient {name}", ~columns.rows_like(), True)
            else:
                free = columns.allocatable[:, at] - columns.requested[:, at]
                lacking = columns.allocatable[:, at] < wanted
                yield Ruled(f"Insufficient {name}", free < wanted, lacking)

    def score(self, pod: PodInfo, state: State, feasible: Mask) -> Numbers:
        columns = state.columns
        total = np.zeros(len(feasible), np.int64)
        for at, name in enumerate((CPU, MEMORY)):
            capacity = columns.allocatable[:, columns.resources[name]]
            used = columns.nonzero[:, at] + pod.nonzero[at]
            free = np.maximum(capacity - used, 0)
            total += free * MAX_SCORE // np.maximum(capacity, 1)
        return total // 2
