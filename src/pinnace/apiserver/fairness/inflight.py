"""The plain limits: so many reads and so many writes at a time, without any queue."""

from collections.abc import Callable

from pinnace.api.wire import Answer, Request, User
from pinnace.apiserver.deadlines import is_long_running
from pinnace.apiserver.fairness.gate import PASSING, READING, Held, Rejected, leaving
from pinnace.apiserver.routes import RequestInfo

_MASTERS = "system:masters"


class InFlight:
    """A gate that counts; a limit of 0 is none."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = _Limit(reads), _Limit(writes)

    def enter(self, request: Request, info: RequestInfo, user: User) -> Held:
        """Let a request in; raises Rejected if there are too many of its kind."""
        if is_long_running(info):
            return PASSING
        limit = self._reads if info.verb in READING else self._writes
        if not limit.most:
            return PASSING
        if limit.held >= limit.most:
            if _MASTERS in user.groups:
                return PASSING
            raise Rejected
        limit.held += 1
        return _Counted(limit.leave)


class _Limit:
    def __init__(self, most: int) -> None:
        self.most = most
        self.held = 0

    def leave(self) -> None:
        self.held -= 1


class _Counted(Held):
    """One request that counts until it is finished."""

    __slots__ = ("_leave",)

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave: Callable[[], None] | None = leave

    def finish(self) -> None:
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()

    def leaving(self, answer: Answer) -> Answer:
        return leaving(self, answer)
