"""DefaultPreemption: which pods of lower priority to evict so that a pod finds room. Pure.

Only the nodes whose refusal is not final are looked at. On each, all pods of lower priority are
taken away; if the pod fits then, as many as possible are spared, those first whose disruption
budget would be violated, the more important before the less. Of the nodes the one is taken where,
in this order, the fewest budgets are violated, the highest priority of a victim is lowest, the sum
of priorities is smallest, the victims are fewest, and the most important victim started latest.

What lower priorities hold on each node is kept as columns, so nodes that do not help are ruled out
by arithmetic; the others are tried one by one until `CANDIDATES` have been found (upstream: this,
or a tenth of the nodes if that is more).
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from pinnace.api.objects import Object, condition, parse_time
from pinnace.api.selectors import label_selector_from_object
from pinnace.scheduler.columns import Mask, Placed
from pinnace.scheduler.cycle import explain, put_back, sieve, take_away
from pinnace.scheduler.plugins.base import Filter, State
from pinnace.scheduler.podinfo import PodInfo

CANDIDATES = 100
REASON = "PreemptionByScheduler"

# What DynamicResources, which is asked before, adds for a pod without resource claims.
_NO_CLAIMS = "no new claims to deallocate"
_NO_VICTIMS = "No preemption victims found for incoming pod"
_NOT_HELPFUL = "Preemption is not helpful for scheduling"
# Keeps priorities positive, so that many pods always weigh more than few.
_SHIFT = 2**31
_NOT_STARTED = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Preemption:
    """Evict these from the node, the most important first."""

    node: str
    victims: tuple[PodInfo, ...]
    violations: int = 0


@dataclass(frozen=True, slots=True)
class NoPreemption:
    """Evicting nobody would help, or it must not be; `message` is upstream's wording.

    `withdraw` says that a nomination from before has lost its sense.
    """

    message: str
    withdraw: bool


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What preemption looks at besides the columns.

    `current` returns a pod as it is now (what is in the columns may lack its latest status);
    `offset`, 0 to 1, says at which node to begin.
    """

    filters: Sequence[Filter]
    budgets: Sequence[Object]
    current: Callable[[PodInfo], Object]
    offset: float = 0.0


def preempt(
    pod: PodInfo, state: State, helpable: Mask, around: Circumstances
) -> Preemption | NoPreemption:
    """Return whom to evict for a pod that fits nowhere, or why nobody."""
    refusal = _not_eligible(pod, state, helpable, around)
    if refusal:
        return NoPreemption(f"{_NO_CLAIMS}, preemption: {refusal}", withdraw=False)
    reasons: Counter[str] = Counter()
    found = _candidates(pod, state, helpable, around, reasons)
    if found:
        return min(found, key=lambda each: _rank(each, around))
    rest = state.columns.count - int(np.count_nonzero(helpable))
    if rest > 0:
        reasons[_NOT_HELPFUL] += rest
    told = explain(reasons, state.columns)
    return NoPreemption(f"{_NO_CLAIMS}, preemption: {told}", withdraw=True)


def _not_eligible(pod: PodInfo, state: State, helpable: Mask, around: Circumstances) -> str:
    if pod.pod["spec"].get("preemptionPolicy") == "Never":
        return "not eligible due to preemptionPolicy=Never."
    row = state.columns.index.get(state.nominated.get(pod.uid, (pod, ""))[1])
    if row is None or not helpable[row]:
        return ""
    for placed in state.columns.pods_on.get(row, {}).values():
        if placed.info.priority < pod.priority and _is_evicted(around.current(placed.info)):
            return "not eligible due to a terminating pod on the nominated node."
    return ""


def _is_evicted(pod: Object) -> bool:
    """Say whether a pod terminates because a scheduler evicted it."""
    if "deletionTimestamp" not in pod["metadata"]:
        return False
    told = condition(pod, "DisruptionTarget") or {}
    return told.get("status") == "True" and told.get("reason") == REASON


def _candidates(
    pod: PodInfo,
    state: State,
    helpable: Mask,
    around: Circumstances,
    reasons: Counter[str],
) -> list[Preemption]:
    rows = _worth_trying(pod, state, helpable, reasons)
    begin = int(around.offset * len(rows)) if len(rows) else 0
    found: list[Preemption] = []
    for row in [*rows[begin:], *rows[:begin]]:
        victims = _victims(pod, state, int(row), around)
        if isinstance(victims, Preemption):
            found.append(victims)
        else:
            reasons.update(victims)
        if len(found) >= CANDIDATES and any(each.violations == 0 for each in found):
            break
    return found


