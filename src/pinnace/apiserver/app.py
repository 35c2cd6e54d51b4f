"""The API server: from a request to an answer, through the steps of its pipeline.

request info -> authentication -> impersonation -> authorization -> the path's own handler.
No HTTP library is known here; `http.py` brings requests from sockets, the client's in-process
transport from the same process.
"""

import asyncio
import logging
import uuid

from pinnace.api.errors import ApiError, MethodNotAllowed, NotFound, Unauthorized
from pinnace.api.wire import Answer, Hijack, Request, User
from pinnace.apiserver.answers import answer_error
from pinnace.apiserver.authz.base import Attributes as Attempt
from pinnace.apiserver.authz.base import refusal
from pinnace.apiserver.config import ServerConfig
from pinnace.apiserver.core import CacheLookup, Call, Core
from pinnace.apiserver.paths import Paths
from pinnace.apiserver.routes import RequestInfo, Rows, parse
from pinnace.apiserver.verbs.table import handler_of
from pinnace.kit.alarms import Alarms
from pinnace.kit.clock import Clock
from pinnace.store.base import Store, StoreError
from pinnace.store.watchcache.caches import Caches

_log = logging.getLogger(__name__)
_PANIC = "This request caused apiserver to panic. Look in the logs for details."


class ApiServer:
    """One API server on one store."""

    def __init__(self, store: Store, clock: Clock, config: ServerConfig) -> None:
        rows = Rows(config.rows)
        caches = Caches(store, clock, failed=self._store_failed)
        self.core = Core(
            store=store,
            clock=clock,
            config=config,
            rows=rows,
            caches=caches,
            alarms=Alarms(clock),
            lookup=CacheLookup(caches, rows),
        )
        self._paths = Paths(self.core)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Follow the store and begin to serve."""
        await self.core.caches.start()
        self._tasks.append(asyncio.create_task(self.core.alarms.run()))

    async def close(self) -> None:
        """End all that runs."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.core.caches.close()

    async def handle(self, request: Request) -> Answer:
        """Answer a request; never raises but when cancelled."""
        audit = request.headers.get("audit-id") or str(uuid.uuid4())
        warnings: list[str] = []
        try:
            answer = await self._answer(request, warnings)
        except ApiError as error:
            answer = answer_error(request, error)
        except Exception:  # noqa: BLE001  # whatever a verb does wrong must not end the server
            _log.exception("%s %s failed", request.method, request.path)
            answer = answer_error(request, ApiError(_PANIC))
        if not isinstance(answer, Hijack):
            answer.headers["audit-id"] = audit
            if warnings:
                answer.headers["warning"] = ", ".join(_warning(text) for text in warnings)
        return answer

    async def _answer(self, request: Request, warnings: list[str]) -> Answer:
        info = parse(request)
        user = await self._user(request)
        self._authorize(user, info)
        if info.resource:
            row = self.core.rows.find(info.group, info.version, info.resource)
            if row is not None:
                return await self._resource(
                    Call(request=request, info=info, row=row, user=user, warnings=warnings)
                )
            if self.core.rows.serves(info.group, info.version):
                raise NotFound("the server could not find the requested resource", details={})
        return await self._paths.answer(request)

    async def _resource(self, call: Call) -> Answer:
        handler = handler_of(call.row, call.info)
        if handler is None:
            raise MethodNotAllowed(
                "the server does not allow this method on the requested resource", details={}
            )
        return await handler(self.core, call)

    async def _user(self, request: Request) -> User:
        if request.user is not None:
            return request.user
        user = await self.core.config.authenticator.authenticate(request)
        if user is None:
            raise Unauthorized("Unauthorized")
        return user

    def _authorize(self, user: User, info: RequestInfo) -> None:
        if info.resource:
            attempt = Attempt(
                verb=info.verb,
                group=info.group,
                version=info.version,
                resource=info.resource,
                subresource=info.subresource,
                namespace=info.namespace,
                name=info.name,
            )
        else:
            attempt = Attempt(verb=info.verb, path=info.path)
        allowed, reason = self.core.config.authorizer.authorize(user, attempt)
        if not allowed:
            raise refusal(user, attempt, reason)

    def _store_failed(self, error: StoreError) -> None:
        _log.error("the watch on the store ended: %s", error)


def _warning(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{quoted}"'
