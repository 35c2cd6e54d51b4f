"""The server's own metrics, by upstream's names."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pinnace.api.errors import qualified
from pinnace.api.wire import Answer, Request, Response, User
from pinnace.apiserver.authz.base import Decision, Verdict
from pinnace.apiserver.core import Core
from pinnace.apiserver.deadlines import is_long_running
from pinnace.apiserver.lifecycle import REMOVED
from pinnace.apiserver.longrunning import counted
from pinnace.apiserver.routes import RequestInfo
from pinnace.apiserver.store_metrics import Reading, cache_metrics, size_metric
from pinnace.apiserver.tallies import Spread, Tallies
from pinnace.apiserver.version import VERSION
from pinnace.store.base import StoreError

_READING = ("GET", "HEAD", "OPTIONS")
_COMPONENT = "apiserver"
# Verbs that metrics call by their method, as upstream's do.
_VERBS = MappingProxyType({"create": "POST", "update": "PUT"})
_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SIZED = ("GET", "LIST")
# Users that everybody has; the others are counted together, since there may be any number.
_KNOWN_USERS = frozenset(
    {
        "admin", "system:anonymous", "system:kube-controller-manager", "system:kube-proxy",
        "system:kube-scheduler", "system:apiserver",
    }
)  # fmt: skip
# The paths of no resource that upstream counts: how their label is called, and by whom.
COUNTED_PATHS = MappingProxyType(
    {
        **{path: (path, "") for path in ("/healthz", "/livez", "/readyz")},
        "/openapi/v3": ("openapi/v3", ""),
        "/api": ("api", _COMPONENT),
        "/apis": ("apis", _COMPONENT),
    }
)
COUNTED_BELOW = "/openapi/v3/"
_BELOW = "openapi/v3/", ""
_METHODS = MappingProxyType(
    {"HEAD": "GET", **{method: method for method in ("DELETE", "GET", "PATCH", "POST", "PUT")}}
)
RequestKey = tuple[str, str, str, str, str, str, str, str]


_SUCCEEDED, _FAILED = ("success",), ("failure",)
_DECIDED = MappingProxyType({decision: (decision.value,) for decision in Decision})
_UNTOLD = ("error",)
_CODES = MappingProxyType({code: str(code) for code in (200, 201, 404, 409)})


@dataclass(frozen=True, slots=True)
class _Series:
    """What the requests of one kind are counted in; found once, since each look-up costs."""

    seconds: tuple[Spread, ...]
    sizes: Spread | None


class Metrics:
    """Counts requests; each server has its own."""

    def __init__(self, tallies: Tallies) -> None:
        self._tallies = tallies
        self._series: dict[RequestKey, _Series] = {}
        # How many requests are being answered now.
        self._answering = {"mutating": 0, "readOnly": 0}

    def answering(self, method: str, change: int) -> None:
        """Count a request that begins (1) or ends (-1) to be answered; a watch ends with its head.

        This is no context manager: one in Python costs more than all that is counted.
        """
        self._answering["readOnly" if method in _READING else "mutating"] += change

    def count(
        self, request: Request, info: RequestInfo, code: int, seconds: float, size: int
    ) -> None:
        """Count one answered request; `size` is that of a complete answer's body."""
        key = _key(request, info)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = self._counted_in(key, info)
        tallies = self._tallies
        tallies.requests.add((*key, _CODES.get(code) or str(code)))
        if code in (429, 504):
            tallies.terminations.add((key[0], *key[2:], str(code)))
        for spread in series.seconds:
            spread.observe(seconds)
        if series.sizes is not None:
            series.sizes.observe(size)

    def _counted_in(self, key: RequestKey, info: RequestInfo) -> _Series:
        if is_long_running(info):
            return _Series((), None)
        tallies, shorter = self._tallies, (key[0], *key[2:])
        sizes = tallies.response_sizes.of(shorter) if key[0] in _SIZED else None
        return _Series((tallies.seconds.of(key), tallies.sli_seconds.of(shorter)), sizes)

    def lasting(self, request: Request, info: RequestInfo, answer: Answer) -> Answer:
        """Count what lasts for as long as it does."""
        key = _key(request, info)
        return counted(self._tallies.long_running, (key[0], *key[2:]), answer)

    def authenticated(self, user: User | None, seconds: float) -> None:
        """Count an attempt to authenticate; None if it failed."""
        result = _FAILED if user is None else _SUCCEEDED
        self._tallies.authentications.add(result)
        self._tallies.authentication_seconds.observe(result, seconds)
        if user is not None:
            name = user.name if user.name in _KNOWN_USERS else "other"
            self._tallies.users.add((name,))

    def authorized(self, seconds: float, verdict: Verdict) -> None:
        """Count an authorization."""
        failed = verdict.error and verdict.decision is not Decision.ALLOW
        result = _UNTOLD if failed else _DECIDED[verdict.decision]
        self._tallies.authorizations.add(result)
        self._tallies.authorization_seconds.observe(result, seconds)

    def deprecated(self, info: RequestInfo, version: str, kind: str) -> None:
        """Note that somebody uses a deprecated version of a kind."""
        where = info.group, info.version, info.resource, info.subresource
        self._tallies.deprecated.values[(*where, REMOVED.get((version, kind), ""))] = 1

    async def answer(self, core: Core, more: Iterable[Metric] = ()) -> Response:
        """Return what /metrics answers; thousands of series are printed beside the event loop."""
        found = [*self._tallies.all(), *self._gauges(core), *core.store_metrics.all(), *more]
        found += [*core.auth.authorizers.counts.all(), *core.admission.counts.all()]
        found += cache_metrics(_readings(core))
        found += core.auth.authn.counts.all()
        try:
            size = await core.store.size()
        except StoreError:
            size = -1
        return await printed([*found, size_metric(size)])

    def _gauges(self, core: Core) -> Iterable[Metric]:
        inflight = GaugeMetricFamily(
            "apiserver_current_inflight_requests",
            "[STABLE] Number of requests that are being answered, by kind.",
            labels=("request_kind",),
        )
        for kind, number in self._answering.items():
            inflight.add_metric((kind,), number)
        objects = GaugeMetricFamily(
            "apiserver_storage_objects",
            "[STABLE] Number of stored objects split by kind.",
            labels=("resource",),
        )
        by_group = GaugeMetricFamily(
            "apiserver_resource_objects",
            "[ALPHA] Number of stored objects split by group and resource.",
            labels=("group", "resource"),
        )
        for row in core.rows:
            cache = core.caches.loaded(row.prefix) if row.prefix else None
            if cache is None or core.rows.storage_row(row) is not row:
                continue
            objects.add_metric((qualified(row.plural, row.group),), len(cache))
            by_group.add_metric((row.group, row.plural), len(cache))
        names = {"gitVersion": "git_version", "gitCommit": "git_commit", "platform": "platform"}
        build = GaugeMetricFamily(
            "kubernetes_build_info",
            "[ALPHA] A metric with a constant '1' value labeled by what was built.",
            labels=("major", "minor", *names.values()),
        )
        told = [str(VERSION.get(name, "")) for name in ("major", "minor", *names)]
        build.add_metric(told, 1)
        return inflight, objects, by_group, build


