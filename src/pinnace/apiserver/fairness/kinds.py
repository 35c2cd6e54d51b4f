"""How many reads and writes wait and are served, for the metric that tells them apart."""

from pinnace.apiserver.tallies import Spread

EDGES = (0, 0.001, 0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1)
_MOST_STATES = 1024
LABELS = (
    ("executing", "mutating"), ("executing", "readOnly"),
    ("waiting", "mutating"), ("waiting", "readOnly"),
)  # fmt: skip


class Kinds:
    """Four numbers, and how long they were what they were."""

    def __init__(self, now: float) -> None:
        self.numbers = [0, 0, 0, 0]
        self.spreads = tuple(Spread(EDGES, [0] * (len(EDGES) + 1)) for _ in LABELS)
        self._times: dict[tuple[int, ...], float] = {}
        # Seconds in which one write, or one read, was served that is not in the numbers.
        self.passing = [0.0, 0.0]
        self._now = now
        self._limits = (1, 1)

    def execute(self, reading: bool, now: float, step: int) -> None:
        """Count one that is served, or is not any more."""
        self._change(int(reading), now, step)

    def wait(self, reading: bool, now: float, step: int) -> None:
        """Count one that waits, or does not any more."""
        self._change(2 + reading, now, step)

    def _change(self, at: int, now: float, step: int) -> None:
        numbers, times = self.numbers, self._times
        state = tuple(numbers)
        times[state] = times.get(state, 0.0) + now - self._now
        self._now = now
        numbers[at] += step
        if len(times) > _MOST_STATES:
            self.fold(now)

    def fold(self, now: float, *, executing: int = 0, waiting: int = 0) -> None:
        """Reckon what was counted, as parts of how many there may be."""
        state = tuple(self.numbers)
        self._times[state] = self._times.get(state, 0.0) + now - self._now
        self._now = now
        if executing:
            self._limits = executing, max(waiting, 1)
        for at, seconds in enumerate(self.passing):
            weight = round(seconds * 1e9)
            self.spreads[at].weigh(0, -weight)
            self.spreads[at].weigh(1 / self._limits[0], weight)
        self.passing = [0.0, 0.0]
        for held, seconds in self._times.items():
            weight = round(seconds * 1e9)
            for at, number in enumerate(held):
                self.spreads[at].weigh(number / self._limits[at // 2], weight)
        self._times.clear()
