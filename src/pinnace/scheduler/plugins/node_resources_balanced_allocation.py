"""Prefers nodes whose cpu and memory would be used alike."""

import numpy as np

from pinnace.api.amounts import CPU, MEMORY
from pinnace.scheduler.columns import Mask, Numbers
from pinnace.scheduler.plugins.base import MAX_SCORE, State
from pinnace.scheduler.podinfo import PodInfo


class NodeResourcesBalancedAllocation:
    """Scores one minus the deviation of the used shares."""

    name = "NodeResourcesBalancedAllocation"

    def score(self, pod: PodInfo, state: State, feasible: Mask) -> Numbers:
        columns = state.columns
        shares = []
        for name in (CPU, MEMORY):
            at = columns.resources[name]
            capacity = np.maximum(columns.allocatable[:, at], 1)
            used = columns.requested[:, at] + pod.requests.get(name, 0)
            shares.append(np.minimum(used / capacity, 1.0))
        # Of two values the standard deviation is half their difference.
        deviation = np.abs(shares[0] - shares[1]) / 2
        scores: Numbers = ((1 - deviation) * MAX_SCORE).astype(np.int64)
        return scores
