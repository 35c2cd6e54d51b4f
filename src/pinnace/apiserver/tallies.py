"""Numbers that are counted on the way of each request, and printed when somebody asks for them.

A table costs a dictionary look-up for each count, which is less than a metrics library's locks:
only the event loop counts, and what is printed is a copy.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from prometheus_client.core import Metric

Labels = tuple[str, ...]
REQUEST = (
    "verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component",
)  # fmt: skip
_SECONDS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10,
            15, 20, 30, 45, 60)  # fmt: skip
_POWERS = tuple(0.001 * 2**n for n in range(15))
_KIB = tuple(1024 * 2**n for n in range(8))


@dataclass(slots=True)
class Counters:
    """A counter for each set of label values."""

    name: str
    what: str
    labels: Labels
    kind: str = "counter"
    values: dict[Labels, float] = field(default_factory=dict)

    def add(self, key: Labels, number: float = 1) -> None:
        """Count."""
        self.values[key] = self.values.get(key, 0) + number

    def snapshot(self) -> Metric:
        """Return what is counted now."""
        metric = Metric(self.name.removesuffix("_total"), self.what, self.kind)
        for key, value in self.values.items():
            metric.add_sample(self.name, dict(zip(self.labels, key, strict=True)), value)
        return metric


@dataclass(slots=True)
class Spread:
    """The values that were observed for one set of label values."""

    edges: Sequence[float]
    counts: list[int]
    total: float = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.edges, value)] += 1
        self.total += value

    def weigh(self, value: float, weight: int) -> None:
        """Count a value so many times."""
        self.counts[bisect_left(self.edges, value)] += weight
        self.total += value * weight


@dataclass(slots=True)
class Histograms:
    """A histogram for each set of label values."""

    name: str
    what: str
    labels: Labels
    buckets: Sequence[float]
    values: dict[Labels, Spread] = field(default_factory=dict)

    def observe(self, key: Labels, value: float) -> None:
        """Count a value."""
        spread = self.values.get(key) or self.of(key)
        spread.counts[bisect_left(spread.edges, value)] += 1
        spread.total += value

    def of(self, key: Labels) -> Spread:
        """Return what counts the values of a set of label values, for who has many of them."""
        spread = self.values.get(key)
        if spread is None:
            spread = Spread(self.buckets, [0] * (len(self.buckets) + 1))
            self.values[key] = spread
        return spread

    def snapshot(self) -> Metric:
        """Return what is counted now."""
        metric = Metric(self.name, self.what, "histogram")
        for key, spread in self.values.items():
            if any(spread.counts):
                add_spread(metric, dict(zip(self.labels, key, strict=True)), spread)
        return metric


def add_spread(metric: Metric, labels: dict[str, str], spread: Spread) -> None:
    """Add the samples of one histogram to a metric."""
    below = 0
    bounds = [_bound(edge) for edge in spread.edges]
    for bound, count in zip((*bounds, "+Inf"), spread.counts, strict=True):
        below += count
        metric.add_sample(f"{metric.name}_bucket", {**labels, "le": bound}, below)
    metric.add_sample(f"{metric.name}_sum", labels, spread.total)
    metric.add_sample(f"{metric.name}_count", labels, below)


def _bound(edge: float) -> str:
    return f"{edge:g}"


_WITHOUT_DRY_RUN = (REQUEST[0], *REQUEST[2:])
_WHERE = ("group", "version", "resource")
_BY = "for each verb, dry run value, group, version, resource, "


@dataclass(slots=True)
class Tallies:
    """Everything that one server counts, by upstream's names."""

    requests: Counters = field(
        default_factory=lambda: Counters(
            "apiserver_request_total",
            f"[STABLE] Counter of apiserver requests broken out {_BY}scope, component, and HTTP "
            "response code.",
            (*REQUEST, "code"),
        )
    )
    seconds: Histograms = field(
        default_factory=lambda: Histograms(
            "apiserver_request_duration_seconds",
            "[STABLE] Response latency distribution in seconds "
            f"{_BY}subresource, scope and component.",
            REQUEST,
            _SECONDS,
        )
    )
    sli_seconds: Histograms = field(
        default_factory=lambda: Histograms(
            "apiserver_request_sli_duration_seconds",
            "[ALPHA] Response latency distribution (not counting webhook duration and priority & "
            "fairness queue wait times) in seconds for each verb, group, version, resource, "
            "subresource, scope and component.",
            _WITHOUT_DRY_RUN,
            _SECONDS[2:],
        )
    )
    response_sizes: Histograms = field(
        default_factory=lambda: Histograms(
            "apiserver_response_sizes",
            "[STABLE] Response size distribution in bytes for each group, version, verb, resource, "
            "subresource, scope and component.",
            _WITHOUT_DRY_RUN,
            tuple(1000 * 10.0**n for n in range(7)),
        )
    )
    watch_events: Counters = field(
        default_factory=lambda: Counters(
            "apiserver_watch_events_total", "[ALPHA] Number of events sent in watch clients", _WHERE
        )
    )
    watch_sizes: Histograms = field(
        default_factory=lambda: Histograms(
            "apiserver_watch_events_sizes",
            "[ALPHA] Watch event size distribution in bytes",
            _WHERE,
            _KIB,
        )
    )
    long_running: Counters = field(
        default_factory=lambda: Counters(
            "apiserver_longrunning_requests",
            "[STABLE] Gauge of all active long-running apiserver requests broken out by verb, "
            "group, version, resource, scope and component. Not all requests are tracked this way.",
            _WITHOUT_DRY_RUN,
            "gauge",
        )
    )
    deprecated: Counters = field(
        default_factory=lambda: Counters(
            "apiserver_requested_deprecated_apis",
            "[STABLE] Gauge of deprecated APIs that have been requested, broken out by API group, "
            "version, resource, subresource, and removed_release.",
            (*_WHERE, "subresource", "removed_release"),
            "gauge",
        )
    )
    terminations: Counters = field(
        default_factory=lambda: Counters(
            "apiserver_request_terminations_total",
            "[ALPHA] Number of requests which apiserver terminated in self-defense.",
            (*_WITHOUT_DRY_RUN, "code"),
        )
    )
    authentications: Counters = field(
        default_factory=lambda: Counters(
            "authentication_attempts", "[ALPHA] Counter of authenticated attempts.", ("result",)
        )
    )
    authentication_seconds: Histograms = field(
        default_factory=lambda: Histograms(
            "authentication_duration_seconds",
            "[ALPHA] Authentication duration in seconds broken out by result.",
            ("result",),
            _POWERS,
        )
    )
    users: Counters = field(
        default_factory=lambda: Counters(
            "authenticated_user_requests",
            "[ALPHA] Counter of authenticated requests broken out by username.",
            ("username",),
        )
    )
    authorizations: Counters = field(
        default_factory=lambda: Counters(
            "authorization_attempts_total",
            "[ALPHA] Counter of authorization attempts broken down by result. It can be either "
            "'allowed', 'denied', 'no-opinion' or 'error'.",
            ("result",),
        )
    )
    authorization_seconds: Histograms = field(
        default_factory=lambda: Histograms(
            "authorization_duration_seconds",
            "[ALPHA] Authorization duration in seconds broken out by result.",
            ("result",),
            _POWERS,
        )
    )

    audit_events: Counters = field(
        default_factory=lambda: Counters(
            "apiserver_audit_event_total",
            "[ALPHA] Counter of audit events generated and sent to the audit backend.",
            (),
        )
    )
    audit_errors: Counters = field(
        default_factory=lambda: Counters(
            "apiserver_audit_error_total",
            "[ALPHA] Counter of audit events that failed to be audited properly. Plugin "
            "identifies the plugin affected by the error.",
            ("plugin",),
        )
    )
    audit_levels: Counters = field(
        default_factory=lambda: Counters(
            "apiserver_audit_level_total",
            "[ALPHA] Counter of policy levels for audit events (1 per request).",
            ("level",),
        )
    )
    audit_rejected: Counters = field(
        default_factory=lambda: Counters(
            "apiserver_audit_requests_rejected_total",
            "[ALPHA] Counter of apiserver requests rejected due to an error in audit logging "
            "backend.",
            (),
        )
    )
    unavailable: Counters = field(
        default_factory=lambda: Counters(
            "aggregator_unavailable_apiservice",
            "[ALPHA] Gauge of APIServices which are marked as unavailable broken down by "
            "APIService name.",
            ("name",),
            kind="gauge",
        )
    )
    unavailable_total: Counters = field(
        default_factory=lambda: Counters(
            "aggregator_unavailable_apiservice_total",
            "[ALPHA] Counter of APIServices which are marked as unavailable broken down by "
            "APIService name and reason.",
            ("name", "reason"),
        )
    )

    def all(self) -> list[Metric]:
        """Return everything as it is now."""
        tables: list[Counters | Histograms] = [getattr(self, name) for name in self.__slots__]
        return [table.snapshot() for table in tables]
