"""From what kubelets count to what is used: pure, by metrics-server's rules.

A processor's use is the difference of two points over the time between them. Kept are the last two
points of each container and node; a container that restarted begins anew, and one that has just
started counts from its start, once that is ten seconds ago.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

# Times are nanoseconds since the epoch.
SECOND = 10**9
RESOLUTION = 15 * SECOND
_FRESH = 10 * SECOND
_LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\.)*)"')
_NODE = ("node_cpu_usage_seconds_total", "node_memory_working_set_bytes")
_CONTAINER = (
    "container_cpu_usage_seconds_total",
    "container_memory_working_set_bytes",
    "container_start_time_seconds",
)
PodKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Point:
    """What was counted at a time: billionths of seconds of a processor, and bytes."""

    at: int = 0
    cpu: int = 0
    memory: int = 0
    started: int = 0

    @property
    def complete(self) -> bool:
        """Whether all that is needed was told."""
        return bool(self.at and self.cpu and self.memory)


@dataclass(frozen=True, slots=True)
class Used:
    """What was used over a window that ended at a time; `cpu` is billionths of a processor."""

    cpu: int
    memory: int
    at: int
    window: int


@dataclass(slots=True)
class Batch:
    """The points of one round: of nodes by name, of containers by Pod and name."""

    nodes: dict[str, Point] = field(default_factory=dict)
    pods: dict[PodKey, dict[str, Point]] = field(default_factory=dict)


def read(text: str, node: str, now: int) -> Batch:
    """Read a kubelet's resource metrics; raises ValueError for what is no metrics' text.

    A Pod of which a figure is missing is left out, as is the node.
    """
    batch = Batch()
    own = Point()
    for line in text.splitlines():
        if not line or line[0] == "#":
            continue
        series, _, rest = line.partition("} ") if "{" in line else line.partition(" ")
        name, _, inside = series.partition("{")
        if name not in _NODE and name not in _CONTAINER:
            continue
        value, _, stamp = rest.strip().partition(" ")
        figure, at = float(value), int(stamp) * 10**6 if stamp else now
        if name in _NODE:
            own = _with(own, name, figure, at)
            continue
        labels = dict(_LABEL.findall(inside))
        key = labels.get("namespace", ""), labels.get("pod", "")
        containers, container = batch.pods.setdefault(key, {}), labels.get("container", "")
        known = containers.get(container, Point())
        containers[container] = _with(known, name, figure, at)
    if own.complete:
        batch.nodes[node] = own
    batch.pods = {
        key: containers
        for key, containers in batch.pods.items()
        if all(point.complete for point in containers.values())
    }
    return batch


def _with(point: Point, name: str, figure: float, at: int) -> Point:
    if name.endswith("start_time_seconds"):
        return replace(point, started=int(figure * SECOND))
    if "_cpu_" in name:
        return replace(point, cpu=int(figure * SECOND), at=at)
    return replace(point, memory=int(figure), at=at)


def joined(batches: Iterable[Batch]) -> Batch:
    """Return several nodes' points as one round."""
    whole = Batch()
    for batch in batches:
        whole.nodes.update(batch.nodes)
        for key, containers in batch.pods.items():
            whole.pods.setdefault(key, containers)
    return whole


def used(last: Point, before: Point) -> Used | None:
    """Return what was used between two points; None if the counting began anew."""
    window = last.at - before.at
    if last.started < before.started or last.cpu < before.cpu or window <= 0:
        return None
    return Used((last.cpu - before.cpu) * SECOND // window, last.memory, last.at, window)


class Points:
    """The last two points of everything."""

    def __init__(self) -> None:
        self._last = Batch()
        self._before = Batch()

    def store(self, new: Batch) -> None:
        """Take a round; what is not in it is forgotten."""
        last, before = self._last, self._before
        kept = Batch()
        for name, point in new.nodes.items():
            found = _kept(point, last.nodes.get(name), before.nodes.get(name))
            if found is not None:
                kept.nodes[name] = found
        for key, containers in new.pods.items():
            known, older = last.pods.get(key, {}), before.pods.get(key, {})
            found_here = {
                name: earlier
                for name, point in containers.items()
                if (earlier := _earlier(point, known.get(name), older.get(name))) is not None
            }
            if found_here:
                kept.pods[key] = found_here
        self._last, self._before = new, kept

    def clear(self) -> None:
        """Forget everything."""
        self._last, self._before = Batch(), Batch()

    def node(self, name: str) -> Used | None:
        """Return what a node uses, or None if that is not known (yet)."""
        last, before = self._last.nodes.get(name), self._before.nodes.get(name)
        return used(last, before) if last is not None and before is not None else None

    def pod(self, key: PodKey) -> Mapping[str, Used] | None:
        """Return what each container of a Pod uses, or None if it is not known of all."""
        last, before = self._last.pods.get(key), self._before.pods.get(key)
        if last is None or before is None or not last.keys() <= before.keys():
            return None
        found = {name: used(point, before[name]) for name, point in last.items()}
        return {name: each for name, each in found.items() if each is not None}


def _earlier(new: Point, last: Point | None, before: Point | None) -> Point | None:
    """Return the point that a container's new one is compared with."""
    age = new.at - new.started
    if new.started and _FRESH <= age < RESOLUTION:
        return Point(at=new.started, started=new.started)
    if last is None or new.started >= last.at:
        return None
    return _kept(new, last, before)


def _kept(new: Point, last: Point | None, before: Point | None) -> Point | None:
    """Return the newest of the known points that is older than the new one."""
    if last is not None and new.at > last.at:
        return last
    return before if last is not None and before is not None and before.at < new.at else None
