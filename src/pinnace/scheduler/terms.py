"""How many pods match a selector on each node: counted once, then kept as pods come and go.

Affinity, anti-affinity and topology spread ask this of every node for the same few selectors, again
and again. A counter is made when a selector is first asked for, and forgotten when it was not
asked for in a while.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from pinnace.api.selectors import LabelSelector
from pinnace.scheduler.columns import Codes, Columns, Numbers, Placed
from pinnace.scheduler.podinfo import PodInfo, Term

# Counters kept; each costs a selector match for every pod that comes or goes.
KEPT = 512

Identity = tuple[str, tuple[str, ...], str]


@dataclass(slots=True)
class _Counter:
    selector: LabelSelector
    namespaces: frozenset[str] | None
    per_node: Numbers
    asked: int = 0

    def matches(self, info: PodInfo) -> bool:
        if self.namespaces is not None and info.namespace not in self.namespaces:
            return False
        return self.selector.matches(info.labels)


@dataclass(slots=True)
class _Owned:
    """How many pods on each node carry one term themselves."""

    term: Term
    weight: int
    per_node: Numbers
    pods: int = 0


class Terms:
    """Counters for the pods of some columns.

    `namespaces_matching` names the namespaces that a selector matches now.
    """

    def __init__(
        self, columns: Columns, namespaces_matching: Callable[[LabelSelector], Iterable[str]]
    ) -> None:
        self._columns = columns
        self._namespaces_matching = namespaces_matching
        self._counters: dict[Identity, _Counter] = {}
        self.required_anti: dict[object, _Owned] = {}
        self.weighted: dict[object, _Owned] = {}
        self._asked = 0

    def namespaces_changed(self) -> None:
        """Forget counters that chose namespaces by label: the choice may differ now."""
        self._counters = {
            identity: counter for identity, counter in self._counters.items() if not identity[2]
        }

    def add(self, placed: Placed) -> None:
        """Count a pod that came to a node."""
        self._change(placed, 1)

    def remove(self, placed: Placed) -> None:
        """Count a pod that left its node."""
        self._change(placed, -1)

    def _change(self, placed: Placed, sign: int) -> None:
        info, row = placed.info, placed.row
        for counter in self._counters.values():
            if counter.matches(info):
                counter.per_node = self._fitted(counter.per_node)
                counter.per_node[row] += sign
        for term in info.anti_affinity:
            self._own(self.required_anti, term, row, sign, 0)
        for term in info.preferred:
            self._own(self.weighted, term, row, sign, term.weight)
        for term in info.affinity:
            # Pods that must be near others also draw those others a little (upstream: weight 1).
            self._own(self.weighted, term, row, sign, 1)

    def _own(
        self, owned: dict[object, _Owned], term: Term, row: int, sign: int, weight: int
    ) -> None:
        identity = (term.identity, term.topology_key, weight)
        entry = owned.get(identity)
        if entry is None:
            entry = owned[identity] = _Owned(term, weight, self._zeros())
        entry.per_node = self._fitted(entry.per_node)
        entry.per_node[row] += sign
        entry.pods += sign
        if entry.pods <= 0:
            del owned[identity]

    def _zeros(self) -> Numbers:
        return np.zeros(len(self._columns.valid), np.int64)

    def _fitted(self, per_node: Numbers) -> Numbers:
        missing = len(self._columns.valid) - len(per_node)
        return np.pad(per_node, (0, missing)) if missing > 0 else per_node

    def namespaces_of(self, term: Term) -> frozenset[str] | None:
        """Return the namespaces of a term, None for all."""
        if term.namespace_selector is None:
            return term.namespaces
        if term.namespace_selector.empty():
            return None
        return term.namespaces | frozenset(self._namespaces_matching(term.namespace_selector))

    def term_matches(self, term: Term, info: PodInfo) -> bool:
        """Say whether a pod is one that the term speaks of."""
        namespaces = self.namespaces_of(term)
        if namespaces is not None and info.namespace not in namespaces:
            return False
        return term.selector.matches(info.labels)

    def matching(self, term: Term) -> Numbers:
        """Return how many pods match the term, per node."""
        self._asked += 1
        counter = self._counters.get(term.identity)
        if counter is None:
            counter = _Counter(term.selector, self.namespaces_of(term), self._zeros())
            for placed in self._columns.placed.values():
                if counter.matches(placed.info):
                    counter.per_node[placed.row] += 1
            if len(self._counters) >= KEPT:
                self._drop_stale()
            self._counters[term.identity] = counter
        counter.asked = self._asked
        counter.per_node = self._fitted(counter.per_node)
        return counter.per_node

    def _drop_stale(self) -> None:
        oldest = sorted(self._counters, key=lambda identity: self._counters[identity].asked)
        for identity in oldest[: KEPT // 4]:
            del self._counters[identity]

    def by_domain(self, per_node: Numbers, codes: Codes) -> Numbers:
        """Return, for each row, the sum over its domain; 0 where there is no domain."""
        fitted = self._fitted(per_node)
        present = codes >= 0
        if not present.any():
            return np.zeros(len(codes), np.int64)
        # Row numbers as a last domain gather what has none.
        shifted = np.where(present, codes, codes.max() + 1)
        sums = np.bincount(shifted, weights=fitted).astype(np.int64)
        return np.where(present, sums[shifted], 0)
