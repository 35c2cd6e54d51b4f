"""The server's own metrics, by upstream's names."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from pinnace.api.wire import Response
from pinnace.apiserver.routes import RequestInfo

_BUCKETS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2, 3, 5, 10, 30, 60)
_STORE_BUCKETS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10,
                  15, 20, 30, 45, 60)  # fmt: skip
_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counts requests; each server has its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("verb", "group", "version", "resource", "subresource")
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
        self._store_seconds = Histogram(
            "etcd_request_duration_seconds",
            "Etcd request latency in seconds for each operation.",
            ("operation",),
            buckets=_STORE_BUCKETS,
            registry=self._registry,
        )
        self._store: dict[str, Histogram] = {}
        # Looking a child up by its labels costs more than counting.
        self._children: dict[tuple[RequestKey, int], Counter] = {}
        self._latencies: dict[RequestKey, Histogram] = {}

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

    def stored(self, operation: str, seconds: float) -> None:
        """Count one operation of the store."""
        latency = self._store.get(operation)
        if latency is None:
            latency = self._store[operation] = self._store_seconds.labels(operation)
        latency.observe(seconds)

    def answer(self) -> Response:
        """Return what /metrics answers."""
        return Response(headers={"content-type": _TYPE}, body=generate_latest(self._registry))


RequestKey = tuple[str, str, str, str, str]


def _key(info: RequestInfo) -> RequestKey:
    if not info.resource:
        return info.verb.upper(), "", "", "", ""
    return info.verb.upper(), info.group, info.version, info.resource, info.subresource
