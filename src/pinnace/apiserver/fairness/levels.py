"""The priority levels at work: their queues, made and remade from the objects of the cluster.

All levels are looked at together, since the seats of each depend on the shares of all. A level that
is deleted goes on until its queues are empty. The two levels and two schemas that must always be
there are imagined when nobody has stored them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pinnace.api.objects import Object
from pinnace.apiserver.fairness.flow import Tally
from pinnace.apiserver.fairness.limits import (
    NOTHING,
    Bounds,
    Wish,
    allocate,
    bounds,
    most_seats,
    rounded,
    shares,
)
from pinnace.apiserver.fairness.occupancy import Gauges, Occupancy
from pinnace.apiserver.fairness.queueset import QueueSet, Shape
from pinnace.apiserver.fairness.retrying import Dropped
from pinnace.apiserver.fairness.turns import Turns
from pinnace.apiserver.tallies import Spread

EXEMPT = "exempt"
_SEATS = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1)
_REQUESTS = (0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 1)
_DEMAND = (0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4, 1.7, 2, 2.8, 4, 6)


def _spread(edges: tuple[float, ...]) -> Spread:
    return Spread(edges, [0] * (len(edges) + 1))


@dataclass(slots=True)
class Level:
    """One priority level: what it was told, and what has become of it."""

    name: str
    spec: Object
    queues: QueueSet
    occupancy: Occupancy
    gauges: Gauges
    bounds: Bounds = NOTHING
    # How many seats one request may be given; 0 if there is no such limit.
    most: int = 0
    target: float = 0.0
    quiescing: bool = False
    fresh: bool = True
    dropped: Dropped = field(default_factory=Dropped)
    tallies: dict[str, Tally] = field(default_factory=dict)

    @property
    def exempt(self) -> bool:
        """Whether its requests are never held up."""
        return self.spec.get("type") == "Exempt"

    def tally(self, schema: str) -> Tally:
        """Return what counts the requests of a flow schema in this level."""
        if schema not in self.tallies:
            self.tallies[schema] = Tally()
        return self.tallies[schema]


def shape_of(name: str, spec: Object) -> Shape | None:
    """Return how a level queues; None for a specification that contradicts itself."""
    kind, limited, exempt = spec.get("type"), spec.get("limited"), spec.get("exempt")
    if (kind == "Limited") != (limited is not None) or (kind == "Exempt") != (exempt is not None):
        return None
    if (kind == "Exempt") != (name == EXEMPT):
        return None
    if limited is None:
        return Shape(exempt=True)
    response = limited.get("limitResponse") or {}
    queuing = response.get("queuing")
    if (response.get("type") == "Reject") != (queuing is None):
        return None
    if queuing is None:
        return Shape()
    return Shape(queuing["queues"], queuing["queueLengthLimit"], queuing["handSize"])


class Levels:
    """All priority levels of a server with `total` seats."""

    def __init__(self, total: int, turns: Turns) -> None:
        self._total = total
        self._turns = turns
        self._nominal = 0
        self.by_name: dict[str, Level] = {}
        self.fair_share = 0.0

    def digest(self, objects: Iterable[Object], now: float) -> None:
        """Make the levels what these PriorityLevelConfigurations say."""
        specs = {one["metadata"]["name"]: one["spec"] for one in objects}
        shapes = {name: shape_of(name, spec) for name, spec in specs.items()}
        kept: dict[str, Level] = {}
        for name, shape in shapes.items():
            if shape is not None:
                level = kept[name] = self.by_name.get(name) or self._made(name, specs[name], now)
                level.spec, level.quiescing = specs[name], False
        for name, level in self.by_name.items():
            if name not in kept and not level.queues.idle:
                level.quiescing = True
                kept[name] = level
        self.by_name = kept
        self._divide(now)

    def _made(self, name: str, spec: Object, now: float) -> Level:
        gauges = Gauges(_spread(_SEATS), _spread(_REQUESTS), _spread(_REQUESTS), _spread(_DEMAND))
        occupancy = Occupancy(gauges)
        return Level(name, spec, QueueSet(name, occupancy, now), occupancy, gauges)

    def _divide(self, now: float) -> None:
        """Give each level its nominal seats, and then what it needs."""
        all_shares = float(sum(shares(level.spec)[0] for level in self.by_name.values()))
        for level in self.by_name.values():
            found = bounds(level.spec, total=self._total, all_shares=all_shares)
            level.bounds = found
            level.most = most_seats(level.spec, found.nominal)
            self._turns.weigh(level.name, found.nominal)
            if level.fresh:
                level.fresh = False
                level.queues.limit = found.initial
        self._nominal = sum(level.bounds.nominal for level in self.by_name.values())
        self.adjust(now)

    def adjust(self, now: float) -> None:
        """Lend what levels do not need to those that can use it; a new period begins."""
        left, floor, wanted = self._nominal, 0, 0
        wishes: dict[str, Wish] = {}
        least: dict[str, int] = {}
        for name, level in self.by_name.items():
            queues, demand = level.queues, level.occupancy.demand
            queues.sync(now)
            level.occupancy.end_period(queues.seats + queues.seats_waiting)
            if level.exempt:
                least[name] = max(level.bounds.lower, demand.high)
                left -= least[name]
                continue
            least[name] = max(level.bounds.lower, min(level.bounds.nominal, demand.high))
            target = max(least[name], demand.smoothed)
            wishes[name] = Wish(target, least[name], level.bounds.upper)
            level.target = target
            floor += level.bounds.lower
            wanted += least[name]
        limits = self._limits(wishes, least, left=left, floor=floor, wanted=wanted)
        for name, level in self.by_name.items():
            self._configure(level, limits.get(name, least[name]), now)

    def _limits(
        self, wishes: dict[str, Wish], least: dict[str, int], *, left: int, floor: int, wanted: int
    ) -> dict[str, int]:
        """Return the seats of each level that is not exempt, whose requests leave `left`."""
        self.fair_share = 0.0
        if left <= floor:
            return {name: self.by_name[name].bounds.lower for name in wishes}
        if left <= wanted:
            part = (left - floor) / (wanted - floor)
            lower = {name: self.by_name[name].bounds.lower for name in wishes}
            return {name: low + rounded((least[name] - low) * part) for name, low in lower.items()}
        found = allocate(self._nominal, list(wishes.values()))
        if found is None:
            return {name: self.by_name[name].queues.limit for name in wishes}
        parts, self.fair_share = found
        return {name: rounded(part) for name, part in zip(wishes, parts, strict=True)}

    def _configure(self, level: Level, limit: int, now: float) -> None:
        shape = shape_of(level.name, level.spec)
        assert shape is not None
        level.queues.configure(shape, limit, now)
        room = max(shape.length, 1) * max(shape.queues, 1)
        level.occupancy.measure_by(seats=limit or max(1, rounded(self._total / 10)), room=room)
