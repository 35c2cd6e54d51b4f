"""Priority and fairness as a gate: seats first, then a turn on the processor."""

import asyncio

from pinnace.api.resources import Resource
from pinnace.api.wire import Answer, Request, Response, User
from pinnace.apiserver.core import Core
from pinnace.apiserver.deadlines import is_long_running, seconds_for
from pinnace.apiserver.fairness.dumps import PREFIX, dump
from pinnace.apiserver.fairness.estimate import LITTLE, Stored, Work, of_change, of_list
from pinnace.apiserver.fairness.flow import Flow
from pinnace.apiserver.fairness.gate import PASSING, READING, Held, Rejected, leaving
from pinnace.apiserver.fairness.interest import Interest, Where
from pinnace.apiserver.fairness.kinds import Kinds
from pinnace.apiserver.fairness.levels import Level, Levels
from pinnace.apiserver.fairness.queueset import QueueSet, Ticket
from pinnace.apiserver.fairness.turns import Turns
from pinnace.apiserver.flows import FLOWS, Flows
from pinnace.apiserver.routes import RequestInfo
from pinnace.kit.waits import set_or_elapsed
from pinnace.store.watchcache.changes import Change

# Nobody waits longer than this, or than a quarter of the time that the request has.
_MOST_WAIT, _WAIT_SHARE = 60.0, 4
_ADJUST_SECONDS = 10.0
_CHANGES = frozenset({"create", "update", "patch", "delete"})


