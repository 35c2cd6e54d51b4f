"""Places pods near those that they want near, and away from those that they do not."""

from collections.abc import Iterable

import numpy as np

from pinnace.scheduler.columns import Mask, Numbers
from pinnace.scheduler.plugins.base import MAX_SCORE, Ruled, State
from pinnace.scheduler.podinfo import PodInfo


class InterPodAffinity:
    """Counts matching pods per topology domain; the anti-affinity of others counts too."""

    name = "InterPodAffinity"

    def filter(self, pod: PodInfo, state: State) -> Iterable[Ruled]:
        # A node counts under the first of the three that it fails.
        failed = state.columns.rows_like()
        if pod.affinity:
            failed = self._lacks_affinity(pod, state)
            yield Ruled("node(s) didn't match pod affinity rules", failed, True)
        if pod.anti_affinity:
            repelled = self._repelled(pod, state) & ~failed
            failed = failed | repelled
            yield Ruled("node(s) didn't match pod anti-affinity rules", repelled)
        if state.terms.required_anti:
            unwanted = self._unwanted(pod, state) & ~failed
            yield Ruled("node(s) didn't satisfy existing pods anti-affinity rules", unwanted)

    def _lacks_affinity(self, pod: PodInfo, state: State) -> Mask:
        terms, columns = state.terms, state.columns
        failing = columns.rows_like()
        nobody = True
        for term in pod.affinity:
            codes = columns.domains(term.topology_key)
            counts = terms.by_domain(terms.matching(term), codes)
            nobody = nobody and not counts.any()
            failing |= counts == 0
        if nobody and all(terms.term_matches(term, pod) for term in pod.affinity):
            # The first of a group that wants to be together may go anywhere that has the topology.
            failing = columns.rows_like()
            for term in pod.affinity:
                failing |= columns.domains(term.topology_key) < 0
        return failing

    def _repelled(self, pod: PodInfo, state: State) -> Mask:
        failing = state.columns.rows_like()
        for term in pod.anti_affinity:
            codes = state.columns.domains(term.topology_key)
            failing |= state.terms.by_domain(state.terms.matching(term), codes) > 0
        return failing

    def _unwanted(self, pod: PodInfo, state: State) -> Mask:
        failing = state.columns.rows_like()
        for owned in state.terms.required_anti.values():
            if state.terms.term_matches(owned.term, pod):
                codes = state.columns.domains(owned.term.topology_key)
                failing |= state.terms.by_domain(owned.per_node, codes) > 0
        return failing

    def score(self, pod: PodInfo, state: State, feasible: Mask) -> Numbers:
        total = np.zeros(len(feasible), np.int64)
        for term in pod.preferred:
            codes = state.columns.domains(term.topology_key)
            total += term.weight * state.terms.by_domain(state.terms.matching(term), codes)
        for owned in state.terms.weighted.values():
            if state.terms.term_matches(owned.term, pod):
                codes = state.columns.domains(owned.term.topology_key)
                total += owned.weight * state.terms.by_domain(owned.per_node, codes)
        if not total.any() or not feasible.any():
            return total
        least, most = int(total[feasible].min()), int(total[feasible].max())
        if most == least:
            return np.zeros(len(feasible), np.int64)
        return np.clip((total - least) * MAX_SCORE // (most - least), 0, MAX_SCORE)
