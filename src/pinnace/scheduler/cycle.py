"""One decision: from a pod and the columns to a node, or to the reasons why there is none. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from pinnace.scheduler.columns import Columns, Mask, Numbers, Placed
from pinnace.scheduler.plugins.base import Filter, PreFilter, Score, State
from pinnace.scheduler.podinfo import PodInfo


@dataclass(frozen=True, slots=True)
class Unschedulable:
    """No node can take the pod; `message` is upstream's wording.

    `helpable` has the rows where evicting pods may help; it is None if nodes were not looked at.
    """

    message: str
    helpable: Mask | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The node that suits best."""

    node: str


@dataclass(slots=True)
class Sieved:
    """Which rows passed the filters, how many fell to each reason, and where that is final."""

    feasible: Mask
    final: Mask
    reasons: Counter[str] = field(default_factory=Counter)


def decide(
    pod: PodInfo,
    state: State,
    *,
    filters: Sequence[Filter],
    scores: Sequence[tuple[Score, int]],
    random: Callable[[], float],
    prefilters: Sequence[PreFilter] = (),
) -> Chosen | Unschedulable:
    """Choose a node; among equals `random` (0 to 1) decides, so that pods spread."""
    columns = state.columns
    if columns.count == 0:
        return Unschedulable("no nodes available to schedule pods")
    for plugin in prefilters:
        refusal = plugin.refusal(pod, state)
        if refusal:
            # The last two words are upstream's: DynamicResources comes after the pre-filter that
            # refused, so that its post-filter does not find what its own would have left.
            return Unschedulable(f"0/{columns.count} nodes are available: {refusal}. not found")
    sieved = sieve(pod, state, filters)
    feasible = sieved.feasible
    if not feasible.any():
        helpable = columns.valid & ~sieved.final
        return Unschedulable(explain(sieved.reasons, columns), helpable)
    rows = np.flatnonzero(feasible)
    if len(rows) == 1:
        return Chosen(columns.names[rows[0]])
    wanted = _nominated_row(pod, state)
    if wanted is not None and feasible[wanted]:
        return Chosen(columns.names[wanted])
    total = _total(pod, state, scores, feasible)[rows]
    best = rows[total == total.max()]
    return Chosen(columns.names[best[int(random() * len(best)) % len(best)]])


def sieve(
    pod: PodInfo, state: State, filters: Sequence[Filter], *, among: Mask | None = None
) -> Sieved:
    """Run all filters over all nodes, or over some.

    Pods of the same or a higher priority that wait for a node others were evicted from count as
    if they were there. What is affine to them must fit without them as well: they may never come.
    """
    columns = state.columns
    rows = columns.valid if among is None else among
    sieved = Sieved(rows.copy(), columns.rows_like())
    waiting = [
        each
        for uid, each in state.nominated.items()
        if uid != pod.uid and each[0].priority >= pod.priority and uid not in columns.placed
    ]
    if waiting:
        with assumed(state, waiting):
            _sieve(pod, state, filters, sieved)
        if not pod.affinity and not pod.spreads:
            return sieved
    _sieve(pod, state, filters, sieved)
    return sieved


def _sieve(pod: PodInfo, state: State, filters: Sequence[Filter], sieved: Sieved) -> None:
    for plugin in filters:
        if not sieved.feasible.any():
            return
        ruled_out: Mask | None = None
        for reason, rows, final in plugin.filter(pod, state):
            hit = rows & sieved.feasible
            number = int(np.count_nonzero(hit))
            if number:
                sieved.reasons[reason] += number
                sieved.final |= hit & final
                ruled_out = hit if ruled_out is None else ruled_out | hit
        if ruled_out is not None:
            sieved.feasible &= ~ruled_out


@contextmanager
def assumed(state: State, pods: Iterable[tuple[PodInfo, str]]) -> Iterator[None]:
    """Count pods on nodes for a while."""
    added = []
    try:
        for info, node in pods:
            placed = state.columns.add_pod(info, node)
            if placed is not None:
                state.terms.add(placed)
                added.append(placed)
        yield
    finally:
        for placed in added:
            state.columns.remove_pod(placed.info.uid)
            state.terms.remove(placed)


def take_away(state: State, placed: Placed) -> None:
    """Do as if a pod was not on its node; `put_back` undoes it."""
    state.columns.remove_pod(placed.info.uid)
    state.terms.remove(placed)


def put_back(state: State, placed: Placed) -> None:
    """Count a pod again that was taken away."""
    state.columns.add_pod(placed.info, state.columns.names[placed.row])
    state.terms.add(placed)


def _nominated_row(pod: PodInfo, state: State) -> int | None:
    known = state.nominated.get(pod.uid)
    return None if known is None else state.columns.index.get(known[1])


def _total(
    pod: PodInfo, state: State, scores: Sequence[tuple[Score, int]], feasible: Mask
) -> Numbers:
    total = np.zeros(len(feasible), np.int64)
    for plugin, weight in scores:
        total += weight * plugin.score(pod, state, feasible)
    return total


def explain(reasons: Counter[str], columns: Columns) -> str:
    """Return upstream's sentence: how many nodes there are, and how many fell to each reason."""
    told = ", ".join(sorted(f"{number} {reason}" for reason, number in reasons.items()))
    return f"0/{columns.count} nodes are available: {told}."
