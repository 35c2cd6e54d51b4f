"""The queues of one priority level: fair queuing for requests that take seats and time.

Upstream's design (KEP-1040), which is Nagle's and Demers', Keshav's and Shenker's fair queuing with
requests for packets. A request goes into the shortest queue of its flow's hand. The level's clock R
runs as fast as a queue would be served if all queues that have work were served at once, each
getting the same. A queue is served next whose oldest request would end first by that clock. What a
request costs is not known before: a queue is charged a guess when its request begins, and the
truth as it turns out.

With two queues, one with requests of 10 seats and one with requests of 1 seat, each guessed at 3
ms: the first advances by 30 ms of seats at each turn, the second by 3, so ten of the narrow ones
are begun for each wide one.

Two things are done otherwise than upstream does them, for a client that floods a level with long
lists would keep others waiting for seconds. R advances by the seats that are taken and not by those
that there are, else queues that get less fall behind it, and who comes new waits until they have
caught up. And a request that takes longer than was guessed is charged while it does, not when it
ends. Besides, a flow that has nothing under way may have one seat more than there are, up to a
tenth of the level's: it need not wait for the end of a list to read one object.

Nobody waits in here. `start` answers with a ticket; if `ticket.decided` is a future, that tells.
"""

import asyncio
import heapq
import itertools
from dataclasses import dataclass

from pinnace.apiserver.fairness.estimate import Work
from pinnace.apiserver.fairness.flow import Flow
from pinnace.apiserver.fairness.occupancy import Occupancy
from pinnace.apiserver.routes import RequestInfo

# How long a request is thought to take, until it has.
_GUESS = 0.003
# One seat in so many is added for flows that have none.
_SPARE = 10


@dataclass(frozen=True, slots=True)
class Shape:
    """How a level queues: without queues it rejects, and if exempt it lets everybody in."""

    queues: int = 0
    length: int = 0
    hand: int = 0
    exempt: bool = False


class Ticket:
    """One request in a level. `decided` is there if it had to wait, and says if it may go on."""

    __slots__ = (
        "about", "arrived", "arrived_r", "charged", "decided", "flow", "level", "queue", "started",
        "work",
    )  # fmt: skip

    def __init__(self, level: "QueueSet", flow: Flow, work: Work, now: float) -> None:
        self.level = level
        self.flow = flow
        self.work = work
        self.charged = work.seats * _GUESS + work.final * work.linger
        self.arrived = now
        self.arrived_r = level.r
        self.started = -1.0
        self.queue: Queue | None = None
        self.decided: asyncio.Future[bool] | None = None
        # Whose request it is, and what it asks for, for who looks at the queues.
        self.about: tuple[str, RequestInfo] | None = None

    @property
    def begun(self) -> bool:
        """Whether it has left its queue to be served."""
        return self.started >= 0


class Queue:
    """Requests of a few flows, in the order in which they came."""

    __slots__ = (
        "executing", "index", "next_r", "running", "seats", "since", "waiting", "waiting_work",
    )  # fmt: skip

    def __init__(self, index: int) -> None:
        self.index = index
        self.next_r = 0.0
        self.seats = 0
        self.waiting: dict[Ticket, None] = {}
        self.waiting_work = 0.0
        self.executing: dict[Ticket, None] = {}
        # The seats of those that are under way, and the sum of when each was to have ended.
        self.running = 0
        self.since = 0.0

    def start_r(self, now: float) -> float:
        """Return when the next request begins by the level's clock, as far as is known now."""
        return self.next_r + max(self.running * now - self.since, 0.0)

    def oldest(self) -> Ticket | None:
        """Return the request that has waited longest."""
        return next(iter(self.waiting), None)


