"""Whether extension servers are there: the condition Available of APIServices.

What the cluster knows of the Service is judged first, by a pure function. If that is well the
server itself is asked for what it must serve, five times at once, and one answer is enough.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from pinnace.api.errors import ApiError
from pinnace.api.kinds.apiregistration import APISERVICES
from pinnace.api.kinds.core import SERVICES
from pinnace.api.kinds.discovery import ENDPOINTSLICES
from pinnace.api.objects import Object, format_time
from pinnace.api.patch import apply
from pinnace.apiserver.aggregation.backends import Backends, Unreachable
from pinnace.apiserver.aggregation.registered import (
    LOCAL,
    Registered,
    ServiceRef,
    read,
    with_available,
)
from pinnace.apiserver.core import Core
from pinnace.apiserver.hooks.failures import CallFailed
from pinnace.apiserver.managers import SERVER, scope_of
from pinnace.apiserver.writes import decoded, put
from pinnace.kit.backoff import Backoffs
from pinnace.kit.queue import WorkQueue
from pinnace.store.base import CompareFailed, StoreError

_log = logging.getLogger(__name__)
_RESYNC_SECONDS = 30.0
_CHECK_SECONDS = 5.0
_ATTEMPTS = 5
_WORKERS = 5
_SERVICE_NAME = "kubernetes.io/service-name"
Condition = Mapping[str, str]
PASSED: Condition = {"status": "True", "reason": "Passed", "message": "all checks passed"}


class NotAvailable(Exception):
    """An extension server did not pass the check of its discovery."""


def _lacks(reason: str, message: str) -> Condition:
    return {"status": "False", "reason": reason, "message": message}


def judged(ref: ServiceRef, service: Object | None, slices: Iterable[Object]) -> Condition | None:
    """Return what is wrong with a Service; None if its server is to be asked."""
    named = f'service/{ref.name} in "{ref.namespace}"'
    if service is None:
        return _lacks("ServiceNotFound", f"{named} is not present")
    spec = service.get("spec") or {}
    if (spec.get("type") or "ClusterIP") != "ClusterIP":
        return None
    port = next((each for each in spec.get("ports") or () if each.get("port") == ref.port), None)
    if port is None:
        return _lacks("ServicePortError", f"{named} is not listening on port {ref.port}")
    found, name = list(slices), port.get("name") or ""
    if not found:
        return _lacks("EndpointsNotFound", f"cannot find endpointslices for {named}")
    if not any(_is_ready(each, name) for each in found):
        text = f'endpointslices for {named} have no addresses with port name "{name}"'
        return _lacks("MissingEndpoints", text)
    return None


def _is_ready(found: Object, port_name: str) -> bool:
    ready = any(
        (endpoint.get("conditions") or {}).get("ready") is not False
        for endpoint in found.get("endpoints") or ()
    )
    return ready and any(
        port.get("name", "") == port_name and port.get("port") is not None
        for port in found.get("ports") or ()
    )


def slices_of(ref: ServiceRef, slices: Iterable[Object]) -> list[Object]:
    """Return the slices of a Service."""
    return [
        found
        for found in slices
        if (found["metadata"].get("labels") or {}).get(_SERVICE_NAME) == ref.name
    ]


class Availability:
    """Keeps the condition of all APIServices; `held` are those that there are."""

    def __init__(self, core: Core, backends: Backends, held: Mapping[str, Registered]) -> None:
        self._core = core
        self._backends = backends
        self._held = held
        self._queue: WorkQueue[str] = WorkQueue(core.clock, Backoffs(0.005, 30.0))

    def look_at(self, name: str) -> None:
        """See to an APIService: it, its Service or its endpoints are others now."""
        self._queue.add(name)

    async def run(self) -> None:
        """Check and tell, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(_WORKERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            name = await self._queue.get()
            try:
                await self._settle(name)
                self._queue.forget(name)
                held = self._held.get(name)
                if held is not None and held.service is not None:
                    self._queue.add_after(name, _RESYNC_SECONDS)
            except (ApiError, CallFailed, CompareFailed, NotAvailable, StoreError) as error:
                _log.info("APIService %s: %s; trying again", name, error)
                self._queue.add_rate_limited(name)
            finally:
                self._queue.done(name)

    async def _settle(self, name: str) -> None:
        held = self._held.get(name)
        if held is None:
            return
        if held.service is None:
            await self._tell(held, LOCAL)
            return
        wrong = await self._judge(held.service)
        if wrong is not None:
            await self._tell(held, wrong)
            return
        self._backends.tls(held)
        failed = await self._check(held)
        await self._tell(held, _lacks("FailedDiscoveryCheck", failed) if failed else PASSED)
        if failed:
            raise NotAvailable(failed)

    async def _judge(self, ref: ServiceRef) -> Condition | None:
        lookup = self._core.lookup
        for row in (SERVICES, ENDPOINTSLICES):
            await lookup.ensure(row)
        service = lookup.get(SERVICES, ref.namespace, ref.name)
        return judged(ref, service, slices_of(ref, lookup.list(ENDPOINTSLICES, ref.namespace)))

    async def _check(self, held: Registered) -> str:
        """Return why the server does not answer as it must; empty if it does."""
        attempts = [asyncio.ensure_future(self._attempt(held)) for _ in range(_ATTEMPTS)]
        failed = ""
        try:
            for attempt in asyncio.as_completed(attempts):
                failed = await attempt
                if not failed:
                    break
        finally:
            for task in attempts:
                task.cancel()
            await asyncio.gather(*attempts, return_exceptions=True)
        return failed

    async def _attempt(self, held: Registered) -> str:
        path = quote(held.path if held.group else f"/api/{held.version}")
        try:
            target = await self._backends.resolve(held, path)
        except CallFailed as error:
            return str(error)
        url = f"https://{target.host}:{target.port}{path}"
        try:
            told = await self._backends.get(held, target, seconds=_CHECK_SECONDS)
        except Unreachable as error:
            return f'failing or missing response from {url}: Get "{url}": {error}'
        if not 200 <= told.status < 300:
            return f"failing or missing response from {url}: bad status from {url}: {told.status}"
        return ""

    async def _tell(self, held: Registered, told: Condition) -> None:
        """Write the condition, unless it is told already or the APIService is another by now."""
        core, row = self._core, APISERVICES
        item = (await core.cache(row)).get("", held.name)
        if item is None:
            return
        old, new = decoded(core, row, item), decoded(core, row, item)
        for obj in (old, new):
            obj["metadata"].pop("resourceVersion", None)
        now = core.clock.now()
        new["status"] = with_available(old.get("status") or {}, told, format_time(now))
        if new == old or read(old).spec != held.spec:
            return
        new = apply.track(
            old, new, row, manager=SERVER, time=now,
            scope=scope_of(row, "status"), subresource="status",
        )  # fmt: skip
        was, state = read(old).available, told["status"]
        await put(core, row, item.key, new, expected=item.revision)
        if was and state != "True":
            core.tallies.unavailable_total.add((held.name, told["reason"]))
        _log.info("APIService %s: %s: %s", held.name, told["reason"], told["message"])
