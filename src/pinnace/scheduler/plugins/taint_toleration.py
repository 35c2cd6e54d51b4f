"""Keeps pods from taints that they do not tolerate, and prefers nodes with fewer soft ones."""

from collections.abc import Iterable

import numpy as np

from pinnace.scheduler.columns import Mask, Numbers
from pinnace.scheduler.plugins.base import MAX_SCORE, Ruled, State
from pinnace.scheduler.podinfo import PodInfo


class TaintToleration:
    """Checks spec.taints against spec.tolerations."""

    name = "TaintToleration"

    def filter(self, pod: PodInfo, state: State) -> Iterable[Ruled]:
        key = (self.name, repr(pod.tolerations))
        mask = state.fresh().get(key)
        if mask is None:
            mask = state.columns.rows_like()
            for (name, value, effect), rows in state.columns.taints.items():
                hard = effect in ("NoSchedule", "NoExecute")
                if hard and not pod.tolerates(name, value, effect):
                    mask |= rows
            mask = state.keep(key, mask)
        yield Ruled("node(s) had untolerated taint(s)", mask, True)

    def score(self, pod: PodInfo, state: State, feasible: Mask) -> Numbers:
        counts = np.zeros(len(feasible), np.int64)
        for (name, value, effect), rows in state.columns.taints.items():
            if effect == "PreferNoSchedule" and not pod.tolerates(name, value, effect):
                counts += rows
        most = int(counts[feasible].max(initial=0))
        if most == 0:
            return np.full(len(feasible), MAX_SCORE, np.int64)
        return MAX_SCORE - MAX_SCORE * counts // most