class Priority:
    """The gate of a server with priority and fairness."""

    def __init__(self, core: Core) -> None:
        config = core.config
        total = config.max_requests_inflight + config.max_mutating_requests_inflight
        self.core = core
        self.now = core.clock.monotonic
        self.turns = Turns()
        self.levels = Levels(total, self.turns)
        self.flows = Flows(core.lookup, self.levels)
        self.interest = Interest()
        self.kinds = Kinds(self.now())
        self._changed = asyncio.Event()
        self._releasing: set[QueueSet] = set()

    async def start(self) -> None:
        """Follow the objects that say who has what."""
        for row in FLOWS:
            (await self.core.cache(row)).listeners.append(self._noticed)

    def _noticed(self, change: Change) -> None:
        self.flows.forget()
        self._changed.set()

    async def run(self) -> None:
        """Take over what has changed, and adjust what levels lend each other, for ever."""
        due = self.now() + _ADJUST_SECONDS
        while True:
            await set_or_elapsed(self._changed, self.core.clock, max(due - self.now(), 0.0))
            if self._changed.is_set():
                self._changed.clear()
                self.flows.digest(self.now())
            if self.now() >= due:
                self.levels.adjust(self.now())
                due = self.now() + _ADJUST_SECONDS

    def enter(self, request: Request, info: RequestInfo, user: User) -> Held:
        """Let a request in, or let it wait; raises Rejected."""
        if info.verb != "watch" and is_long_running(info):
            return PASSING
        now = self.now()
        flow, level = self.flows.of(user, info, now)
        work = LITTLE if info.verb == "get" else self._work(request, info, level, flow)
        held = _Seated(self, request, info, user, flow, level, work, now)
        if work is LITTLE and level.queues.has_a_seat and info.verb != "watch":
            # Most are answered before anybody else could want the seat.
            held.waits = not (level.exempt or self.turns.free)
        else:
            held.sit()
        return held

    def dump(self, path: str, *, details: bool) -> bytes | None:
        """Return a page for who looks at the queues; None if there is none at this path."""
        if not path.startswith(PREFIX):
            return None
        now, levels = self.now(), self.levels.by_name.values()
        for level in levels:
            level.queues.sync(now)
        page = path.removeprefix(PREFIX)
        return dump(page, levels, details=details, now=self.core.clock.now(), seconds=now)

    def _work(self, request: Request, info: RequestInfo, level: Level, flow: Flow) -> Work:
        verb = info.verb
        if verb in _CHANGES:
            watches = self.interest.of(info)
            flow.tally.watches.observe(watches)
            return of_change(info, watches, level.most)
        if verb in ("list", "watch"):
            return of_list(request, info, self._stored(info), level.most)
        return LITTLE

    def _stored(self, info: RequestInfo) -> Stored | None:
        row: Resource | None = self.core.rows.find(info.group, info.version, info.resource)
        cache = self.core.caches.loaded(row.prefix) if row is not None and row.prefix else None
        if cache is None:
            return None
        count = len(cache)
        return Stored(count, cache.bytes // count if count else 0)

    def patience(self, request: Request, info: RequestInfo) -> float:
        """Return for how long a request may wait."""
        most = self.core.config.request_timeout
        seconds = most if info.verb == "watch" else seconds_for(request, most)
        return min(seconds / _WAIT_SHARE, _MOST_WAIT)

    def release_later(self, queues: QueueSet) -> None:
        """See to it that seats which come free by themselves are taken."""
        at = queues.next_release()
        if at is None or queues in self._releasing:
            return
        self._releasing.add(queues)

        def ring() -> None:
            self._releasing.discard(queues)
            now = self.now()
            queues.sync(now)
            queues.dispatch(now)
            self.release_later(queues)

        self.core.alarms.after(max(at - self.now(), 0.0), ring)


class _Seated(Held):
    """One request in its level.

    It takes its seat (a ticket) when it first has to wait for something: until then nobody else can
    want that. One that never waits has been in nobody's way, and is only counted.
    """

    __slots__ = (
        "_arrived", "_done", "_gate", "_info", "_level", "_request", "_ticket", "_user", "_where",
        "_work", "flow", "waits",
    )  # fmt: skip

    def __init__(
        self,
        gate: Priority,
        request: Request,
        info: RequestInfo,
        user: User,
        flow: Flow,
        level: Level,
        work: Work,
        now: float,
    ) -> None:
        self.flow: Flow = flow
        self.waits = False
        self._gate = gate
        self._request = request
        self._info = info
        self._user = user
        self._level = level
        self._work = work
        self._arrived = now
        self._ticket: Ticket | None = None
        self._done = False
        self._where: Where | None = None

    def sit(self) -> None:
        """Take a seat, or a place in a queue."""
        gate, flow, queues = self._gate, self.flow, self._level.queues
        now = gate.now()
        most = self._work.most
        if most == 1:
            flow.tally.narrow += 1
        else:
            flow.tally.widths.observe(most)
        ticket = self._ticket = queues.start(flow, self._work, now)
        if ticket is None:
            self._done = self.waits = True
            flow.tally.waited(0.0, served=False)
            return
        ticket.about = self._user.name, self._info
        if ticket.begun:
            self._seated()
            self.waits = not (self._level.exempt or gate.turns.free)
        else:
            self.waits = True
            gate.release_later(queues)

    def _seated(self) -> None:
        gate = self._gate
        gate.kinds.execute(self._info.verb in READING, gate.now(), 1)
        if self._info.verb == "watch":
            self._where = gate.interest.where(self._info)
            if self._where is not None:
                gate.interest.add(self._where)

    def paused(self) -> None:
        if self._ticket is None and not self._done:
            self.sit()

    async def ready(self, request: Request) -> None:
        gate, ticket = self._gate, self._ticket
        if self._done:
            raise self._rejected()
        if request.waiting is not None:
            request.waiting(True)
        if ticket is not None and not ticket.begun:
            await self._seat(ticket)
        if not (gate.turns.free or self._level.exempt):
            await gate.turns.wait(self.flow)
        if request.waiting is not None:
            request.waiting(False)

    async def _seat(self, ticket: Ticket) -> None:
        """Wait for seats; raises Rejected."""
        gate, queues, decided = self._gate, ticket.level, ticket.decided
        assert decided is not None
        reading = self._info.verb in READING

        def late() -> None:
            if not decided.done():
                decided.set_result(False)

        gate.kinds.wait(reading, gate.now(), 1)
        alarm = gate.core.alarms.after(gate.patience(self._request, self._info), late)
        try:
            await decided
        finally:
            alarm.cancel()
            now = gate.now()
            gate.kinds.wait(reading, now, -1)
            self.flow.tally.waited(now - ticket.arrived, served=ticket.begun)
            if ticket.begun:
                self._seated()
            else:
                self._ticket, self._done = None, True
                queues.give_up(ticket, now)
        if not ticket.begun:
            raise self._rejected()

    def _rejected(self) -> Rejected:
        dropped = self._level.dropped
        dropped.record(int(self._gate.core.clock.now().timestamp()))
        return Rejected(dropped.retry_after)

    async def rest(self) -> None:
        turns = self._gate.turns
        if turns.free or self._level.exempt:
            await asyncio.sleep(0)
        else:
            await turns.wait(self.flow)

    def spent(self, seconds: float) -> None:
        self._gate.turns.charge(self.flow, seconds)

    def begun(self) -> None:
        if self._done:
            return
        self._done = True
        gate, ticket, level = self._gate, self._ticket, self._level
        now = gate.now()
        if ticket is None:
            seconds = now - self._arrived
            self.flow.tally.passed += 1
            self.flow.tally.took("regular", seconds)
            level.queues.dispatched += 1
            level.occupancy.passing += seconds
            gate.kinds.passing[self._info.verb in READING] += seconds
            return
        gate.kinds.execute(self._info.verb in READING, now, -1)
        kind = "watch" if self._info.verb == "watch" else "regular"
        self.flow.tally.took(kind, now - ticket.started)
        queues = ticket.level
        queues.finish(ticket, now)
        if queues.waiting:
            gate.release_later(queues)

    def finish(self) -> None:
        self.begun()
        if self._where is not None:
            self._gate.interest.remove(self._where)
            self._where = None

    def leaving(self, answer: Answer) -> Answer:
        if type(answer) is Response:
            self.finish()
            return answer
        self.paused()
        return leaving(self, answer)