def _readings(core: Core) -> list[Reading]:
    found = []
    for row in core.rows:
        cache = core.caches.loaded(row.prefix) if row.prefix else None
        if cache is not None and core.rows.storage_row(row) is row:
            where = row.group, row.plural
            found.append(Reading(where, cache.received, core.caches.revision, cache.bytes))
    return found


class _Once(Collector):
    """Hands out what was copied before."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


async def printed(metrics: Iterable[Metric]) -> Response:
    """Return metrics in Prometheus' text format, made in a thread."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(metrics))
    ProcessCollector(registry=registry)
    body = await asyncio.to_thread(generate_latest, registry)
    return Response(headers={"content-type": _TYPE}, body=body)


def scope_of(info: RequestInfo) -> str:
    """Return how much a request is about."""
    if info.name or info.verb == "create":
        return "resource"
    if info.namespace:
        return "namespace"
    return "cluster" if info.resource else ""


def _key(request: Request, info: RequestInfo) -> RequestKey:
    verb = _VERBS.get(info.verb, info.verb.upper())
    dry_run = "All" if request.query.get("dryRun") else ""
    if not info.resource:
        below = info.path.startswith(COUNTED_BELOW)
        path, component = _BELOW if below else COUNTED_PATHS.get(info.path, ("", ""))
        return _METHODS.get(verb, "other"), dry_run, "", "", "", path, "", component
    where = (info.group, info.version, info.resource, info.subresource)
    scope = scope_of(info)
    if info.subresource in _CONNECTED:
        verb = "CONNECT"
    return verb, dry_run, *where, scope, _COMPONENT


_CONNECTED = frozenset({"attach", "exec", "portforward", "proxy", "log"})