def _worth_trying(pod: PodInfo, state: State, helpable: Mask, reasons: Counter[str]) -> list[int]:
    """Return the rows that have room once all lower priorities are gone; count the others."""
    columns = state.columns
    below = columns.requested_below(pod.priority)
    inhabited = helpable & (below[:, columns.resources["pods"]] > 0)
    empty = int(np.count_nonzero(helpable & ~inhabited))
    if empty:
        reasons[_NO_VICTIMS] += empty
    if pod.ports:
        # Another reason may come first; the filters tell.
        return [int(row) for row in np.flatnonzero(inhabited)]
    fits = inhabited.copy()
    wanted = {"pods": 1, **{name: value for name, value in pod.requests.items() if value}}
    for name, value in wanted.items():
        at = columns.resources.get(name)
        if at is None:
            continue
        free = columns.allocatable[:, at] - columns.requested[:, at] + below[:, at]
        lacking = inhabited & (free < value)
        number = int(np.count_nonzero(lacking))
        if number:
            reasons["Too many pods" if name == "pods" else f"Insufficient {name}"] += number
        fits &= ~lacking
    return [int(row) for row in np.flatnonzero(fits)]


def _victims(
    pod: PodInfo, state: State, row: int, around: Circumstances
) -> Preemption | Counter[str]:
    columns = state.columns
    lower = [
        placed
        for placed in columns.pods_on.get(row, {}).values()
        if placed.info.priority < pod.priority
    ]
    lower.sort(key=lambda placed: _importance(placed.info, around))
    for placed in lower:
        take_away(state, placed)
    gone = list(lower)
    try:
        refused = _refused(pod, state, row, around.filters)
        if refused is not None:
            return refused
        violating = _violating(lower, around.budgets)
        violations = 0
        for placed in sorted(lower, key=lambda each: each.info.uid not in violating):
            put_back(state, placed)
            if _has_room(pod, state, row) and _refused(pod, state, row, around.filters) is None:
                gone.remove(placed)
            else:
                take_away(state, placed)
                violations += placed.info.uid in violating
        if not gone:
            return Counter()
        return Preemption(columns.names[row], tuple(each.info for each in gone), violations)
    finally:
        for placed in gone:
            put_back(state, placed)


def _has_room(pod: PodInfo, state: State, row: int) -> bool:
    """Say whether resources suffice: cheap, and mostly what decides."""
    columns = state.columns
    free = columns.allocatable[row] - columns.requested[row]
    return bool(free[columns.resources["pods"]] >= 1) and all(
        free[columns.resources[name]] >= value for name, value in pod.requests.items() if value
    )


def _refused(
    pod: PodInfo, state: State, row: int, filters: Sequence[Filter]
) -> Counter[str] | None:
    """Return why the node does not take the pod, or None if it does."""
    valid = state.columns.valid
    only = state.columns.rows_like()
    only[row] = True
    sieved = sieve(pod, state, filters, among=valid & only)
    return None if sieved.feasible[row] else sieved.reasons


def _importance(info: PodInfo, around: Circumstances) -> tuple[int, datetime]:
    return -info.priority, _started(around.current(info))


def _started(pod: Object) -> datetime:
    """Return when a pod started; one that has not yet counts as started now."""
    began = (pod.get("status") or {}).get("startTime")
    return parse_time(began) if began else _NOT_STARTED


def _violating(pods: Sequence[Placed], budgets: Sequence[Object]) -> frozenset[str]:
    """Return the uids of the pods whose eviction would break a PodDisruptionBudget."""
    allowed = [(budget.get("status") or {}).get("disruptionsAllowed", 0) for budget in budgets]
    broken = set()
    for placed in pods:
        info = placed.info
        for at, budget in enumerate(budgets):
            if not _guards(budget, info):
                continue
            allowed[at] -= 1
            if allowed[at] < 0:
                broken.add(info.uid)
    return frozenset(broken)


def _guards(budget: Object, info: PodInfo) -> bool:
    if budget["metadata"].get("namespace", "") != info.namespace or not info.labels:
        return False
    selector: dict[str, Any] | None = budget["spec"].get("selector")
    if not selector or not (selector.get("matchLabels") or selector.get("matchExpressions")):
        return False
    # Those being disrupted already are counted by the budget itself.
    if info.key.name in ((budget.get("status") or {}).get("disruptedPods") or {}):
        return False
    return label_selector_from_object(selector).matches(info.labels)


def _rank(found: Preemption, around: Circumstances) -> tuple[float, ...]:
    """Return what is compared between nodes: the least wins."""
    highest = max(each.priority for each in found.victims)
    earliest = min(
        _started(around.current(each)) for each in found.victims if each.priority == highest
    )
    return (
        found.violations,
        highest,
        sum(each.priority + _SHIFT for each in found.victims),
        len(found.victims),
        -earliest.timestamp(),
    )
