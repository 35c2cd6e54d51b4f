"""The server's own metrics, by upstream's names."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import MappingProxyType

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from pinnace.api.errors import qualified
from pinnace.api.wire import Response
from pinnace.apiserver.core import Core
from pinnace.apiserver.routes import RequestInfo
from pinnace.apiserver.store_metrics import Reading, StoreMetrics, resource_of
from pinnace.store.base import StoreError

_BUCKETS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10,
                  15, 20, 30, 45, 60)  # fmt: skip
_READING = ("GET", "HEAD", "OPTIONS")
_COMPONENT = "apiserver"
# Verbs that metrics call by their method, as upstream's do.
_VERBS = MappingProxyType({"create": "POST", "update": "PUT"})
_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counts requests; each server has its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = (
            "verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component",
        )  # fmt: skip
        self._total = Counter(
            "apiserver_request",
            "Counter of apiserver requests broken out for each verb, resource and code.",
            (*labels, "code"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "apiserver_request_duration_seconds",
            "Response latency distribution in seconds for each verb and resource.",
            labels,
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.store = StoreMetrics(self._registry, resource_of)
        self._inflight = self._gauge(
            "apiserver_current_inflight_requests",
            "Number of requests that are being answered, by kind.",
            ("request_kind",),
        )
        self._long_running = self._gauge(
            "apiserver_longrunning_requests",
            "Gauge of all active watches broken out by verb, group, version, resource.",
            (*labels[:1], *labels[2:]),
        )
        self._objects = self._gauge(
            "apiserver_storage_objects", "Number of stored objects split by kind.", ("resource",)
        )
        self._resource_objects = self._gauge(
            "apiserver_resource_objects",
            "Number of stored objects split by group and resource.",
            ("group", "resource"),
        )
        # How many requests are being answered now.
        self._answering = {"mutating": 0, "readOnly": 0}
        # Looking a child up by its labels costs more than counting.
        self._children: dict[tuple[RequestKey, int], Counter] = {}
        self._latencies: dict[RequestKey, Histogram] = {}

    @contextmanager
    def answering(self, method: str) -> Iterator[None]:
        """Count a request for as long as it is being answered; a watch until it has begun."""
        kind = "readOnly" if method in _READING else "mutating"
        self._answering[kind] += 1
        try:
            yield
        finally:
            self._answering[kind] -= 1

    def count(self, info: RequestInfo, code: int, seconds: float) -> None:
        """Count one answered request."""
        key = _key(info)
        counter = self._children.get((key, code))
        if counter is None:
            counter = self._children[key, code] = self._total.labels(*key, str(code))
        counter.inc()
        if info.verb == "watch":
            return
        latency = self._latencies.get(key)
        if latency is None:
            latency = self._latencies[key] = self._seconds.labels(*key)
        latency.observe(seconds)

    def _gauge(self, name: str, what: str, labels: tuple[str, ...]) -> Gauge:
        return Gauge(name, what, labels, registry=self._registry)

    async def answer(self, core: Core) -> Response:
        """Return what /metrics answers; thousands of series are printed beside the event loop."""
        for kind, number in self._answering.items():
            self._inflight.labels(kind).set(number)
        for row in core.rows:
            cache = core.caches.loaded(row.prefix) if row.prefix else None
            if cache is None or core.rows.storage_row(row) is not row:
                continue
            self._objects.labels(qualified(row.plural, row.group)).set(len(cache))
            self._resource_objects.labels(row.group, row.plural).set(len(cache))
            where = ("WATCH", row.group, row.version, row.plural, "", "cluster", _COMPONENT)
            self._long_running.labels(*where).set(cache.watching)
            self.store.caches[row.group, row.plural] = Reading(
                cache.received, core.caches.revision, cache.bytes, 1
            )
        with suppress(StoreError):
            self.store.store_bytes = await core.store.size()
        body = await asyncio.to_thread(generate_latest, self._registry)
        return Response(headers={"content-type": _TYPE}, body=body)


RequestKey = tuple[str, str, str, str, str, str, str, str]


def _key(info: RequestInfo) -> RequestKey:
    verb = _VERBS.get(info.verb, info.verb.upper())
    if not info.resource:
        return verb, "", "", "", "", "", "", _COMPONENT
    scope = "cluster"
    if info.name or info.verb == "create":
        scope = "resource"
    elif info.namespace:
        scope = "namespace"
    where = (info.group, info.version, info.resource, info.subresource)
    return verb, "", *where, scope, _COMPONENT
