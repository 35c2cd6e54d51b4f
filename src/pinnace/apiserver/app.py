"""The API server: from a request to an answer, through the steps of its pipeline.

request info -> authentication -> impersonation -> authorization -> the path's own handler.
No HTTP library is known here; `http.py` brings requests from sockets, the client's in-process
transport from the same process.
"""

import asyncio
import logging
import time
import uuid

from pinnace.api.errors import (
    ApiError,
    Conflict,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    ServiceUnavailable,
)
from pinnace.api.wire import Answer, Hijack, Request
from pinnace.apiserver.answers import answer_error
from pinnace.apiserver.bootstrap.apiserver_service import publish
from pinnace.apiserver.bootstrap.objects import ensure_objects
from pinnace.apiserver.compaction import compact_for_ever
from pinnace.apiserver.config import ServerConfig
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.metrics import Metrics
from pinnace.apiserver.nodepods import NodePods
from pinnace.apiserver.paths import Paths
from pinnace.apiserver.routes import RequestInfo, parse
from pinnace.apiserver.start import build, load
from pinnace.apiserver.verbs.table import handler_of
from pinnace.kit.clock import Clock
from pinnace.store.base import CompareFailed, Store, StoreError

_log = logging.getLogger(__name__)
_PUBLISH_SECONDS = 10.0
_PANIC = "This request caused apiserver to panic. Look in the logs for details."


class ApiServer:
    """One API server on one store."""

    def __init__(self, store: Store, clock: Clock, config: ServerConfig) -> None:
        self._pods = NodePods()
        self.core: Core = build(store, clock, config, self._pods, failed=self._store_failed)
        self._address = config.advertise_address, config.secure_port
        self._metrics = Metrics()
        self._paths = Paths(self.core, self._metrics)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Follow the store, see to what every cluster has, and begin to serve."""
        core = self.core
        await core.caches.start()
        await load(core, self._pods)
        await ensure_objects(core)
        await publish(core, core.config.advertise_address, core.config.secure_port)
        self._tasks.append(asyncio.create_task(core.alarms.run()))
        self._tasks.append(asyncio.create_task(compact_for_ever(core)))
        self._tasks.append(asyncio.create_task(self._keep_published()))

    async def advertise(self, address: str, port: int) -> None:
        """Tell the cluster under which address this server is to be found."""
        self._address = address, port
        await publish(self.core, address, port)

    async def _keep_published(self) -> None:
        """Restore the server's own Service and endpoints when somebody changed them."""
        while True:
            await self.core.clock.sleep(_PUBLISH_SECONDS)
            try:
                await publish(self.core, *self._address)
            except (ApiError, StoreError) as error:
                _log.warning("cannot publish the kubernetes Service: %s", error)

    async def close(self) -> None:
        """End all that runs, watches included."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.core.caches.close()

    async def handle(self, request: Request) -> Answer:
        """Answer a request; never raises but when cancelled."""
        audit = request.headers.get("audit-id") or str(uuid.uuid4())
        warnings: list[str] = []
        began = time.perf_counter()
        info = parse(request)
        try:
            answer = await self._answer(request, info, warnings)
        except ApiError as error:
            answer = answer_error(request, error)
        except CompareFailed as error:
            answer = answer_error(request, Conflict(f"{error}; please try again"))
        except StoreError as error:
            answer = answer_error(request, ServiceUnavailable(str(error)))
        except Exception:  # noqa: BLE001  # whatever a verb does wrong must not end the server
            _log.exception("%s %s failed", request.method, request.path)
            answer = answer_error(request, ApiError(_PANIC))
        if not isinstance(answer, Hijack):
            known = self.core.rows.find(info.group, info.version, info.resource) is not None
            if known or not info.resource:
                self._metrics.count(info, answer.status, time.perf_counter() - began)
            answer.headers["audit-id"] = audit
            if warnings:
                answer.headers["warning"] = ", ".join(_warning(text) for text in warnings)
        return answer

    async def _answer(self, request: Request, info: RequestInfo, warnings: list[str]) -> Answer:
        if len(request.body) > self.core.config.max_body:
            raise RequestEntityTooLarge(
                f"limit is {self.core.config.max_body}", details={}, reason="RequestEntityTooLarge"
            )
        user = await self.core.auth.user(request)
        self.core.auth.check(user, info)
        if info.resource:
            row = self.core.rows.find(info.group, info.version, info.resource)
            if row is not None:
                call = Call(request=request, info=info, row=row, user=user, warnings=warnings)
                return await self._resource(call)
            if self.core.rows.serves(info.group, info.version):
                raise NotFound("the server could not find the requested resource", details={})
        return await self._paths.answer(request)

    async def _resource(self, call: Call) -> Answer:
        row, info = call.row, call.info
        if info.subresource and row.subresource(info.subresource) is None:
            raise NotFound("the server could not find the requested resource", details={})
        handler = handler_of(row, info)
        if handler is None:
            raise MethodNotAllowed(
                "the server does not allow this method on the requested resource", details={}
            )
        return await handler(self.core, call)

    def _store_failed(self, error: StoreError) -> None:
        _log.error("the watch on the store ended: %s", error)


def _warning(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'
