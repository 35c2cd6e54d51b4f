"""How many replicas the metrics of Pods ask for: the deciding half of autoscaling, first part.

The ratio of what is used to the target, times the Pods that are ready. Pods that do not count yet
(not ready) or have no metrics are taken to use nothing if that speaks against growing, and all of
their target if it speaks against shrinking; if that turns the direction, nothing is done.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pinnace.api.objects import Object, parse_time
from pinnace.api.pods import phase_of
from pinnace.api.quantity import parse
from pinnace.controllers.shared import conditions, pods

# Upstream's --horizontal-pod-autoscaler-cpu-initialization-period and -initial-readiness-delay.
_CPU_INITIALIZATION = timedelta(minutes=5)
_READINESS_DELAY = timedelta(seconds=30)
_TOLERANCE = 0.1
_MOST = 2**31 - 1


class MetricError(Exception):
    """A metric that gives no answer; the text is for the user."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one Pod uses, in thousandths, over a window that ended at a time."""

    value: int
    at: datetime
    window: timedelta


Metrics = dict[str, Measured]


@dataclass(frozen=True, slots=True)
class Tolerances:
    """By how much a ratio may differ from 1 without anything being done."""

    down: float = _TOLERANCE
    up: float = _TOLERANCE

    def within(self, ratio: float) -> bool:
        """Whether the ratio is as good as 1."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


def tolerances(autoscaler: Object) -> Tolerances:
    """Return the tolerances that the autoscaler's behaviour sets, or the usual."""
    behavior = autoscaler["spec"].get("behavior") or {}

    def of(side: str) -> float:
        told = (behavior.get(side) or {}).get("tolerance")
        return _TOLERANCE if told is None else parse(told).nano / 1e9

    return Tolerances(down=of("scaleDown"), up=of("scaleUp"))


@dataclass(frozen=True, slots=True)
class Proposal:
    """How many replicas one metric asks for, and what it stands at now."""

    replicas: int
    usage: int
    utilization: int | None = None


@dataclass(slots=True)
class _Groups:
    ready: int = 0
    unready: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    ignored: set[str] = field(default_factory=set)


def _group(found: Iterable[Object], metrics: Metrics, resource: str, now: datetime) -> _Groups:
    groups = _Groups()
    for pod in found:
        name = pod["metadata"]["name"]
        if "deletionTimestamp" in pod["metadata"] or phase_of(pod) == "Failed":
            groups.ignored.add(name)
        elif phase_of(pod) == "Pending":
            groups.unready.add(name)
        elif name not in metrics:
            groups.missing.add(name)
        elif resource == "cpu" and _is_starting(pod, metrics[name], now):
            groups.unready.add(name)
        else:
            groups.ready += 1
    return groups


def _is_starting(pod: Object, metric: Measured, now: datetime) -> bool:
    """Whether the Pod's CPU usage is that of its start, which says nothing."""
    status = pod.get("status") or {}
    ready = conditions.find(status.get("conditions"), "Ready")
    if ready is None or not status.get("startTime"):
        return True
    started = parse_time(status["startTime"])
    changed = parse_time(ready["lastTransitionTime"])
    if started + _CPU_INITIALIZATION > now:
        return ready["status"] == "False" or metric.at < changed + metric.window
    # Never ready since it started; one that has been ready and is no more does count.
    return ready["status"] == "False" and started + _READINESS_DELAY > changed


def requests(found: Iterable[Object], resource: str, container: str = "") -> dict[str, int]:
    """Return what the Pods request, in thousandths; raises MetricError if one does not say."""
    return {pod["metadata"]["name"]: _request(pod, resource, container) for pod in found}


def _request(pod: Object, resource: str, container: str) -> int:
    spec, name = pod["spec"], pod["metadata"]["name"]
    whole = (spec.get("resources") or {}).get("requests") or {}
    if whole and not container:
        if resource not in whole:
            raise MetricError(f"missing pod-level request for {resource} in Pod {name}")
        return parse(whole[resource]).milli_value()
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    total = 0
    for entry in [*spec["containers"], *sidecars]:
        if container in ("", entry["name"]):
            told = ((entry.get("resources") or {}).get("requests") or {}).get(resource)
            if told is None:
                where = f"container {entry['name']} of Pod {name}"
                raise MetricError(f"missing request for {resource} in {where}")
            total += parse(told).milli_value()
            if container:
                return total
    if container:
        raise MetricError(f"container {container} not found in Pod {name}")
    return total


