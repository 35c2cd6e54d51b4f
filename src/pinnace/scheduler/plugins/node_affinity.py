"""Sends pods to the nodes that their nodeSelector and nodeAffinity choose."""

from collections.abc import Iterable

import numpy as np

from pinnace.scheduler.columns import Mask, Numbers
from pinnace.scheduler.nodeselector import any_term, term_rows
from pinnace.scheduler.plugins.base import MAX_SCORE, Ruled, State
from pinnace.scheduler.podinfo import PodInfo

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


class NodeAffinity:
    """Checks spec.nodeSelector and spec.affinity.nodeAffinity."""

    name = "NodeAffinity"

    def filter(self, pod: PodInfo, state: State) -> Iterable[Ruled]:
        if pod.node_selector or pod.node_affinity.get(_REQUIRED):
            yield Ruled(
                "node(s) didn't match Pod's node affinity/selector", ~chosen(pod, state), True
            )

    def score(self, pod: PodInfo, state: State, feasible: Mask) -> Numbers:
        total = np.zeros(len(feasible), np.int64)
        for entry in pod.node_affinity.get(_PREFERRED) or ():
            total += entry["weight"] * term_rows(entry.get("preference") or {}, state.columns)
        most = int(total[feasible].max(initial=0))
        return MAX_SCORE * total // most if most > 0 else total


def chosen(pod: PodInfo, state: State) -> Mask:
    """Return the rows that a pod's selector and required affinity allow."""
    required = pod.node_affinity.get(_REQUIRED)
    key = ("NodeAffinity", repr(sorted(pod.node_selector.items())), repr(required))
    mask = state.fresh().get(key)
    if mask is not None:
        return mask
    columns = state.columns
    mask = ~columns.rows_like()
    for name, value in pod.node_selector.items():
        mask &= columns.rows_with(name, (value,))
    if required is not None:
        # Terms are alternatives; none at all matches nothing.
        mask &= any_term(required.get("nodeSelectorTerms") or (), columns)
    return state.keep(key, mask)
