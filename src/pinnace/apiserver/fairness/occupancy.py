"""How long a priority level was how busy: what borrowing and the utilization metrics go by.

Each change of the level costs one dictionary entry; what it amounts to is reckoned when somebody
asks, which is every ten seconds and when metrics are read.
"""

import math
from dataclasses import dataclass

from pinnace.apiserver.tallies import Spread

# Requests executing, their seats, requests waiting, their seats.
State = tuple[int, int, int, int]
_IDLE, _ONE = (0, 0, 0, 0), (1, 1, 0, 0)
_MOST_STATES = 1024
_SMOOTHING = 0.977


@dataclass(slots=True)
class Demand:
    """The seats that a level could have used, over one period and smoothed over many."""

    high: int = 0
    average: float = 0.0
    deviation: float = 0.0
    smoothed: float = 0.0


@dataclass(slots=True)
class Gauges:
    """The histograms of a level, weighted by nanoseconds."""

    seats: Spread
    executing: Spread
    waiting: Spread
    demand: Spread


class Occupancy:
    """The times that one level spent in each state."""

    def __init__(self, gauges: Gauges) -> None:
        self.demand = Demand()
        # Seconds that were spent as idle, and really with one request that took one seat.
        self.passing = 0.0
        self._gauges = gauges
        self._times: dict[State, float] = {}
        self._seconds = self._sum = self._squares = 0.0
        self._high = 0
        self._seats, self._room = 1, 1

    def spend(self, state: State, seconds: float) -> None:
        """Count time in a state."""
        times = self._times
        times[state] = times.get(state, 0.0) + seconds
        if len(times) > _MOST_STATES:
            self.fold()

    def measure_by(self, *, seats: int, room: int) -> None:
        """Relate what comes to a limit of seats and a room in queues."""
        self.fold()
        self._seats, self._room = max(seats, 1), max(room, 1)

    def fold(self) -> None:
        """Reckon what was counted."""
        gauges, times = self._gauges, self._times
        if self.passing:
            passing, self.passing = self.passing, 0.0
            times[_IDLE] = times.get(_IDLE, 0.0) - passing
            times[_ONE] = times.get(_ONE, 0.0) + passing
        for (executing, seats, waiting, wanted), seconds in times.items():
            demand = seats + wanted
            self._seconds += seconds
            self._sum += demand * seconds
            self._squares += demand * demand * seconds
            self._high = max(self._high, demand)
            weight = round(seconds * 1e9)
            gauges.seats.weigh(seats / self._seats, weight)
            gauges.executing.weigh(executing / self._seats, weight)
            gauges.waiting.weigh(waiting / self._room, weight)
            gauges.demand.weigh(demand / self._seats, weight)
        times.clear()

    def end_period(self, now: int) -> None:
        """Begin a new period, in which `now` seats are in demand."""
        self.fold()
        demand = self.demand
        demand.high = self._high
        if self._seconds > 0:
            demand.average = self._sum / self._seconds
            variance = self._squares / self._seconds - demand.average**2
            demand.deviation = math.sqrt(max(variance, 0.0))
            envelope = demand.average + demand.deviation
            decayed = _SMOOTHING * demand.smoothed + (1 - _SMOOTHING) * envelope
            demand.smoothed = max(envelope, decayed)
        self._seconds = self._sum = self._squares = 0.0
        self._high = now
