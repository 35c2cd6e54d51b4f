"""Spreads pods over topology domains (KEP-895, KEP-3022, KEP-3094)."""

from collections.abc import Iterable

import numpy as np

from pinnace.scheduler.columns import Mask, Numbers
from pinnace.scheduler.plugins.base import MAX_SCORE, Ruled, State
from pinnace.scheduler.podinfo import PodInfo, Spread, Term

_REASON = "node(s) didn't match pod topology spread constraints"
_HOSTNAME = "kubernetes.io/hostname"


class PodTopologySpread:
    """Compares each domain's count of matching pods with the least of all domains."""

    name = "PodTopologySpread"

    def filter(self, pod: PodInfo, state: State) -> Iterable[Ruled]:
        hard = [spread for spread in pod.spreads if spread.hard]
        if not hard:
            return
        missing = state.columns.rows_like()
        for spread in hard:
            missing |= state.columns.domains(spread.topology_key) < 0
        yield Ruled(f"{_REASON} (missing required label)", missing, True)
        failing = state.columns.rows_like()
        for spread in hard:
            failing |= self._skewed(pod, spread, state, ~missing)
        yield Ruled(_REASON, failing & ~missing)

    def _skewed(self, pod: PodInfo, spread: Spread, state: State, labelled: Mask) -> Mask:
        columns = state.columns
        codes = columns.domains(spread.topology_key)
        eligible = labelled & columns.valid & _counted(pod, spread, state)
        counts = state.terms.by_domain(_matching(pod, spread, state, eligible), codes)
        domains = np.unique(codes[eligible])
        least = 0
        if len(domains) and len(domains) >= spread.min_domains:
            least = int(counts[eligible].min())
        own = 1 if spread.selector.matches(pod.labels) else 0
        failing: Mask = counts + own - least > spread.max_skew
        return failing

    def score(self, pod: PodInfo, state: State, feasible: Mask) -> Numbers:
        soft = [spread for spread in pod.spreads if not spread.hard]
        zeros = np.zeros(len(feasible), np.int64)
        if not soft or not feasible.any():
            return zeros
        columns = state.columns
        cost = np.zeros(len(feasible), np.float64)
        labelled = feasible.copy()
        for spread in soft:
            codes = columns.domains(spread.topology_key)
            labelled &= codes >= 0
            everywhere = columns.valid & _counted(pod, spread, state)
            counts = state.terms.by_domain(_matching(pod, spread, state, everywhere), codes)
            if spread.topology_key == _HOSTNAME:
                domains = int(feasible.sum())
            else:
                domains = len(np.unique(codes[feasible & (codes >= 0)]))
            # The more domains there are, the more each pod of difference weighs.
            cost += counts * np.log(domains + 2) + (spread.max_skew - 1)
        if not labelled.any():
            return zeros
        least, most = cost[labelled].min(), cost[labelled].max()
        if most == 0:
            return np.where(labelled, MAX_SCORE, 0)
        scores = MAX_SCORE * (most + least - cost) / most
        return np.where(labelled, np.clip(scores, 0, MAX_SCORE), 0).astype(np.int64)


def _matching(pod: PodInfo, spread: Spread, state: State, eligible: Mask) -> Numbers:
    term = Term(spread.topology_key, spread.selector, frozenset((pod.namespace,)))
    return np.where(eligible, state.terms.matching(term), 0)


def _counted(pod: PodInfo, spread: Spread, state: State) -> Mask:
    """Return the nodes whose pods count, as the constraint's inclusion policies say."""
    columns = state.columns
    rows = ~columns.rows_like()
    if spread.honor_affinity:
        for name, value in pod.node_selector.items():
            rows &= columns.rows_with(name, (value,))
    if spread.honor_taints:
        for (name, value, effect), tainted in columns.taints.items():
            if effect != "PreferNoSchedule" and not pod.tolerates(name, value, effect):
                rows &= ~tainted
    return rows
