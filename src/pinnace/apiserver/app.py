"""The API server: from a request to an answer, through the steps of its pipeline.

request info -> authentication -> impersonation -> authorization -> the path's own handler.
No HTTP library is known here; `http.py` brings requests from sockets, the client's in-process
transport from the same process.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any

from pinnace.api.errors import (
    ApiError,
    Conflict,
    MethodNotAllowed,
    NotFound,
    ServiceUnavailable,
    internal,
    too_large,
)
from pinnace.api.wire import Answer, Hijack, Request, Response, User
from pinnace.apiserver.aggregation.aggregator import Aggregator
from pinnace.apiserver.answers import answer_error, check_acceptable
from pinnace.apiserver.at_rest import AtRest
from pinnace.apiserver.audit.auditing import Auditing
from pinnace.apiserver.audit.trail import NotNoted, Trail
from pinnace.apiserver.authn.base import Noted
from pinnace.apiserver.authn.files import Files
from pinnace.apiserver.bootstrap.apiserver_service import publish, unpublish
from pinnace.apiserver.bootstrap.authentication import publish_authentication
from pinnace.apiserver.bootstrap.flow_maintenance import maintain_for_ever
from pinnace.apiserver.bootstrap.objects import ensure_objects
from pinnace.apiserver.compaction import compact_for_ever
from pinnace.apiserver.config import ServerConfig
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.dangling import Dangling
from pinnace.apiserver.deadlines import Within, is_long_running, seconds_for, timed_out, too_late
from pinnace.apiserver.definitions.keeper import Keeper
from pinnace.apiserver.definitions.serving import Serving
from pinnace.apiserver.fairness.gate import PASSING, Gate, Rejected
from pinnace.apiserver.fairness.inflight import InFlight
from pinnace.apiserver.fairness.priority import Priority
from pinnace.apiserver.freshness import freshen, twice
from pinnace.apiserver.health import ADDRESS_HOOK, OBJECT_HOOKS, Health
from pinnace.apiserver.identity import Identity
from pinnace.apiserver.lifecycle import deprecation
from pinnace.apiserver.metrics import COUNTED_BELOW, COUNTED_PATHS, Metrics
from pinnace.apiserver.nodepods import NodePods
from pinnace.apiserver.options import check_options
from pinnace.apiserver.passage import Passage
from pinnace.apiserver.paths import Paths, internal_error, nameless
from pinnace.apiserver.request_log import log_request
from pinnace.apiserver.routes import (
    NOT_ALLOWED,
    NOT_FOUND,
    RequestInfo,
    check_custom,
    check_scope,
    check_segment,
    is_nameless,
    is_proxied,
    parse,
)
from pinnace.apiserver.serviceaccounts.tracking import track
from pinnace.apiserver.services.repair import repair_for_ever
from pinnace.apiserver.start import build, load
from pinnace.apiserver.storage import ObservedStore
from pinnace.apiserver.store_metrics import StoreMetrics
from pinnace.apiserver.tallies import Tallies
from pinnace.apiserver.tracing import Tracing
from pinnace.apiserver.verbs.table import CONNECT, handler_of
from pinnace.kit.clock import Clock
from pinnace.kit.uids import new_uid
from pinnace.store.base import CompareFailed, Store, StoreError
from pinnace.store.encryption.base import TransformError

_log = logging.getLogger(__name__)
_PUBLISH_SECONDS = 10.0
_WITHDRAW_SECONDS = 2.0
_PANIC = "This request caused apiserver to panic. Look in the logs for details."


class ApiServer:
    """One API server on one store; `tracing`, if there is one, is told of every request."""

    def __init__(self, store: Store, clock: Clock, config: ServerConfig) -> None:
        self._pods = NodePods()
        tallies = Tallies()
        self._metrics = Metrics(tallies)
        store_metrics = StoreMetrics()
        self._at_rest = (
            AtRest(config.encryption, store, config.rows, clock) if config.encryption else None
        )
        observed = ObservedStore(
            self._at_rest.store if self._at_rest else store, store_metrics.operation
        )
        self._health = Health(observed)
        self.core: Core = build(observed, clock, config, self._pods, failed=self._broken)
        self.core.tallies = tallies
        if self._at_rest is not None:
            self.core.encrypted = self._at_rest.store
            if self._at_rest.is_checked:
                self._health.add_kms(self._at_rest.check)
        self.core.store_metrics = store_metrics
        self._address = config.advertise_address, config.secure_port
        self._identity = Identity(self.core)
        self._aggregator = Aggregator(self.core, lambda: self._paths.renew())
        self.tracing: Tracing | None = None
        self.priority = Priority(self.core) if config.priority_and_fairness else None
        self._paths = Paths(self.core, self._metrics, self._health, self._aggregator, self.priority)
        self._gate: Gate = self.priority or InFlight(
            config.max_requests_inflight, config.max_mutating_requests_inflight
        )
        self._audit = Auditing(config.audit, clock, tallies) if config.audit else None
        serving = Serving(self.core.rows, self.core.caches, self._rows_changed)
        self._definitions = Keeper(self.core, serving, self._aggregator.registrar.custom)
        self._dangling = Dangling(self.core)
        self._tasks: list[asyncio.Task[None]] = []
        self._ended = asyncio.Event()
        # Who has to know when client certificates are of other authorities.
        self.trust_listeners: list[Callable[[bytes], None]] = []

    async def start(self) -> None:
        """Follow the store, see to what every cluster has, and begin to serve."""
        core, health = self.core, self._health
        if self._audit is not None:
            self._audit.start()
        if self._at_rest is not None:
            await self._at_rest.start()
        await core.caches.start()
        if core.auth.authn.oidc is not None:
            core.auth.authn.oidc.start()
        await load(core, self._pods)
        if self.priority is not None:
            await self.priority.start()
        await self._definitions.start()
        await self._aggregator.start()
        health.synced = True
        await ensure_objects(core)
        health.hooks.update(OBJECT_HOOKS)
        await self.advertise(*self._address)
        with contextlib.suppress(TransformError):  # it is tried again soon
            await publish_authentication(core)
        health.hooks.add(ADDRESS_HOOK)
        await self._dangling.start()
        for work in (
            core.alarms.run(),
            compact_for_ever(core),
            self._keep_published(),
            self._definitions.run(),
            self._aggregator.run(),
            self._dangling.run(),
            core.usage.run(),
            repair_for_ever(core, core.clock),
            core.auth.authorizers.follow(),
            track(core),
            *self._files(),
            maintain_for_ever(core),
            *((self.priority.run(),) if self.priority is not None else ()),
            *((self._at_rest.follow_file(core.reread),) if self._at_rest else ()),
        ):
            task = asyncio.create_task(work)
            task.add_done_callback(self._task_ended)
            self._tasks.append(task)

    def _files(self) -> Iterator[Coroutine[Any, Any, None]]:
        """Follow the files of authentication, where there are any."""
        config, issuer = self.core.config.authentication, self.core.config.token_issuer
        if config.has_files and issuer is not None:
            parts = self.core.auth.authn
            yield Files(config, parts, signed_by=issuer.take_key, trusted=self._trust).run()

    async def _trust(self, authorities: bytes) -> None:
        """Believe the certificates of other authorities, and say so."""
        self.core.config = replace(self.core.config, client_ca=authorities)
        for told in self.trust_listeners:
            told(authorities)
        await publish_authentication(self.core)

    def _rows_changed(self) -> None:
        self._paths.renew()
        self.core.webhooks.forget()

    async def ended(self) -> None:
        """Wait for what the server cannot go on after; raises it.

        Its caches would be silently stale without the watch on the store, its watches would never
        end without the clock. A new server on the same store makes both good.
        """
        await self._ended.wait()
        if self._health.broken is not None:
            raise self._health.broken

    def announce_end(self) -> None:
        """Be ready no more, so that nobody new is sent here; what is asked is still answered."""
        self._health.ending = True

    async def advertise(self, address: str, port: int) -> None:
        """Tell the cluster under which address this server is to be found."""
        self._address = address, port
        await publish(self.core, address, port)
        await self._identity.renew(address, port)

    async def _keep_published(self) -> None:
        """Stay known: by the Lease, and in the server's own Service, whoever changed it."""
        while True:
            await self.core.clock.sleep(_PUBLISH_SECONDS)
            try:
                await self.advertise(*self._address)
                await publish_authentication(self.core)
            except (ApiError, StoreError) as error:
                _log.warning("cannot publish the kubernetes Service: %s", error)

    async def _withdraw(self) -> None:
        """Leave the endpoints to the servers that go on; they notice by themselves if need be."""
        try:
            async with asyncio.timeout(_WITHDRAW_SECONDS):
                await unpublish(self.core, *self._address)
        except (ApiError, StoreError, TimeoutError) as error:
            _log.warning("cannot leave the kubernetes Service: %s", error)

    async def close(self) -> None:
        """End all that runs, watches included."""
        self.announce_end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if ADDRESS_HOOK in self._health.hooks:
            await self._withdraw()
        await self.core.caches.close()
        await self.core.webhooks.close()
        await self.core.auth.authorizers.close()
        await self.core.auth.authn.close()
        self.core.apart.close()
        await self._aggregator.close()
        await self.core.usage.close()
        if self._at_rest is not None:
            await self._at_rest.close()
        if self._audit is not None:
            await self._audit.close()

    def passes_on(self, path: str) -> bool:
        """Say whether a request is passed on, so that its body is nothing to be read here."""
        return is_proxied(path) or self._aggregator.proxied(path) is not None

    async def handle(self, request: Request) -> Answer:
        """Answer a request; never raises but when cancelled."""
        passage = Passage(request.headers.get("audit-id") or new_uid())
        began = time.perf_counter()
        info = parse(request)
        if self._audit is not None:
            passage.trail = self._audit.trail(request, info, passage.audit)
        if self.tracing is not None:
            passage.span = self.tracing.begin(request, info, passage.audit)
        self._metrics.answering(request.method, 1)
        try:
            answer = await self._in_time(request, info, passage)
        except Rejected as rejected:
            answer = rejected.answer()
        except ApiError as error:
            answer = passage.refused(request, error)
        except StoreError as error:
            answer = passage.refused(request, _told(error))
        except NotNoted:
            answer = internal_error(request, "failed to store audit event")
        except Exception as error:  # noqa: BLE001  # whatever a verb does wrong must not end the server
            _log.exception("%s %s failed", request.method, request.path)
            if passage.trail is not None:
                await passage.trail.panicked(error)
            answer = answer_error(request, ApiError(_PANIC))
        except asyncio.CancelledError:
            await passage.cut_short()
            raise
        finally:
            self._metrics.answering(request.method, -1)
        answer = await passage.leaving(answer)
        self._note(request, info, passage, answer, time.perf_counter() - began)
        return answer

    def _note(
        self,
        request: Request,
        info: RequestInfo,
        passage: Passage,
        answer: Answer,
        seconds: float,
    ) -> None:
        """Count the answer and write it to the log; give it the headers that all have."""
        code = 0
        if not isinstance(answer, Hijack):
            code = answer.status
            if self._is_known(info):
                size = len(answer.body) if isinstance(answer, Response) else 0
                self._metrics.count(request, info, code, seconds, size)
            passage.put_headers(answer)
        if self.tracing is not None:
            self.tracing.end(passage.span, code)
        log_request(
            request,
            info,
            audit=passage.audit,
            flow=(passage.held or PASSING).flow,
            code=code,
            seconds=seconds,
        )

    async def _in_time(self, request: Request, info: RequestInfo, passage: Passage) -> Answer:
        """Answer within the time that the request has, or with 504."""
        if is_long_running(info):
            answer = await Within(self._answer(request, info, passage), None, passage)
            # A watch counts itself, but for one that is passed on.
            if info.verb == "watch" and self._aggregator.proxied(info.path) is None:
                return answer
            return self._metrics.lasting(request, info, answer)
        seconds = seconds_for(request, self.core.config.request_timeout)
        try:
            return await Within(self._answer(request, info, passage), seconds, passage)
        except TimeoutError:
            if passage.trail is not None:
                passage.trail.failed(too_late())
            return timed_out()

    def _is_known(self, info: RequestInfo) -> bool:
        """Say whether a request is counted: what clients make up would have no bound."""
        if not info.resource:
            return info.path in COUNTED_PATHS or info.path.startswith(COUNTED_BELOW)
        row = self.core.rows.find(info.group, info.version, info.resource)
        if row is None:
            return False
        return not info.subresource or row.subresource(info.subresource) is not None

    async def _answer(self, request: Request, info: RequestInfo, passage: Passage) -> Answer:
        if is_nameless(info):
            return nameless(request)
        user = await twice(self.core, lambda: self._admitted(request, info, passage))
        if len(request.body) > self.core.config.max_body:
            raise too_large(self.core.config.max_body)
        if (registered := self._aggregator.proxied(info.path)) is not None:
            return await self._aggregator.pass_on(registered, request, user, passage.audit)
        if info.resource:
            row = self.core.rows.find(info.group, info.version, info.resource)
            if row is not None:
                if row.custom is not None:
                    if not check_custom(row, info):
                        return await self._paths.answer(request)
                    passage.warnings += [row.custom.warning] if row.custom.warning else []
                call = Call(
                    request=request,
                    info=info,
                    row=row,
                    user=user,
                    warnings=passage.warnings,
                    trail=passage.trail,
                    held=passage.held or PASSING,
                )
                if call.trail is not None:
                    call.trail.serve(row)
                told = deprecation(row)
                if told:
                    passage.warnings.append(told)
                    self._metrics.deprecated(info, row.group_version, row.kind)
                return await self._resource(call)
            if self.core.rows.serves(info.group, info.version):
                raise NotFound(NOT_FOUND, details={})
        return await self._paths.answer(request)

    async def _admitted(self, request: Request, info: RequestInfo, passage: Passage) -> User:
        """Return whom the request acts as, if that user may do this."""
        user = await self._user(request, info, passage)
        if passage.held is None:
            passage.held = self._gate.enter(request, info, user)
            if passage.held.waits:
                await passage.held.ready(request)
        await self._check(user, info, passage.trail)
        return user

    async def _user(self, request: Request, info: RequestInfo, passage: Passage) -> User:
        began, found, noted = time.perf_counter(), None, Noted()
        try:
            passage.user = found = await self.core.auth.user(request, info, passage.trail, noted)
        finally:
            passage.warnings += noted.warnings
            seconds = time.perf_counter() - began
            self._metrics.authenticated(found, seconds)
            if passage.trail is not None:
                passage.trail.took("authentication", seconds)
        return found

    async def _check(self, user: User, info: RequestInfo, trail: Trail | None) -> None:
        began = time.perf_counter()
        verdict = await self.core.auth.verdict(user, info)
        seconds = time.perf_counter() - began
        self._metrics.authorized(seconds, verdict)
        if trail is not None:
            trail.took("authorization", seconds)
            trail.decided(verdict.reason, allowed=verdict.allowed)
        if not verdict.allowed:
            raise self.core.auth.refusal(user, info, verdict)

    async def _resource(self, call: Call) -> Answer:
        row, info = call.row, call.info
        if info.name:
            check_segment(info.name)
        check_scope(row, info)
        if _is_foreign(call.request.method, info):
            raise MethodNotAllowed(NOT_ALLOWED, details={})
        if info.subresource and row.subresource(info.subresource) is None:
            raise NotFound(NOT_FOUND, details={})
        handler = handler_of(row, info)
        if handler is None and info.name and row.verbs == ("create",):
            # What is only asked has no names.
            raise NotFound(NOT_FOUND, details={})
        if handler is None:
            raise MethodNotAllowed(NOT_ALLOWED, details={})
        if info.subresource not in CONNECT:
            check_acceptable(call.request, row, listing=info.verb in ("list", "watch"))
        check_options(call)
        await freshen(self.core, call)
        return await handler(self.core, call)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._broken(task.exception() or RuntimeError("a task of the server ended"))

    def _broken(self, error: BaseException) -> None:
        if self._health.ending:
            return
        _log.error("the server cannot go on: %s", error, exc_info=error)
        self._health.broken = error
        self._ended.set()


def _told(error: StoreError) -> ApiError:
    """Return what a client is told of an error of the store."""
    if isinstance(error, CompareFailed):
        return Conflict(f"{error}; please try again")
    if isinstance(error, TransformError):
        return internal(str(error))
    return ServiceUnavailable(str(error))


def _is_foreign(method: str, info: RequestInfo) -> bool:
    """Say whether upstream's router has no route for this method, though it has the path.

    HEAD is no GET to it, but where the path's backend may know better.
    """
    if info.verb == "watch":
        return method != "GET"
    return method == "HEAD" and info.subresource != "proxy"
