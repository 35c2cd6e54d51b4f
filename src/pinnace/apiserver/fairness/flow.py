"""One flow: requests of one flow schema that are not told apart, and what is counted of them."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from pinnace.apiserver.fairness.dealing import deal, flow_hash
from pinnace.apiserver.tallies import Spread

_LENGTHS = (0, 10, 25, 50, 100, 250, 500, 1000)
_SECONDS = (0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30)
_SEATS = (1, 2, 4, 8, 16, 32, 64, 100)
_WATCHES = (0, 1, 10, 100, 1000, 10000)


def _spread(edges: tuple[float, ...]) -> Spread:
    return Spread(edges, [0] * (len(edges) + 1))


@dataclass(slots=True)
class Tally:
    """What is counted of one flow schema in one priority level.

    `straight` counts those that found their queue empty and a seat free: each of them waited for
    nothing in a queue of one. `passed` counts those that took no seat at all, as most do.
    """

    dispatched: int = 0
    passed: int = 0
    straight: int = 0
    executing: int = 0
    seats: int = 0
    waiting: int = 0
    seats_waiting: int = 0
    crowded: int = 0
    # Those that take one seat, as most do.
    narrow: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    lengths: Spread = field(default_factory=lambda: _spread(_LENGTHS))
    waits: dict[bool, Spread] = field(
        default_factory=lambda: {served: _spread(_SECONDS) for served in (True, False)}
    )
    executions: dict[str, Spread] = field(default_factory=dict)
    widths: Spread = field(default_factory=lambda: _spread(_SEATS))
    watches: Spread = field(default_factory=lambda: _spread(_WATCHES))

    def reject(self, why: str) -> None:
        """Count one that is sent away."""
        self.rejected[why] = self.rejected.get(why, 0) + 1

    def enqueued(self, length: int, seats: int) -> None:
        """Count one that waits."""
        self.waiting += 1
        self.seats_waiting += seats
        self.lengths.observe(length)

    def dequeued(self, seats: int) -> None:
        """Count one that waits no more."""
        self.waiting -= 1
        self.seats_waiting -= seats

    def waited(self, seconds: float, *, served: bool) -> None:
        """Note how long one has waited."""
        self.waits[served].observe(seconds)

    def took(self, kind: str, seconds: float) -> None:
        """Note how long one was served."""
        spread = self.executions.get(kind)
        if spread is None:
            spread = self.executions[kind] = _spread(_SECONDS)
        spread.observe(seconds)


class Flow:
    """Where a request belongs: names for the log, headers for the client, its place in line.

    What waits for the processor, what it has used of that, what was advanced to it and what one
    slice costs on average is kept here for `turns.py`.
    """

    __slots__ = (
        "_dealt", "_hand", "charged", "cost", "distinguisher", "headers", "let_go", "level", "owed",
        "schema", "tally", "under_way", "used", "waiting",
    )  # fmt: skip

    def __init__(
        self, schema: str, level: str, distinguisher: str, headers: dict[str, str], tally: Tally
    ) -> None:
        self.schema = schema
        self.level = level
        self.distinguisher = distinguisher
        self.headers = headers
        self.tally = tally
        self._dealt = (0, 0)
        self._hand: tuple[int, ...] = ()
        # How many of its requests have seats from a queue.
        self.under_way = 0
        self.waiting: deque[asyncio.Future[None]] = deque()
        self.used = self.owed = self.cost = self.charged = 0.0
        self.let_go = 0

    def hand(self, deck: int, size: int) -> tuple[int, ...]:
        """Return the queues that this flow may use, of so many."""
        if self._dealt != (deck, size):
            distinguisher = self.distinguisher if deck > 1 else ""
            self._hand = deal(flow_hash(self.schema, distinguisher), deck, size)
            self._dealt = deck, size
        return self._hand
