"""The pages below /debug/api_priority_and_fairness: levels, queues and requests as tables. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from pinnace.apiserver.fairness.levels import Level
from pinnace.apiserver.fairness.queueset import Ticket

PREFIX = "/debug/api_priority_and_fairness/"
_LEVELS = (
    "PriorityLevelName", "ActiveQueues", "IsIdle", "IsQuiescing", "WaitingRequests",
    "ExecutingRequests", "DispatchedRequests", "RejectedRequests", "TimedoutRequests",
    "CancelledRequests",
)  # fmt: skip
_QUEUES = (
    "PriorityLevelName", "Index", "PendingRequests", "ExecutingRequests", "SeatsInUse",
    "NextDispatchR", "InitialSeatsSum", "MaxSeatsSum", "TotalWorkSum",
)  # fmt: skip
_REQUESTS = (
    "PriorityLevelName", "FlowSchemaName", "QueueIndex", "RequestIndexInQueue", "FlowDistingsher",
    "ArriveTime", "InitialSeats", "FinalSeats", "AdditionalLatency", "StartTime",
)  # fmt: skip
_DETAILS = (
    "UserName", "Verb", "APIPath", "Namespace", "Name", "APIVersion", "Resource", "SubResource",
)  # fmt: skip
_WIDTH = 8
_NEVER = "0001-01-01T00:00:00Z"
Row = Sequence[str]


def dump(
    page: str, levels: Iterable[Level], *, details: bool, now: datetime, seconds: float
) -> bytes | None:
    """Return a page, or None; `seconds` is `now` by the queues' clock."""
    ordered = sorted(levels, key=lambda level: level.name)
    if page == "dump_priority_levels":
        return _table([_LEVELS, *map(_level, ordered)])
    if page == "dump_queues":
        return _table([_QUEUES, *(row for level in ordered for row in _queues(level))])
    if page == "dump_requests":
        head = (*_REQUESTS, *_DETAILS) if details else _REQUESTS
        rows = [
            _request(level.name, at, place, ticket, now - timedelta(seconds=seconds), details)
            for level in ordered
            for at, place, ticket in _tickets(level)
        ]
        return _table([head, *rows])
    return None


def _table(rows: Sequence[Row]) -> bytes:
    """Write columns as Go's tabwriter does: each as wide as its widest cell and one space more."""
    widths = [max(_WIDTH, *(len(row[at]) + 2 for row in rows)) for at in range(len(rows[0]) - 1)]
    lines = [
        "".join(f"{cell},".ljust(width) for cell, width in zip(row, widths, strict=False)) + row[-1]
        for row in rows
    ]
    return ("\n".join(lines) + "\n").encode()


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _level(level: Level) -> Row:
    queues = level.queues
    active = sum(1 for queue in queues.queues if queue.waiting)
    numbers = (
        queues.waiting, queues.executing, queues.dispatched, queues.rejected, queues.timed_out,
        queues.cancelled,
    )  # fmt: skip
    state = str(active), _flag(queues.idle), _flag(level.quiescing)
    return level.name, *state, *map(str, numbers)


def _work(seat_seconds: float) -> str:
    return f"{max(seat_seconds, 0.0):.8f}ss"


def _queues(level: Level) -> Iterator[Row]:
    for queue in level.queues.queues:
        initial = sum(ticket.work.seats for ticket in queue.waiting)
        most = sum(ticket.work.most for ticket in queue.waiting)
        numbers = len(queue.waiting), len(queue.executing), queue.seats
        yield (
            level.name, str(queue.index), *map(str, numbers), _work(queue.next_r), str(initial),
            str(most), _work(queue.waiting_work),
        )  # fmt: skip


def _tickets(level: Level) -> Iterator[tuple[int, int, Ticket]]:
    for queue in level.queues.queues:
        for place, ticket in enumerate(queue.waiting):
            yield queue.index, place, ticket
        for ticket in queue.executing:
            yield queue.index, -1, ticket
    for ticket in level.queues.loose:
        yield -1, -1, ticket


def _request(level: str, at: int, place: int, ticket: Ticket, zero: datetime, details: bool) -> Row:
    work, flow = ticket.work, ticket.flow
    row: Row = (
        level, flow.schema, str(at), str(place), flow.distinguisher, _time(zero, ticket.arrived),
        str(work.seats), str(work.final), _duration(work.linger),
        _time(zero, ticket.started) if ticket.begun else _NEVER,
    )  # fmt: skip
    if not details or ticket.about is None:
        return row
    user, info = ticket.about
    version = f"{info.group}/{info.version}" if info.group else info.version
    about = info.verb, info.path, info.namespace, info.name, version, info.resource
    return *row, user, *about, info.subresource


def _time(zero: datetime, seconds: float) -> str:
    at = (zero + timedelta(seconds=seconds)).astimezone(UTC)
    text = at.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")
    return f"{text}Z"


def _duration(seconds: float) -> str:
    if not seconds:
        return "0s"
    milliseconds = seconds * 1000
    return f"{milliseconds:g}ms" if milliseconds < 1000 else f"{seconds:g}s"
