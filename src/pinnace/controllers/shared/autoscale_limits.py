"""How fast the number of replicas may change: the deciding half of autoscaling, second part.

What the metrics ask for is first held against what they have asked for lately (the highest of the
last five minutes, unless the behaviour says otherwise), then against how much was changed lately,
then against the bounds. Each step says what it did, for the conditions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from pinnace.api.objects import Object

# Upstream's --horizontal-pod-autoscaler-downscale-stabilization.
_DOWNSCALE_SECONDS = 300
_MOST = 2**31 - 1
_UP: dict[str, Any] = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_DOWN: dict[str, Any] = {
    "stabilizationWindowSeconds": _DOWNSCALE_SECONDS,
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}


class Change(NamedTuple):
    """Something at a time: a recommended number, or by how many replicas a size was changed."""

    at: datetime
    number: int


@dataclass(slots=True)
class History:
    """What was recommended and done for one autoscaler."""

    recommended: list[Change] = field(default_factory=list)
    added: list[Change] = field(default_factory=list)
    removed: list[Change] = field(default_factory=list)

    def recommend(self, number: int, now: datetime, seconds: int) -> None:
        """Note a recommendation, dropping those older than any window."""
        self.recommended = [*_since(self.recommended, now, seconds), Change(now, number)]

    def rescaled(self, old: int, new: int, now: datetime, rules: "Rules | None") -> None:
        """Note that a size was changed, if a behaviour asks how often."""
        if rules is None:
            return
        if new > old:
            self.added = [*_since(self.added, now, _longest(rules.up)), Change(now, new - old)]
        else:
            kept = _since(self.removed, now, _longest(rules.down))
            self.removed = [*kept, Change(now, old - new)]


def _since(changes: Sequence[Change], now: datetime, seconds: int) -> list[Change]:
    start = now - timedelta(seconds=seconds)
    return [change for change in changes if change.at >= start]


@dataclass(frozen=True, slots=True)
class Rules:
    """A behaviour with all that it leaves open filled in."""

    up: Object
    down: Object


def rules(autoscaler: Object) -> Rules | None:
    """Return the autoscaler's behaviour; None if it has none."""
    behavior = autoscaler["spec"].get("behavior")
    if behavior is None:
        return None

    def filled(default: dict[str, Any], side: str) -> Object:
        told = {name: v for name, v in (behavior.get(side) or {}).items() if v not in (None, [])}
        return {**default, **told}

    return Rules(filled(_UP, "scaleUp"), filled(_DOWN, "scaleDown"))


def _longest(side: Object) -> int:
    return max((policy["periodSeconds"] for policy in side["policies"]), default=0)


@dataclass(frozen=True, slots=True)
class Told:
    """A condition's reason and message."""

    reason: str
    message: str
    status: str = "True"


