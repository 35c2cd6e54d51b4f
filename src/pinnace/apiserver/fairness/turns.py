"""Whose turn it is on the processor: fair shares of the one event loop that serves everybody.

Seats bound how many requests a level has under way at once, which is what matters to servers that
work on many at a time. Here one request is worked on at a time, so two hundred that have a seat
each still stand in each other's way. What is worked on is a slice: a request from its begin until
it waits for something, or a piece of a long list. While little is to do, all slices run at once as
they come. Once a round of the loop has been busy for some milliseconds, slices wait in the line of
their flow, and each round some are let go: first of the priority level that has had least of the
processor for its seats, and in it of the flow that has had least. So a client waits for a round and
not for what the others have asked.

What is exempt never waits, but its time counts for the round.
"""

import asyncio
import heapq
import itertools
from dataclasses import dataclass, field

from pinnace.apiserver.fairness.flow import Flow

# How long a round of the event loop may take before those who come have to line up.
ROUND_SECONDS = 0.004
# How much of those that wait is let go in one round.
_SHARE_SECONDS = 0.002
# What a slice is thought to cost before some were measured, and at least.
_GUESS, _LEAST = 0.0003, 0.00005
_RECENT = 8


@dataclass(slots=True)
class _Level:
    """The flows of one level that wait: a heap by what they have used."""

    weight: float = 1.0
    used: float = 0.0
    # What was used by the flow that was last let go: who joins begins there.
    mark: float = 0.0
    flows: list[tuple[float, int, Flow]] = field(default_factory=list)


class Turns:
    """The line for the processor."""

    def __init__(self) -> None:
        self.waiting = 0
        self._spent = 0.0
        self._armed = False
        self._mark = 0.0
        self._levels: dict[str, _Level] = {}
        self._order = itertools.count()

    def weigh(self, level: str, seats: int) -> None:
        """Give a level its share of the processor: as many parts as it has seats."""
        self._levels.setdefault(level, _Level()).weight = max(seats, 1)

    @property
    def free(self) -> bool:
        """Whether who comes may begin at once."""
        return not self.waiting and self._spent < ROUND_SECONDS

    def charge(self, flow: Flow | None, seconds: float) -> None:
        """Count what a slice has cost."""
        self._spent += seconds
        if not self._armed:
            self._armed = True
            asyncio.get_running_loop().call_soon(self._round)
        if flow is None:
            return
        flow.charged += seconds
        if not self.waiting:
            flow.owed = 0.0
            return
        level = self._levels.get(flow.level)
        if level is None:
            return
        # What was advanced when it was let go has been counted already.
        advanced, flow.owed = min(flow.owed, seconds), max(flow.owed - seconds, 0.0)
        flow.used += seconds - advanced
        level.used += (seconds - advanced) / level.weight

    async def wait(self, flow: Flow) -> None:
        """Wait in line until it is the flow's turn."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        if not flow.waiting:
            self._join(flow)
        flow.waiting.append(turn)
        self.waiting += 1
        if not self._armed:
            self._armed = True
            loop.call_soon(self._round)
        await turn

    def _join(self, flow: Flow) -> None:
        level = self._levels.setdefault(flow.level, _Level())
        if not level.flows:
            level.used = max(level.used, self._mark)
        flow.used = max(flow.used, level.mark)
        heapq.heappush(level.flows, (flow.used, next(self._order), flow))

    def _round(self) -> None:
        """Begin a round: let go as much as fits in."""
        self._armed = False
        self._spent = 0.0
        spent = 0.0
        while self.waiting and spent < _SHARE_SECONDS:
            spent += self._let_go()
        if self.waiting:
            # Behind what was let go, which is in the loop already.
            self._armed = True
            asyncio.get_running_loop().call_soon(self._round)

    def _let_go(self) -> float:
        """Let the next slice go; returns what it is thought to cost."""
        level = min((one for one in self._levels.values() if one.flows), key=_used)
        self._mark = level.used
        flow = self._least(level)
        turn = flow.waiting.popleft()
        self.waiting -= 1
        cost = 0.0
        if not turn.done():
            turn.set_result(None)
            cost = _cost(flow)
            flow.used += cost
            flow.owed += cost
            level.used += cost / level.weight
        if flow.waiting:
            heapq.heappush(level.flows, (flow.used, next(self._order), flow))
        return cost

    def _least(self, level: _Level) -> Flow:
        """Take the flow out that has used least."""
        while True:
            used, _, flow = heapq.heappop(level.flows)
            if used >= flow.used:
                level.mark = flow.used
                return flow
            # It has been charged meanwhile.
            heapq.heappush(level.flows, (flow.used, next(self._order), flow))


def _cost(flow: Flow) -> float:
    """Return what a slice of a flow costs, as the last few of them did."""
    if flow.let_go >= _RECENT:
        flow.cost = flow.charged / flow.let_go
        flow.let_go, flow.charged = 0, 0.0
    flow.let_go += 1
    return max(flow.cost or _GUESS, _LEAST)


def _used(level: _Level) -> float:
    return level.used