Values = dict[str, int]


def by_utilization(
    metrics: Metrics,
    found: list[Object],
    current: int,
    target: int,
    *,
    resource: str,
    container: str,
    tolerances: Tolerances,
    now: datetime,
) -> Proposal:
    """Return what a target in percent of the requests asks for."""
    groups, values = _countable(metrics, found, resource, now)
    wanted = requests(found, resource, container)

    def measure(values: Values) -> tuple[float, int, int]:
        known = [name for name in values if name in wanted]
        asked = sum(wanted[name] for name in known)
        if not asked:
            raise MetricError("no metrics returned matched known pods")
        used = sum(values[name] for name in known)
        percent = used * 100 // asked
        return percent / target, percent, used // len(known)

    ratio, percent, average = measure(values)
    replicas = _propose(
        groups,
        values,
        current,
        ratio=ratio,
        measure=lambda filled: measure(filled)[0],
        full=lambda name: wanted[name] * max(100, target) // 100,
        tolerances=tolerances,
    )
    return Proposal(replicas, average, percent)


def by_average(
    metrics: Metrics,
    found: list[Object],
    current: int,
    target: int,
    *,
    resource: str,
    tolerances: Tolerances,
    now: datetime,
) -> Proposal:
    """Return what a target for the average of the Pods asks for."""
    groups, values = _countable(metrics, found, resource, now)

    def measure(values: Values) -> float:
        return sum(values.values()) // len(values) / target

    replicas = _propose(
        groups,
        values,
        current,
        ratio=measure(values),
        measure=measure,
        full=lambda name: target,
        tolerances=tolerances,
    )
    return Proposal(replicas, sum(values.values()) // len(values))


def _countable(
    metrics: Metrics, found: list[Object], resource: str, now: datetime
) -> tuple[_Groups, Values]:
    if not found:
        raise MetricError("no pods returned by selector while calculating replica count")
    groups = _group(found, metrics, resource, now)
    dropped = groups.ignored | groups.unready
    values = {name: metric.value for name, metric in metrics.items() if name not in dropped}
    if not values:
        raise MetricError("did not receive metrics for targeted pods (pods might be unready)")
    return groups, values


def _propose(
    groups: _Groups,
    values: Mapping[str, int],
    current: int,
    *,
    ratio: float,
    measure: Callable[[Values], float],
    full: Callable[[str], int],
    tolerances: Tolerances,
) -> int:
    growing_unready = bool(groups.unready) and ratio > 1.0
    if not growing_unready and not groups.missing:
        return current if tolerances.within(ratio) else math.ceil(ratio * groups.ready)
    filled = dict(values)
    if ratio < 1.0:
        filled |= {name: full(name) for name in groups.missing}
    elif ratio > 1.0:
        filled |= dict.fromkeys(groups.missing, 0)
    if growing_unready:
        filled |= dict.fromkeys(groups.unready, 0)
    again = measure(filled)
    if tolerances.within(again) or (ratio < 1.0 < again) or (again < 1.0 < ratio):
        return current
    wanted = math.ceil(again * len(filled))
    if (again < 1.0 and wanted > current) or (again > 1.0 and wanted < current):
        return current
    return wanted


def by_value(
    usage: int, target: int, found: list[Object], current: int, tolerances: Tolerances
) -> Proposal:
    """Return what a target for one value (of an object, or from outside) asks for."""
    ratio = usage / target
    if current == 0:
        return Proposal(min(math.ceil(ratio), _MOST), usage)
    if tolerances.within(ratio):
        return Proposal(current, usage)
    if not found:
        text = "no pods returned by selector while calculating replica count"
        raise MetricError(f"unable to calculate ready pods: {text}")
    ready = sum(phase_of(pod) == "Running" and pods.is_ready(pod) for pod in found)
    return Proposal(min(math.ceil(ratio * ready), _MOST), usage)


def by_share(usage: int, target: int, replicas: int, tolerances: Tolerances) -> Proposal:
    """Return what a target for each replica's share of one value asks for."""
    # As Go divides: by no replicas gives infinity, or nothing at all.
    ratio = usage / (target * replicas) if replicas else (math.inf if usage else math.nan)
    wanted = replicas if tolerances.within(ratio) else min(math.ceil(usage / target), _MOST)
    return Proposal(wanted, math.ceil(usage / replicas) if replicas else 0)
