"""Metrics of the store and of the caches in front of it, by upstream's names and labels."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import MappingProxyType

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from pinnace.api.kinds.table import RESOURCES

_BUCKETS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10,
            15, 20, 30, 45, 60)  # fmt: skip
_WAITS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3)
_LABELS = ("group", "resource")
# What upstream calls the first, and here the only, cluster of etcd servers.
_CLUSTER = "etcd-0"

Where = tuple[str, str]
_PREFIXES = MappingProxyType(
    {row.prefix: (row.group, row.plural) for row in reversed(RESOURCES) if row.prefix}
)


def resource_of(key: str) -> Where:
    """Return the group and resource that a key belongs to."""
    head = key.rpartition("/")[0]
    for prefix in (head, head.rpartition("/")[0]):
        found = _PREFIXES.get(prefix)
        if found is not None:
            return found
    # Resources that are defined at run time have their group in the key; what is not an object of
    # a resource is called by the first part.
    parts = [*key.split("/")[2:], "", ""]
    return (parts[0], parts[1]) if "." in parts[0] else ("", parts[0])


@dataclass(slots=True)
class Lists:
    """How often a resource was listed from one place, and what that took."""

    total: int = 0
    fetched: int = 0
    returned: int = 0


@dataclass(slots=True)
class Reading:
    """What the caches of a resource did until now; kept up to date at each scrape."""

    received: int = 0
    revision: int = 0
    bytes: int = 0
    loaded: int = 0


@dataclass(slots=True, eq=False)
class StoreMetrics:
    """Counts what is asked of the store; `resource_of` says which group and resource a key has."""

    registry: CollectorRegistry
    resource_of: Callable[[str], Where]
    from_cache: dict[Where, Lists] = field(default_factory=dict)
    from_store: dict[Where, Lists] = field(default_factory=dict)
    caches: dict[Where, Reading] = field(default_factory=dict)
    cut_off: dict[Where, int] = field(default_factory=dict)
    store_bytes: int = -1
    _seconds: Histogram = field(init=False)
    _total: Counter = field(init=False)
    _errors: Counter = field(init=False)
    _waits: Histogram = field(init=False)
    _fresh: Counter = field(init=False)
    # Looking a child up by its labels costs more than counting.
    _children: dict[tuple[str, str, str], tuple[Histogram, Counter]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        labels = ("operation", *_LABELS)
        self._seconds = Histogram(
            "etcd_request_duration_seconds",
            "Etcd request latency in seconds for each operation and object type.",
            labels,
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._total = Counter(
            "etcd_requests",
            "Etcd request counts for each operation and object type.",
            labels,
            registry=self.registry,
        )
        self._errors = Counter(
            "etcd_request_errors",
            "Etcd failed request counts for each operation and object type.",
            labels,
            registry=self.registry,
        )
        self._waits = Histogram(
            "apiserver_watch_cache_read_wait_seconds",
            "Histogram of time spent waiting for a watch cache to become fresh.",
            _LABELS,
            buckets=_WAITS,
            registry=self.registry,
        )
        self._fresh = Counter(
            "apiserver_watch_cache_consistent_read",
            "Counter for consistent reads from cache.",
            (*_LABELS, "success", "fallback"),
            registry=self.registry,
        )
        self.registry.register(self)

    def operation(self, name: str, key: str, seconds: float, *, failed: bool) -> None:
        """Count one operation of the store."""
        where = self.resource_of(key)
        found = self._children.get((name, *where))
        if found is None:
            labels = (name, *where)
            found = self._seconds.labels(*labels), self._total.labels(*labels)
            self._children[labels] = found
        found[0].observe(seconds)
        found[1].inc()
        if failed:
            self._errors.labels(name, *where).inc()

    def waited(self, where: Where, seconds: float, *, fresh: bool) -> None:
        """Count a read that waited for its cache to be as new as the store."""
        self._waits.labels(*where).observe(seconds)
        self._fresh.labels(*where, str(fresh).lower(), "false").inc()

    def cut(self, where: Where) -> None:
        """Count a watcher that read too slowly."""
        self.cut_off[where] = self.cut_off.get(where, 0) + 1

    def listed(self, where: Where, *, from_cache: bool, fetched: int, returned: int) -> None:
        """Count a list."""
        kept = self.from_cache if from_cache else self.from_store
        lists = kept.setdefault(where, Lists())
        lists.total += 1
        lists.fetched += fetched
        lists.returned += returned

    def collect(self) -> Iterator[Metric]:
        """Yield what is kept as plain numbers."""
        yield from _cache_lists(self.from_cache)
        yield from _store_lists(self.from_store)
        yield from _caches(self.caches)
        closed = _counter(
            "apiserver_terminated_watchers",
            "Counter of watchers closed due to unresponsiveness broken by resource type.",
        )
        for where, number in self.cut_off.items():
            closed.add_metric(where, number)
        yield closed
        size = GaugeMetricFamily(
            "apiserver_storage_size_bytes",
            "Size of the storage database file physically allocated in bytes.",
            labels=("storage_cluster_id",),
        )
        size.add_metric((_CLUSTER,), self.store_bytes)
        yield size


def _counter(name: str, what: str, labels: tuple[str, ...] = _LABELS) -> CounterMetricFamily:
    return CounterMetricFamily(name, what, labels=labels)


def _cache_lists(kept: dict[Where, Lists]) -> Iterator[Metric]:
    labels = (*_LABELS, "index")
    total = _counter(
        "apiserver_cache_list", "Number of LIST requests served from watch cache", labels
    )
    fetched = _counter(
        "apiserver_cache_list_fetched_objects",
        "Number of objects read from watch cache in the course of serving a LIST request",
        labels,
    )
    returned = _counter(
        "apiserver_cache_list_returned_objects",
        "Number of objects returned for a LIST request from watch cache",
    )
    for where, lists in kept.items():
        total.add_metric((*where, ""), lists.total)
        fetched.add_metric((*where, ""), lists.fetched)
        returned.add_metric(where, lists.returned)
    yield from (total, fetched, returned)


def _store_lists(kept: dict[Where, Lists]) -> Iterator[Metric]:
    total = _counter("apiserver_storage_list", "Number of LIST requests served from storage")
    fetched = _counter(
        "apiserver_storage_list_fetched_objects",
        "Number of objects read from storage in the course of serving a LIST request",
    )
    evaluated = _counter(
        "apiserver_storage_list_evaluated_objects",
        "Number of objects tested in the course of serving a LIST request from storage",
    )
    returned = _counter(
        "apiserver_storage_list_returned_objects",
        "Number of objects returned for a LIST request from storage",
    )
    for where, lists in kept.items():
        total.add_metric(where, lists.total)
        fetched.add_metric(where, lists.fetched)
        evaluated.add_metric(where, lists.fetched)
        returned.add_metric(where, lists.returned)
    yield from (total, fetched, evaluated, returned)


def _caches(kept: dict[Where, Reading]) -> Iterator[Metric]:
    received = _counter(
        "apiserver_watch_cache_events_received",
        "Counter of events received in watch cache broken by resource type.",
    )
    dispatched = _counter(
        "apiserver_watch_cache_events_dispatched",
        "Counter of events dispatched in watch cache broken by resource type.",
    )
    stored = _counter(
        "apiserver_storage_events_received", "Number of etcd events received split by kind."
    )
    loaded = _counter(
        "apiserver_watch_cache_initializations",
        "Counter of watch cache initializations broken by resource type.",
    )
    version = GaugeMetricFamily(
        "apiserver_watch_cache_resource_version",
        "Current resource version of watch cache broken by resource type.",
        labels=_LABELS,
    )
    size = GaugeMetricFamily(
        "apiserver_resource_size_estimate_bytes",
        "Estimated size of stored objects in database.",
        labels=_LABELS,
    )
    for where, reading in kept.items():
        for events in (received, dispatched, stored):
            events.add_metric(where, reading.received)
        loaded.add_metric(where, reading.loaded)
        version.add_metric(where, reading.revision)
        size.add_metric(where, reading.bytes)
    yield from (received, dispatched, stored, loaded, version, size)