class QueueSet:
    """One level's queues. `limit` is how many seats it has now."""

    def __init__(self, name: str, occupancy: Occupancy, now: float) -> None:
        self.name = name
        self.shape = Shape()
        self.limit = 0
        self.r = 0.0
        self.queues: list[Queue] = []
        # Requests that went through no queue.
        self.loose: dict[Ticket, None] = {}
        self.executing = self.waiting = self.seats = self.seats_waiting = 0
        self.dispatched = self.rejected = self.timed_out = self.cancelled = 0
        # R when something was last begun, S of that, and the least and most S of those that waited.
        self.last_dispatch = (0.0,) * 6
        self._occupancy = occupancy
        self._active = 0
        self._now = now
        self._dealt = self._robin = 0
        self._lingering: list[tuple[float, int, Ticket]] = []
        self._order = itertools.count()

    # The level's own business.

    def configure(self, shape: Shape, limit: int, now: float) -> None:
        """Queue in this way from now on, with so many seats."""
        self.sync(now)
        self.shape, self.limit = shape, limit
        for index in range(len(self.queues), shape.queues):
            self.queues.append(Queue(index))
        self._let_go()
        self.dispatch(now)

    @property
    def has_a_seat(self) -> bool:
        """Whether a request that takes one seat could begin at once."""
        return self.shape.exempt or (not self.waiting and self.seats < self.limit)

    @property
    def idle(self) -> bool:
        """Whether nobody is in here."""
        return not self.waiting and not self.executing

    def sync(self, now: float) -> None:
        """Let the level's clock catch up; first of all whenever anything is to change."""
        passed = now - self._now
        self._now = now
        state = self.executing, self.seats, self.waiting, self.seats_waiting
        self._occupancy.spend(state, passed)
        if self._active:
            self.r += self.seats / self._active * passed
        if self._lingering:
            self._release(now)

    # The life of a request.

    def start(self, flow: Flow, work: Work, now: float) -> Ticket | None:
        """Take a request in: it may go on, or waits, or None says that it is rejected."""
        self.sync(now)
        shape = self.shape
        if not shape.queues:
            if not shape.exempt and not self._has_room(work.most):
                self._reject(flow, "concurrency-limit")
                return None
            ticket = Ticket(self, flow, work, now)
            self.loose[ticket] = None
            self._begin(ticket, now)
            return ticket
        ticket = Ticket(self, flow, work, now)
        queue = ticket.queue = self._choose(flow)
        if not self.waiting and self._has_room(work.most):
            # Nobody waits, so there is no choice to make.
            flow.tally.straight += 1
            if not queue.executing:
                queue.next_r = self.r
            self._robin = queue.index
            self._begin_from(queue, ticket, now)
            return ticket
        full = self.seats >= self.limit and not self._is_spared(ticket)
        if full and len(queue.waiting) >= shape.length:
            self._reject(flow, "queue-full")
            return None
        self._enqueue(queue, ticket)
        self.dispatch(now)
        return ticket

    def _reject(self, flow: Flow, why: str) -> None:
        self.rejected += 1
        flow.tally.reject(why)

    def give_up(self, ticket: Ticket, now: float) -> None:
        """Take a request that waits out of its queue: it is too late, or its client is gone."""
        self.sync(now)
        queue = ticket.queue
        if queue is None or ticket not in queue.waiting:
            return
        self._dequeue(queue, ticket)
        self.rejected += 1
        self.cancelled += 1
        ticket.flow.tally.reject("time-out")
        self._bound(queue)
        self._let_go()
        self.dispatch(now)

    def finish(self, ticket: Ticket, now: float) -> None:
        """Let a request that was begun go."""
        self.sync(now)
        queue, work = ticket.queue, ticket.work
        self.executing -= 1
        ticket.flow.tally.executing -= 1
        if queue is None:
            del self.loose[ticket]
        else:
            del queue.executing[ticket]
            ticket.flow.under_way -= 1
            queue.running -= work.seats
            queue.since -= work.seats * (ticket.started + _GUESS)
            if not queue.executing and not queue.waiting:
                self._active -= 1
            queue.next_r += work.seats * (now - ticket.started - _GUESS)
            self._bound(queue)
        if work.linger > 0:
            heapq.heappush(self._lingering, (now + work.linger, next(self._order), ticket))
        else:
            self._vacate(ticket)
        if self.waiting:
            self.dispatch(now)

    def next_release(self) -> float | None:
        """Return when seats come free by themselves, if somebody waits for them."""
        return self._lingering[0][0] if self.waiting and self._lingering else None

    # What they are made of.

    def _release(self, now: float) -> None:
        while self._lingering and self._lingering[0][0] <= now:
            self._vacate(heapq.heappop(self._lingering)[2])

    def _vacate(self, ticket: Ticket) -> None:
        most = ticket.work.most
        self.seats -= most
        ticket.flow.tally.seats -= most
        if ticket.queue is not None:
            ticket.queue.seats -= most
            if len(self.queues) > self.shape.queues:
                self._let_go()

    def _has_room(self, seats: int) -> bool:
        if seats > self.limit:
            # Wider than the level: alone, it may.
            return not self.executing
        return self.seats + seats <= self.limit

    def _is_spared(self, ticket: Ticket) -> bool:
        """Say whether a request need not wait, because its flow has nothing under way."""
        flow = ticket.flow
        if flow.under_way or ticket.work.most > 1:
            return False
        return self.seats < self.limit + self.limit // _SPARE

    def _choose(self, flow: Flow) -> Queue:
        hand = flow.hand(self.shape.queues, self.shape.hand)
        at = self._dealt % len(hand)
        self._dealt += 1
        if not self.waiting:
            return self.queues[hand[at]]
        turned = hand[at:] + hand[:at]
        return min((self.queues[index] for index in turned), key=_work_of)

    def _enqueue(self, queue: Queue, ticket: Ticket) -> None:
        if not queue.waiting and not queue.executing:
            queue.next_r = self.r
            self._active += 1
        most = ticket.work.most
        queue.waiting[ticket] = None
        queue.waiting_work += ticket.charged
        self.waiting += 1
        self.seats_waiting += most
        ticket.flow.tally.enqueued(len(queue.waiting), most)
        ticket.decided = asyncio.get_running_loop().create_future()
        self._bound(queue)

    def _dequeue(self, queue: Queue, ticket: Ticket) -> None:
        most = ticket.work.most
        del queue.waiting[ticket]
        queue.waiting_work = queue.waiting_work - ticket.charged if queue.waiting else 0.0
        if not queue.waiting and not queue.executing:
            self._active -= 1
        self.waiting -= 1
        self.seats_waiting -= most
        ticket.flow.tally.dequeued(most)

    def dispatch(self, now: float) -> None:
        """Begin all that there is room for."""
        while self.waiting and self.seats < self.limit:
            queue = self._next(now)
            ticket = queue.oldest()
            assert ticket is not None
            if not self._has_room(ticket.work.most):
                ticket.flow.tally.crowded += 1
                break
            self._robin = queue.index
            self._leave(queue, ticket, now)
        if self.waiting:
            for queue in self.queues:
                oldest = queue.oldest()
                if oldest is not None and self._is_spared(oldest):
                    self._leave(queue, oldest, now)

    def _leave(self, queue: Queue, ticket: Ticket, now: float) -> None:
        """Let a request out of its queue, to be served if it has not given up just now."""
        decided = ticket.decided
        assert decided is not None
        self._dequeue(queue, ticket)
        if not decided.done():
            self._begin_from(queue, ticket, now)
            decided.set_result(True)
        self._bound(queue)

    def _next(self, now: float) -> Queue:
        """Return the queue whose oldest request would end first; ties go round."""
        count = len(self.queues)
        starts: list[float] = []
        discounted: list[float] = []
        found, least = self.queues[0], float("inf")
        for step in range(1, count + 1):
            queue = self.queues[(self._robin + step) % count]
            if not queue.waiting:
                continue
            oldest = next(iter(queue.waiting))
            start = queue.start_r(now)
            starts.append(start)
            discounted.append(start - queue.seats * _GUESS)
            end = start + oldest.charged
            if end < least:
                found, least = queue, end
        self.last_dispatch = (
            self.r, found.next_r, min(starts), max(starts), min(discounted), max(discounted),
        )  # fmt: skip
        return found

    def _begin_from(self, queue: Queue, ticket: Ticket, now: float) -> None:
        work = ticket.work
        if work.final > self.limit:
            # Fewer seats for longer is the same work.
            longer = work.linger * work.final / self.limit
            ticket.work = Work(work.seats, self.limit, longer)
        if not queue.executing and not queue.waiting:
            self._active += 1
        queue.executing[ticket] = None
        ticket.flow.under_way += 1
        queue.running += work.seats
        queue.since += work.seats * (now + _GUESS)
        queue.seats += ticket.work.most
        queue.next_r += ticket.charged
        self._begin(ticket, now)

    def _begin(self, ticket: Ticket, now: float) -> None:
        most, tally = ticket.work.most, ticket.flow.tally
        ticket.started = now
        self.executing += 1
        self.dispatched += 1
        self.seats += most
        tally.executing += 1
        tally.dispatched += 1
        tally.seats += most

    def _bound(self, queue: Queue) -> None:
        """See to it that nothing begins, by the level's clock, before it came.

        Else a queue that cannot use its share would save it up and push the others aside later.
        """
        oldest = queue.oldest()
        if oldest is not None and queue.next_r < oldest.arrived_r:
            queue.next_r = oldest.arrived_r

    def _let_go(self) -> None:
        """Remove queues that are too many and empty."""
        wanted = self.shape.queues
        if len(self.queues) <= wanted:
            return
        kept = [
            queue
            for queue in self.queues
            if queue.index < wanted or queue.waiting or queue.executing or queue.seats
        ]
        self.queues = kept
        for index, queue in enumerate(kept):
            queue.index = index
        self._robin = min(self._robin, max(len(kept) - 1, 0))


def _work_of(queue: Queue) -> float:
    return queue.waiting_work
