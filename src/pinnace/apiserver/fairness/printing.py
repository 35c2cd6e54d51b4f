"""What priority and fairness has counted, as metrics of upstream's names."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import Metric

from pinnace.apiserver.fairness.flow import Tally
from pinnace.apiserver.fairness.kinds import LABELS
from pinnace.apiserver.fairness.levels import Level
from pinnace.apiserver.fairness.priority import Priority
from pinnace.apiserver.tallies import Spread, add_spread

_NAME = "apiserver_flowcontrol_"
_PAIR = ("priority_level", "flow_schema")
Each = tuple[Level, str, Tally]

_OF_LEVELS: tuple[tuple[str, str, Callable[[Level], float]], ...] = (
    ("current_limit_seats", "[ALPHA] current derived number of execution seats available to each "
     "priority level", lambda level: level.queues.limit),
    ("nominal_limit_seats", "[BETA] Nominal number of execution seats configured for each priority "
     "level", lambda level: level.bounds.nominal),
    ("lower_limit_seats", "[ALPHA] Configured lower bound on number of execution seats available "
     "to each priority level", lambda level: level.bounds.lower),
    ("upper_limit_seats", "[ALPHA] Configured upper bound on number of execution seats available "
     "to each priority level", lambda level: level.bounds.upper),
    ("current_r", "[ALPHA] R(time of last change)", lambda level: level.queues.r),
    ("dispatch_r", "[ALPHA] R(time of last dispatch)",
     lambda level: level.queues.last_dispatch[0]),
    ("latest_s", "[ALPHA] S(most recently dispatched request)",
     lambda level: level.queues.last_dispatch[1]),
    ("demand_seats_high_watermark", "[ALPHA] High watermark, over last adjustment period, of "
     "demand_seats", lambda level: level.occupancy.demand.high),
    ("demand_seats_average", "[ALPHA] Time-weighted average, over last adjustment period, of "
     "demand_seats", lambda level: level.occupancy.demand.average),
    ("demand_seats_stdev", "[ALPHA] Time-weighted standard deviation, over last adjustment period, "
     "of demand_seats", lambda level: level.occupancy.demand.deviation),
    ("demand_seats_smoothed", "[ALPHA] Smoothed seat demands",
     lambda level: level.occupancy.demand.smoothed),
    ("target_seats", "[ALPHA] Seat allocation targets", lambda level: level.target),
)  # fmt: skip

_OF_FLOWS: tuple[tuple[str, str, str, Callable[[Tally], float]], ...] = (
    ("dispatched_requests_total", "counter", "[BETA] Number of requests executed by API Priority "
     "and Fairness subsystem", lambda tally: tally.dispatched + tally.passed),
    ("current_inqueue_requests", "gauge", "[BETA] Number of requests currently pending in queues "
     "of the API Priority and Fairness subsystem", lambda tally: tally.waiting),
    ("current_inqueue_seats", "gauge", "[ALPHA] Number of seats currently pending in queues of the "
     "API Priority and Fairness subsystem", lambda tally: tally.seats_waiting),
    ("current_executing_requests", "gauge", "[BETA] Number of requests in initial (for a WATCH) or "
     "any (for a non-WATCH) execution stage in the API Priority and Fairness subsystem",
     lambda tally: tally.executing),
    ("current_executing_seats", "gauge", "[BETA] Concurrency (number of seats) occupied by the "
     "currently executing (initial stage for a WATCH, any stage otherwise) requests in the API "
     "Priority and Fairness subsystem", lambda tally: tally.seats),
    ("request_dispatch_no_accommodation_total", "counter", "[ALPHA] Number of times a dispatch "
     "attempt resulted in a non accommodation due to lack of available seats",
     lambda tally: tally.crowded),
)  # fmt: skip


def fairness_metrics(priority: Priority) -> list[Metric]:
    """Return everything as it is now."""
    now = priority.now()
    levels = sorted(priority.levels.by_name.values(), key=lambda level: level.name)
    for level in levels:
        level.queues.sync(now)
        level.occupancy.fold()
    each = [
        (level, schema, tally)
        for level in levels
        for schema, tally in sorted(level.tallies.items())
    ]
    share = Metric(
        f"{_NAME}seat_fair_frac",
        "[ALPHA] Fair fraction of server's concurrency to allocate to each priority level that can "
        "use it",
        "gauge",
    )
    share.add_sample(share.name, {}, priority.levels.fair_share)
    return [
        share,
        *_gauges(levels),
        *_counts(each),
        *_spreads(each),
        *_utilizations(levels),
        _kinds(priority, levels, now),
    ]


def _gauges(levels: Iterable[Level]) -> Iterator[Metric]:
    levels = list(levels)
    for name, what, value in _OF_LEVELS:
        metric = Metric(_NAME + name, what, "gauge")
        for level in levels:
            metric.add_sample(metric.name, {"priority_level": level.name}, value(level))
        yield metric
    for name, at, what in (
        ("next_s_bounds", 2, "S(oldest waiting request in queue)"),
        ("next_discounted_s_bounds", 4,
         "S(oldest waiting request in queue) - estimated work in progress"),
    ):  # fmt: skip
        metric = Metric(_NAME + name, f"[ALPHA] min and max, over queues, of {what}", "gauge")
        for level in levels:
            for bound in ("min", "max"):
                value_of = level.queues.last_dispatch[at + (bound == "max")]
                labels = {"priority_level": level.name, "bound": bound}
                metric.add_sample(metric.name, labels, value_of)
        yield metric


def _labels(level: Level, schema: str, **more: str) -> dict[str, str]:
    return {"priority_level": level.name, "flow_schema": schema, **more}


def _counts(each: list[Each]) -> Iterator[Metric]:
    for name, kind, what, value in _OF_FLOWS:
        metric = Metric((_NAME + name).removesuffix("_total"), what, kind)
        for level, schema, tally in each:
            metric.add_sample(_NAME + name, _labels(level, schema), value(tally))
        yield metric
    name = f"{_NAME}rejected_requests_total"
    rejected = Metric(
        name.removesuffix("_total"),
        "[BETA] Number of requests rejected by API Priority and Fairness subsystem",
        "counter",
    )
    for level, schema, tally in each:
        for reason, number in tally.rejected.items():
            rejected.add_sample(name, _labels(level, schema, reason=reason), number)
    yield rejected


def _with(spread: Spread, value: float, times: int) -> Spread:
    """Return a histogram with what was counted apart, since it is nearly always the same."""
    more = Spread(spread.edges, list(spread.counts), spread.total)
    more.weigh(value, times)
    return more


def _spreads(each: list[Each]) -> Iterator[Metric]:
    lengths = _histogram("request_queue_length_after_enqueue", "[ALPHA] Length of queue in the API "
                         "Priority and Fairness subsystem, as seen by each request after it is "
                         "enqueued")  # fmt: skip
    waits = _histogram("request_wait_duration_seconds",
                       "[BETA] Length of time a request spent waiting in its queue")  # fmt: skip
    took = _histogram("request_execution_seconds", "[ALPHA] Duration of initial stage (for a WATCH)"
                      " or any (for a non-WATCH) stage of request execution in the API Priority "
                      "and Fairness subsystem")  # fmt: skip
    widths = _histogram("work_estimated_seats", "[ALPHA] Number of estimated seats (maximum of "
                        "initial and final seats) associated with requests in API Priority and "
                        "Fairness")  # fmt: skip
    watches = _histogram("watch_count_samples", "[ALPHA] count of watchers for mutating requests in"
                         " API Priority and Fairness")  # fmt: skip
    for level, schema, tally in each:
        labels = _labels(level, schema)
        straight = tally.straight + tally.passed
        if level.queues.shape.queues:
            add_spread(lengths, labels, _with(tally.lengths, 1, straight))
        if not level.exempt:
            served = tally.waits[True]
            at_once = tally.dispatched + tally.passed - sum(served.counts)
            add_spread(waits, {**labels, "execute": "true"}, _with(served, 0.0, at_once))
            if sum(tally.waits[False].counts):
                add_spread(waits, {**labels, "execute": "false"}, tally.waits[False])
        for kind, spread in tally.executions.items():
            add_spread(took, {**labels, "type": kind}, spread)
        add_spread(widths, labels, _with(tally.widths, 1, tally.narrow + tally.passed))
        if sum(tally.watches.counts):
            add_spread(watches, labels, tally.watches)
    yield from (lengths, waits, took, widths, watches)


def _histogram(name: str, what: str) -> Metric:
    return Metric(_NAME + name, what, "histogram")


def _utilizations(levels: list[Level]) -> Iterator[Metric]:
    of = "Observations, at the end of every nanosecond, of"
    seats = _histogram(
        "priority_level_seat_utilization",
        f"EXPERIMENTAL: [ALPHA] {of} utilization "
        "of seats for any stage of execution (but only initial stage for WATCHes)",
    )
    requests = _histogram("priority_level_request_utilization", f"EXPERIMENTAL: [ALPHA] {of} number"
                          " of requests (as a fraction of the relevant limit) waiting or in any "
                          "stage of execution (but only initial stage for WATCHes)")  # fmt: skip
    demand = _histogram(
        "demand_seats",
        f"EXPERIMENTAL: [ALPHA] {of} (the number of seats each "
        "priority level could use) / (nominal number of seats for that level)",
    )
    for level in levels:
        name = {"priority_level": level.name}
        add_spread(seats, {"phase": "executing", **name}, level.gauges.seats)
        add_spread(requests, {"phase": "executing", **name}, level.gauges.executing)
        add_spread(requests, {"phase": "waiting", **name}, level.gauges.waiting)
        add_spread(demand, name, level.gauges.demand)
    yield from (seats, requests, demand)


def _kinds(priority: Priority, levels: list[Level], now: float) -> Metric:
    metric = _histogram(
        "read_vs_write_current_requests",
        "EXPERIMENTAL: [ALPHA] Observations, at "
        "the end of every nanosecond, of the number of requests (as a fraction of "
        "the relevant limit) waiting or in regular stage of execution",
    )
    kinds = priority.kinds
    executing = sum(level.bounds.nominal for level in levels)
    waiting = sum(level.queues.shape.queues * level.queues.shape.length for level in levels)
    kinds.fold(now, executing=max(executing, 1), waiting=waiting)
    for (phase, kind), spread in zip(LABELS, kinds.spreads, strict=True):
        add_spread(metric, {"phase": phase, "request_kind": kind}, spread)
    return metric
