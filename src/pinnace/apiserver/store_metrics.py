"""Metrics of the store and of the caches in front of it, by upstream's names and labels."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import MappingProxyType

from prometheus_client.core import GaugeMetricFamily, Metric

from pinnace.api.kinds.table import RESOURCES
from pinnace.apiserver.tallies import Counters, Histograms

_BUCKETS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10,
            15, 20, 30, 45, 60)  # fmt: skip
_WAITS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3)
_LABELS = ("group", "resource")
_OPERATION = ("operation", *_LABELS)
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


def _counters(name: str, what: str, labels: tuple[str, ...] = _LABELS) -> Counters:
    return Counters(name, what, labels)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the cache of a resource says of itself."""

    where: Where
    received: int
    revision: int
    bytes: int


@dataclass(slots=True, eq=False)
class StoreMetrics:
    """Counts what is asked of the store and of the caches."""

    seconds: Histograms = field(default_factory=lambda: Histograms(
        "etcd_request_duration_seconds",
        "[ALPHA] Etcd request latency in seconds for each operation and object type.",
        _OPERATION, _BUCKETS,
    ))  # fmt: skip
    total: Counters = field(default_factory=lambda: _counters(
        "etcd_requests_total",
        "[ALPHA] Etcd request counts for each operation and object type.", _OPERATION,
    ))  # fmt: skip
    errors: Counters = field(default_factory=lambda: _counters(
        "etcd_request_errors_total",
        "[ALPHA] Etcd failed request counts for each operation and object type.", _OPERATION,
    ))  # fmt: skip
    waits: Histograms = field(default_factory=lambda: Histograms(
        "apiserver_watch_cache_read_wait_seconds",
        "[ALPHA] Histogram of time spent waiting for a watch cache to become fresh.",
        _LABELS, _WAITS,
    ))  # fmt: skip
    fresh: Counters = field(default_factory=lambda: _counters(
        "apiserver_watch_cache_consistent_read_total",
        "[ALPHA] Counter for consistent reads from cache.", (*_LABELS, "success", "fallback"),
    ))  # fmt: skip
    cached: Counters = field(default_factory=lambda: _counters(
        "apiserver_cache_list_total",
        "[ALPHA] Number of LIST requests served from watch cache", (*_LABELS, "index"),
    ))  # fmt: skip
    cached_read: Counters = field(default_factory=lambda: _counters(
        "apiserver_cache_list_fetched_objects_total",
        "[ALPHA] Number of objects read from watch cache in the course of serving a LIST request",
        (*_LABELS, "index"),
    ))  # fmt: skip
    cached_told: Counters = field(default_factory=lambda: _counters(
        "apiserver_cache_list_returned_objects_total",
        "[ALPHA] Number of objects returned for a LIST request from watch cache",
    ))  # fmt: skip
    listed: Counters = field(default_factory=lambda: _counters(
        "apiserver_storage_list_total", "[ALPHA] Number of LIST requests served from storage"
    ))  # fmt: skip
    listed_read: Counters = field(default_factory=lambda: _counters(
        "apiserver_storage_list_fetched_objects_total",
        "[ALPHA] Number of objects read from storage in the course of serving a LIST request",
    ))  # fmt: skip
    listed_tested: Counters = field(default_factory=lambda: _counters(
        "apiserver_storage_list_evaluated_objects_total",
        "[ALPHA] Number of objects tested in the course of serving a LIST request from storage",
    ))  # fmt: skip
    listed_told: Counters = field(default_factory=lambda: _counters(
        "apiserver_storage_list_returned_objects_total",
        "[ALPHA] Number of objects returned for a LIST request from storage",
    ))  # fmt: skip
    terminated: Counters = field(default_factory=lambda: _counters(
        "apiserver_terminated_watchers_total",
        "[ALPHA] Counter of watchers closed due to unresponsiveness broken by resource type.",
    ))  # fmt: skip

    def operation(self, name: str, key: str, seconds: float, *, failed: bool) -> None:
        """Count one operation of the store."""
        labels = (name, *resource_of(key))
        self.seconds.observe(labels, seconds)
        self.total.add(labels)
        if failed:
            self.errors.add(labels)

    def waited(self, where: Where, seconds: float, *, fresh: bool) -> None:
        """Count a read that waited for its cache to be as new as the store."""
        self.waits.observe(where, seconds)
        self.fresh.add((*where, str(fresh).lower(), "false"))

    def list(self, where: Where, *, from_cache: bool, fetched: int, returned: int) -> None:
        """Count a list."""
        if from_cache:
            self.cached.add((*where, ""))
            self.cached_read.add((*where, ""), fetched)
            self.cached_told.add(where, returned)
            return
        self.listed.add(where)
        self.listed_read.add(where, fetched)
        self.listed_tested.add(where, fetched)
        self.listed_told.add(where, returned)

    def all(self) -> Iterator[Metric]:
        """Yield what was counted until now."""
        for tally in (
            self.seconds, self.total, self.errors, self.waits, self.fresh, self.cached,
            self.cached_read, self.cached_told, self.listed, self.listed_read, self.listed_tested,
            self.listed_told, self.terminated,
        ):  # fmt: skip
            yield tally.snapshot()


def cache_metrics(readings: list[Reading]) -> Iterator[Metric]:
    """Yield what the caches say of themselves."""
    received = _counters(
        "apiserver_watch_cache_events_received_total",
        "[ALPHA] Counter of events received in watch cache broken by resource type.",
    )
    dispatched = _counters(
        "apiserver_watch_cache_events_dispatched_total",
        "[ALPHA] Counter of events dispatched in watch cache broken by resource type.",
    )
    stored = _counters(
        "apiserver_storage_events_received_total",
        "[ALPHA] Number of etcd events received split by kind.",
    )
    loaded = _counters(
        "apiserver_watch_cache_initializations_total",
        "[ALPHA] Counter of watch cache initializations broken by resource type.",
    )
    version = GaugeMetricFamily(
        "apiserver_watch_cache_resource_version",
        "[ALPHA] Current resource version of watch cache broken by resource type.",
        labels=_LABELS,
    )
    size = GaugeMetricFamily(
        "apiserver_resource_size_estimate_bytes",
        "[ALPHA] Estimated size of stored objects in database.",
        labels=_LABELS,
    )
    for reading in readings:
        for events in (received, dispatched, stored):
            events.add(reading.where, reading.received)
        loaded.add(reading.where)
        version.add_metric(reading.where, reading.revision)
        size.add_metric(reading.where, reading.bytes)
    for tally in (received, dispatched, stored, loaded):
        yield tally.snapshot()
    yield version
    yield size


def size_metric(size: int) -> Metric:
    """Return the size of the store; -1 while nobody can say."""
    metric = GaugeMetricFamily(
        "apiserver_storage_size_bytes",
        "[STABLE] Size of the storage database file physically allocated in bytes.",
        labels=("storage_cluster_id",),
    )
    metric.add_metric((_CLUSTER,), size)
    return metric
