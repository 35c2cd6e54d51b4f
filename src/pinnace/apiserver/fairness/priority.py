"""Priority and fairness as a gate: seats first, then a turn on the processor."""

import asyncio

from pinnace.api.resources import Resource
from pinnace.api.wire import Answer, Request, User
from pinnace.apiserver.core import Core
from pinnace.apiserver.deadlines import is_long_running, seconds_for
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
        work = self._work(request, info, level, flow)
        most = work.most
        if most == 1:
            flow.tally.narrow += 1
        else:
            flow.tally.widths.observe(most)
        ticket = level.queues.start(flow, work, now)
        held = _Seated(self, info, level, flow, ticket)
        if ticket is None:
            if not level.exempt:
                flow.tally.waited(0.0, served=False)
            return held
        ticket.about = user.name, info
        if ticket.decided is not None and not ticket.decided.done():
            self.release_later(level.queues)
        return held

    def _work(self, request: Request, info: RequestInfo, level: Level, flow: Flow) -> Work:
        verb = info.verb
        if verb == "get":
            return LITTLE
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
    """One request in its level."""

    __slots__ = ("_gate", "_info", "_level", "_reading", "_ticket", "_where", "flow", "waits")

    def __init__(
        self, gate: Priority, info: RequestInfo, level: Level, flow: Flow, ticket: Ticket | None
    ) -> None:
        self.flow: Flow = flow
        self._gate = gate
        self._info = info
        self._level = level
        self._ticket = ticket
        self._reading = info.verb in READING
        self._where: Where | None = None
        self.waits = True
        if ticket is not None and ticket.decided is None:
            self._seated()
            self.waits = not (level.exempt or gate.turns.free)

    def _seated(self) -> None:
        gate = self._gate
        gate.kinds.execute(self._reading, gate.now(), 1)
        if self._info.verb == "watch":
            self._where = gate.interest.where(self._info)
            if self._where is not None:
                gate.interest.add(self._where)

    async def ready(self, request: Request) -> None:
        gate, ticket = self._gate, self._ticket
        if ticket is None:
            raise self._rejected()
        if request.waiting is not None:
            request.waiting(True)
        if ticket.decided is not None:
            await self._seat(request, ticket, ticket.decided)
        if not gate.turns.free:
            await gate.turns.wait(self.flow)
        if request.waiting is not None:
            request.waiting(False)

    async def _seat(
        self, request: Request, ticket: Ticket, decided: "asyncio.Future[bool]"
    ) -> None:
        gate, queues = self._gate, ticket.level
        gate.kinds.wait(self._reading, gate.now(), 1)

        def late() -> None:
            if not decided.done():
                decided.set_result(False)

        alarm = gate.core.alarms.after(gate.patience(request, self._info), late)
        served = False
        try:
            served = await decided
        except asyncio.CancelledError:
            if ticket.begun:
                # It was begun and cancelled in the same moment.
                self._seated()
            raise
        finally:
            alarm.cancel()
            now = gate.now()
            gate.kinds.wait(self._reading, now, -1)
            self.flow.tally.waited(now - ticket.arrived, served=served)
            if not ticket.begun:
                self._ticket = None
                queues.give_up(ticket, now)
        if not served:
            raise self._rejected()
        self._seated()

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
        ticket, self._ticket = self._ticket, None
        if ticket is None:
            return
        gate, queues = self._gate, ticket.level
        now = gate.now()
        gate.kinds.execute(self._reading, now, -1)
        kind = "watch" if self._info.verb == "watch" else "regular"
        self.flow.tally.took(kind, now - ticket.started)
        queues.finish(ticket, now)
        if queues.waiting:
            gate.release_later(queues)

    def finish(self) -> None:
        self.begun()
        if self._where is not None:
            self._gate.interest.remove(self._where)
            self._where = None

    def leaving(self, answer: Answer) -> Answer:
        return leaving(self, answer)
