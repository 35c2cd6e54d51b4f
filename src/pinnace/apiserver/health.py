"""/healthz, /livez and /readyz: checks that look, answered as upstream answers them.

A server lives while it can read its store; it is ready while it can write to it as well, its
caches follow it, and it is not about to end. Why a check failed stands in the log and not in the
answer, since anybody may ask.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily, Metric

from pinnace.api.wire import Request, Response
from pinnace.apiserver.storage import PROBE_KEY, ObservedStore
from pinnace.store.base import StoreError

_log = logging.getLogger(__name__)
_HEADERS = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
# As long as upstream gives etcd.
_PROBE_SECONDS = 2.0
KINDS = ("healthz", "livez", "readyz")
# What must have been done once, by the names of upstream's hooks that do it.
OBJECT_HOOKS = (
    "start-system-namespaces-controller",
    "start-kubernetes-service-cidr-controller",
    "scheduling/bootstrap-system-priority-classes",
    "rbac/bootstrap-roles",
)
ADDRESS_HOOK = "bootstrap-controller"


class Unhealthy(Exception):
    """A check failed, and why."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check; `probe` raises Unhealthy."""

    name: str
    probe: Callable[[], Awaitable[None]]


class Health:
    """What the server knows of its own state.

    `hooks` are the start-up steps that are done; `broken` says why the caches do not follow the
    store any more; `ending` that the server is about to stop.
    """

    def __init__(self, store: ObservedStore) -> None:
        self._store = store
        self.hooks: set[str] = set()
        self.synced = False
        self.broken: BaseException | None = None
        self.ending = False
        always = (Check("ping", _ping), Check("log", _log_flushes), Check("etcd", self._reads))
        hooks = tuple(self._hook(name) for name in (*OBJECT_HOOKS, ADDRESS_HOOK))
        ready = (
            Check("etcd-readiness", self._writes),
            Check("informer-sync", self._follows),
        )
        self._checks: dict[str, tuple[Check, ...]] = {
            "healthz": (*always, *hooks),
            "livez": (*always, *hooks),
            "readyz": (*always, *ready, *hooks, Check("shutdown", self._stays)),
        }

    def add_kms(self, ask: Callable[[], Awaitable[None]]) -> None:
        """Count the plug-ins of encryption at rest; the server lives without them."""

        async def probe() -> None:
            try:
                await ask()
            except StoreError as error:
                raise Unhealthy(str(error)) from error

        for kind in ("healthz", "readyz"):
            self._checks[kind] = (*self._checks[kind], Check("kms-providers", probe))

    def paths(self) -> list[str]:
        """Return every path that is answered here."""
        found = []
        for kind in KINDS:
            found += [f"/{kind}", *(f"/{kind}/{check.name}" for check in self._checks[kind])]
        return found

    async def answer(self, request: Request, path: str) -> Response | None:
        """Answer a health path, or one of its checks by name; None if there is no such check."""
        kind, _, name = path.removeprefix("/").partition("/")
        checks = self._checks.get(kind)
        if checks is None:
            return None
        if name:
            return await _single([check for check in checks if check.name == name])
        return await _all(kind, checks, request)

    async def gauges(self) -> list[Metric]:
        """Return the state of every check, for `/metrics/slis`."""
        gauge = GaugeMetricFamily(
            "kubernetes_healthcheck",
            "[STABLE] This metric records the result of a single healthcheck.",
            labels=("type", "name"),
        )
        for kind, checks in self._checks.items():
            for check in checks:
                try:
                    await check.probe()
                except Unhealthy:
                    gauge.add_metric((kind, check.name), 0)
                else:
                    gauge.add_metric((kind, check.name), 1)
        return [gauge]

    async def _reads(self) -> None:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await self._store.get(PROBE_KEY)
        except TimeoutError as error:
            raise Unhealthy("the store did not answer in time") from error
        except StoreError as error:
            raise Unhealthy(str(error)) from error

    async def _writes(self) -> None:
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await self._store.try_again()
        except TimeoutError as error:
            raise Unhealthy("the store did not take a write in time") from error
        except StoreError as error:
            raise Unhealthy(str(error)) from error

    async def _follows(self) -> None:
        if self.broken is not None:
            raise Unhealthy(f"caches do not follow the store: {self.broken}")
        if not self.synced:
            raise Unhealthy("caches are not loaded yet")

    async def _stays(self) -> None:
        if self.ending:
            raise Unhealthy("process is shutting down")

    def _hook(self, name: str) -> Check:
        async def probe() -> None:
            if name not in self.hooks:
                raise Unhealthy("not finished")

        return Check(f"poststarthook/{name}", probe)


async def _ping() -> None:
    """Whoever reads the answer knows that the server answers."""


async def _log_flushes() -> None:
    try:
        for handler in logging.getLogger().handlers:
            handler.flush()
    except (OSError, ValueError) as error:
        raise Unhealthy(f"logging blocked: {error}") from error


async def _single(found: Sequence[Check]) -> Response | None:
    if not found:
        return None
    try:
        await found[0].probe()
    except Unhealthy as error:
        return _text(500, f"internal server error: {error}\n")
    # Upstream does without the header here.
    return Response(headers={"content-type": _HEADERS["content-type"]}, body=b"ok")


async def _all(kind: str, checks: Sequence[Check], request: Request) -> Response:
    excluded = dict.fromkeys(request.query.get("exclude", []))
    lines, failed = [], []
    for check in checks:
        if check.name in excluded:
            lines.append(f"[+]{check.name} excluded: ok")
            continue
        try:
            await check.probe()
        except Unhealthy as error:
            lines.append(f"[-]{check.name} failed: reason withheld")
            failed.append(f"{check.name} ({error})")
        else:
            lines.append(f"[+]{check.name} ok")
    unknown = sorted(excluded.keys() - {check.name for check in checks})
    if unknown:
        names = ",".join(f'"{name}"' for name in unknown)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {names}")
    if failed:
        _log.warning("%s check failed: %s", kind, ", ".join(failed))
        return _text(500, "\n".join([*lines, f"{kind} check failed", ""]))
    if "verbose" not in request.query:
        return _text(200, "ok")
    return _text(200, "\n".join([*lines, f"{kind} check passed", ""]))


def _text(code: int, body: str) -> Response:
    return Response(status=code, headers=dict(_HEADERS), body=body.encode())