@dataclass(frozen=True, slots=True)
class Decision:
    """The number of replicas, and what AbleToScale and ScalingLimited say of it."""

    replicas: int
    able: Told
    limited: Told


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between what a size must stay, and what it is."""

    least: int
    most: int
    current: int


_READY = Told("ReadyForNewScale", "recommended size matches current size")
_FREE = Told("DesiredWithinRange", "the desired count is within the acceptable range", "False")
_TOO_MANY = Told(
    "TooManyReplicas", "the desired replica count is more than the maximum replica count"
)
_TOO_FEW = Told(
    "TooFewReplicas", "the desired replica count is less than the minimum replica count"
)
_UP_LIMIT = Told(
    "ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate"
)
_DOWN_LIMIT = Told(
    "ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate"
)
_HELD_UP = Told(
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)
_HELD_DOWN = Told(
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent "
    "recommendation",
)


def decide(
    wanted: int, bounds: Bounds, behavior: Rules | None, history: History, now: datetime
) -> Decision:
    """Return what becomes of a recommendation, and note it."""
    if behavior is None:
        recent = _since(history.recommended, now, _DOWNSCALE_SECONDS)
        steady = max([wanted, *(change.number for change in recent)])
        history.recommend(wanted, now, _DOWNSCALE_SECONDS)
        able = _READY if steady == wanted else _HELD_DOWN
        return _limited(steady, able, *_within(steady, bounds))
    steady = _stabilized(wanted, bounds.current, behavior, history, now)
    able = _READY
    if steady != wanted:
        able = _HELD_UP if wanted >= bounds.current else _HELD_DOWN
    return _limited(steady, able, *_at_rate(steady, bounds, behavior, history, now))


def _limited(steady: int, able: Told, replicas: int, told: Told) -> Decision:
    return Decision(replicas, able, told if replicas != steady else _FREE)


def _within(wanted: int, bounds: Bounds) -> tuple[int, Told]:
    """Keep to the bounds; without a behaviour a size may double, and grow to 4 at once."""
    fastest = int(max(2.0 * bounds.current, 4.0))
    if wanted < bounds.least:
        return bounds.least, _TOO_FEW
    if wanted > min(bounds.most, fastest):
        return min(bounds.most, fastest), _UP_LIMIT if bounds.most > fastest else _TOO_MANY
    return wanted, _FREE


def _stabilized(wanted: int, current: int, behavior: Rules, history: History, now: datetime) -> int:
    up_seconds = behavior.up["stabilizationWindowSeconds"]
    down_seconds = behavior.down["stabilizationWindowSeconds"]

    def recent(seconds: int) -> list[int]:
        start = now - timedelta(seconds=seconds)
        return [change.number for change in history.recommended if change.at > start]

    lowest = min([wanted, *recent(up_seconds)])
    highest = max([wanted, *recent(down_seconds)])
    history.recommend(wanted, now, max(up_seconds, down_seconds))
    return min(max(current, lowest), highest)


def _at_rate(
    wanted: int, bounds: Bounds, behavior: Rules, history: History, now: datetime
) -> tuple[int, Told]:
    current = bounds.current
    if wanted > current:
        limit = max(_up_limit(current, behavior.up, history, now), current)
        if wanted > min(limit, bounds.most):
            return min(limit, bounds.most), _UP_LIMIT if bounds.most > limit else _TOO_MANY
    elif wanted < current:
        limit = min(_down_limit(current, behavior.down, history, now), current)
        if wanted < max(limit, bounds.least):
            return max(limit, bounds.least), _DOWN_LIMIT if bounds.least < limit else _TOO_FEW
    return wanted, _FREE


def _at_start(current: int, seconds: int, history: History, now: datetime) -> int:
    """Return the size at the start of a period."""
    start = now - timedelta(seconds=seconds)

    def total(changes: Sequence[Change]) -> int:
        return sum(change.number for change in changes if change.at > start)

    return current - total(history.added) + total(history.removed)


def _up_limit(current: int, side: Object, history: History, now: datetime) -> int:
    if side["selectPolicy"] == "Disabled":
        return current
    proposed: list[int] = []
    for policy in side["policies"]:
        begun = _at_start(current, policy["periodSeconds"], history, now)
        if policy["type"] == "Pods":
            proposed.append(begun + policy["value"])
        else:
            proposed.append(math.ceil(begun * (1 + policy["value"] / 100)))
    return min(proposed) if side["selectPolicy"] == "Min" else max(proposed)


def _down_limit(current: int, side: Object, history: History, now: datetime) -> int:
    if side["selectPolicy"] == "Disabled":
        return current
    proposed: list[int] = []
    for policy in side["policies"]:
        begun = _at_start(current, policy["periodSeconds"], history, now)
        if policy["type"] == "Pods":
            proposed.append(begun - policy["value"])
        else:
            proposed.append(int(begun * (1 - policy["value"] / 100)))
    return max(proposed) if side["selectPolicy"] == "Min" else min(proposed)
