"""One decision: from a pod and the columns to a node, or to the reasons why there is none. Pure."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pinnace.scheduler.columns import Columns, Mask, Numbers
from pinnace.scheduler.plugins.base import Filter, Score, State
from pinnace.scheduler.podinfo import PodInfo


@dataclass(frozen=True, slots=True)
class Unschedulable:
    """No node can take the pod; `message` is upstream's wording."""

    message: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """The node that suits best."""

    node: str


def decide(
    pod: PodInfo,
    state: State,
    *,
    filters: Sequence[Filter],
    scores: Sequence[tuple[Score, int]],
    random: Callable[[], float],
) -> Chosen | Unschedulable:
    """Choose a node; among equals `random` (0 to 1) decides, so that pods spread."""
    columns = state.columns
    if columns.count == 0:
        return Unschedulable("no nodes available to schedule pods")
    feasible, reasons = _filter(pod, state, filters)
    if not feasible.any():
        return Unschedulable(explain(reasons, columns))
    rows = np.flatnonzero(feasible)
    if len(rows) == 1:
        return Chosen(columns.names[rows[0]])
    total = _total(pod, state, scores, feasible)[rows]
    best = rows[total == total.max()]
    return Chosen(columns.names[best[int(random() * len(best)) % len(best)]])


def _filter(pod: PodInfo, state: State, filters: Sequence[Filter]) -> tuple[Mask, Counter[str]]:
    feasible = state.columns.valid.copy()
    reasons: Counter[str] = Counter()
    for plugin in filters:
        ruled_out: Mask | None = None
        for reason, rows in plugin.filter(pod, state):
            hit = rows & feasible
            number = int(np.count_nonzero(hit))
            if number:
                reasons[reason] += number
                ruled_out = hit if ruled_out is None else ruled_out | hit
        if ruled_out is not None:
            feasible &= ~ruled_out
            if not feasible.any():
                break
    return feasible, reasons


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
