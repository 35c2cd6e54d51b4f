"""What is noted of one request on its way, and told at its stages.

Upstream: apiserver `pkg/audit/context.go`, `pkg/endpoints/filters/audit.go`. A request that is
refused before anybody knows who sends it has one event only, of the stage ResponseStarted.
"""

import logging
import re
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from pinnace.api.errors import ApiError
from pinnace.api.names import dns1123_subdomain
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.wire import Answer, Hijack, Request, Response, Stream, User
from pinnace.apiserver.audit import bodies
from pinnace.apiserver.audit.events import (
    Event,
    about,
    level_name,
    object_reference,
    user_info,
)
from pinnace.apiserver.audit.policy import COMPLETE, PANIC, RECEIVED, STARTED, Decision, Level
from pinnace.apiserver.deadlines import is_long_running
from pinnace.apiserver.lifecycle import REMOVED
from pinnace.apiserver.routes import RequestInfo

if TYPE_CHECKING:
    from pinnace.apiserver.audit.auditing import Auditing

_log = logging.getLogger(__name__)
_NAME = re.compile("([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]")
_KNOWN = ("namespace", "name", "uid", "resourceVersion")
_SLOW_SECONDS = 0.5
_CONNECTED = frozenset(("attach", "exec", "log", "portforward", "proxy"))
_DECISION, _REASON = "authorization.k8s.io/decision", "authorization.k8s.io/reason"
_LATENCY = "apiserver.latency.k8s.io/"


class NotNoted(Exception):
    """A request that may not go on, since it could not be noted."""


class Trail:
    """One request; whatever does something with it says here what the log is to have."""

    __slots__ = (
        "_about", "_annotations", "_audit", "_constraint", "_decision", "_done", "_failed", "_id",
        "_impersonated", "_info", "_known", "_latencies", "_object", "_received", "_request",
        "_response", "_status", "level", "served",
    )  # fmt: skip

    def __init__(
        self,
        audit: "Auditing",
        request: Request,
        info: RequestInfo,
        audit_id: str,
        received: datetime,
    ) -> None:
        self._audit = audit
        self._request, self._info, self._id = request, info, audit_id
        self._received = received
        self._decision: Decision | None = None
        # Until the policy is asked everything may have to be noted.
        self.level = Level.REQUEST_RESPONSE
        # Whether this server answers itself, with objects of its own.
        self.served = False
        self._about: Object = {}
        self._annotations: dict[str, str] = {}
        self._known: dict[str, str] = {}
        self._latencies: dict[str, float] = {}
        self._impersonated: User | None = None
        self._constraint = ""
        self._object: Any = None
        self._response: Object | None = None
        self._status: Object | None = None
        self._failed: Object | None = None
        self._done = False

    async def received(self, user: User) -> None:
        """Ask the policy, now that it is known who asks; raises NotNoted."""
        if self._decision is not None:
            return  # the second look at a refused request
        self._decide(user)
        if not await self._tell(RECEIVED):
            self._audit.rejected()
            self.level = Level.NONE
            raise NotNoted

    def _decide(self, user: User | None) -> None:
        self._decision = self._audit.decide(user, self._info)
        self.level = self._decision.level
        if self.level:
            self._about = about(self._request, self._info, user)

    def impersonated(self, user: User, constraint: str) -> None:
        """Note as whom a request acts; the constraint names how that was allowed."""
        self._impersonated, self._constraint = user, constraint

    def decided(self, reason: str, *, allowed: bool) -> None:
        """Note what authorization said."""
        if self.level:
            self._annotations[_DECISION] = "allow" if allowed else "forbid"
            self._annotations[_REASON] = reason

    def serve(self, row: Resource) -> None:
        """Note that this server answers the request itself, with objects of a row."""
        self.served = True
        gone = REMOVED.get((row.group_version, row.kind))
        if gone is not None:
            self.annotate("k8s.io/deprecated", "true")
            if gone:
                self.annotate("k8s.io/removed-release", gone)

    def took(self, what: str, seconds: float) -> None:
        """Note how long a step took, which is told of slow requests."""
        self._latencies[what] = seconds

    def annotate(self, key: str, value: str, level: Level = Level.METADATA) -> None:
        """Note something at a level and those above; what was noted first stays."""
        if self.level < level:
            return
        held = self._annotations.setdefault(key, value)
        if held != value:
            _log.warning(
                "Failed to set annotations[%s] to %s for audit:%s, it has already been set to %s",
                key, value, self._id, held,
            )  # fmt: skip

    def annotate_checked(self, key: str, value: str) -> None:
        """Note what comes from outside, unless its key is none."""
        prefix, slash, name = key.partition("/")
        if slash and not dns1123_subdomain(prefix) and _NAME.fullmatch(name):
            self.annotate(key, value)
        else:
            _log.warning("Failed to set admission audit annotation %s", key)

    def sent(self, obj: Object) -> None:
        """Note the object of a request, as it was decoded."""
        if not self.level:
            return
        metadata: Mapping[str, Any] = obj.get("metadata") or {}
        for name in _KNOWN:
            value = metadata.get(name)
            if value and isinstance(value, str):
                self._known.setdefault(name, value)
        if self.level >= Level.REQUEST:
            # As it is now: whoever goes on with it changes it.
            self._object = orjson.Fragment(orjson.dumps(self._shown(obj)))

    def patched(self, body: bytes) -> None:
        """Note the patch of a request."""
        if self.level >= Level.REQUEST:
            self._object = bodies.raw_patch(body)

    def failed(self, error: ApiError) -> None:
        """Note the error that a request is answered with."""
        self._failed = error.status()

    async def panicked(self, error: Exception) -> None:
        """Tell of a request that failed in a way that no request should."""
        if self._decision is None or not self.level:
            return
        self._status = {
            "metadata": {},
            "status": "Failure",
            "message": f"APIServer panic'd: {error}",
            "reason": "InternalError",
            "code": 500,
        }
        self._done = True
        await self._tell(PANIC)

    async def closed_early(self) -> None:
        """Tell of a request whose sender went away before there was an answer."""
        if self._decision is None or not self.level:
            return
        said = "Connection closed early"
        self._status = {"metadata": {}, "status": "Success", "message": said, "code": 200}
        await self._complete()

    async def answered(self, answer: Answer) -> Answer:
        """Tell of an answer, and of its end if that comes later; return what is to be sent."""
        if self._done:
            return answer
        if self._decision is None:
            self._decide(None)
            if self.level and isinstance(answer, Response):
                self._note(answer)
                await self._tell(STARTED)
            return answer
        if not self.level:
            return answer
        if isinstance(answer, Hijack):
            return Hijack(run=self._running(answer), abandon=answer.abandon)
        lasting = is_long_running(self._info)
        if isinstance(answer, Response):
            self._note(answer)
            if lasting:
                await self._tell(STARTED)
            await self._complete()
            return answer
        self._status = {"metadata": {}, "code": answer.status}
        if lasting:
            await self._tell(STARTED)
        answer.frames = _Frames(self, answer, kept=self._keeps and not lasting)
        return answer

    @property
    def _keeps(self) -> bool:
        """Whether the object of the answer is noted."""
        if self.level < Level.REQUEST_RESPONSE:
            return False
        info = self._info
        if info.resource:
            return self.served and info.subresource not in _CONNECTED
        return info.path.startswith("/api")

    def _running(self, answer: Hijack) -> Any:
        async def run(connection: Any) -> Any:
            self._status = {"metadata": {}, "code": 101}
            await self._tell(STARTED)
            try:
                return await answer.run(connection)
            finally:
                await self._complete()

        return run

    def _note(self, answer: Response) -> None:
        code, status, headers = answer.status, self._failed, answer.headers
        kind, encoding = headers.get("content-type", ""), headers.get("content-encoding", "")
        found: Object | None = None
        if status is None:
            told = bodies.may_be_status(answer.body)
            if self._keeps or (told and (self.served or code >= 400)):
                found = bodies.answered(answer.body, kind, encoding)
                status = found if found is not None and found["kind"] == "Status" else None
        else:
            found = status
        if self.level >= Level.REQUEST_RESPONSE and found is not None:
            self._response = self._shown(found)
        self._status = bodies.bounded_status(status) if status else {"metadata": {}}
        self._status["code"] = code

    def kept(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Note an answer that was sent in pieces."""
        kind, encoding = headers.get("content-type", ""), headers.get("content-encoding", "")
        found = bodies.answered(body, kind, encoding)
        self._response = self._shown(found) if found is not None else None

    async def complete(self) -> None:
        """Tell that a long answer has ended."""
        await self._complete()

    def _shown(self, obj: Object) -> Object:
        assert self._decision is not None
        return bodies.without_managers(obj) if self._decision.omit_managed_fields else obj

    async def _complete(self) -> None:
        if self._done:
            return
        self._done = True
        if not is_long_running(self._info):
            self._tell_if_slow()
        await self._tell(COMPLETE)

    def _tell_if_slow(self) -> None:
        total = (self._audit.clock.now() - self._received).total_seconds()
        if total > _SLOW_SECONDS:
            for what, seconds in (*self._latencies.items(), ("total", total)):
                self._annotations[_LATENCY + what] = duration_text(seconds)

    async def _tell(self, stage: str) -> bool:
        assert self._decision is not None
        if not self.level or stage in self._decision.omitted:
            return True
        return await self._audit.take(Event(self.level, self._fields(stage)))

    def _fields(self, stage: str) -> Object:
        """Return the event of a stage, its fields in upstream's order."""
        given = self._about
        fields: Object = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": level_name(self.level),
            "auditID": self._id,
            "stage": stage,
            "requestURI": given["requestURI"],
            "verb": given["verb"],
            "user": given["user"],
        }
        if self._impersonated is not None:
            fields["impersonatedUser"] = user_info(self._impersonated)
            if self._constraint:
                fields["authenticationMetadata"] = {"impersonationConstraint": self._constraint}
        for name in ("sourceIPs", "userAgent"):
            if name in given:
                fields[name] = given[name]
        reference = object_reference(self._info, self._known)
        if reference is not None:
            fields["objectRef"] = reference
        if self._status is not None:
            fields["responseStatus"] = self._status
        if self._object is not None:
            fields["requestObject"] = self._object
        if self._response is not None:
            fields["responseObject"] = self._response
        received = self._received.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
        fields["requestReceivedTimestamp"] = received
        fields["stageTimestamp"] = received if stage == RECEIVED else self._audit.now()
        if self._annotations:
            fields["annotations"] = dict(sorted(self._annotations.items()))
        return fields


class _Frames:
    """The frames of a long answer, whose end is told whatever ends it."""

    def __init__(self, trail: Trail, answer: Stream, *, kept: bool) -> None:
        self._trail = trail
        self._frames = answer.frames
        self._headers = answer.headers
        self._kept: list[bytes] | None = [] if kept else None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            frame = await anext(self._frames)
        except StopAsyncIteration:
            if self._kept is not None:
                self._trail.kept(b"".join(self._kept), self._headers)
            await self._trail.complete()
            raise
        if self._kept is not None:
            self._kept.append(frame)
        return frame

    async def aclose(self) -> None:
        """End the answer."""
        try:
            await self._frames.aclose()  # type: ignore[attr-defined]
        finally:
            await self._trail.complete()


def duration_text(seconds: float) -> str:
    """Write a duration as Go does: 1.5s, 20.3ms, 119.4µs."""
    nanos = round(seconds * 1e9)
    if nanos >= 60 * 10**9:
        minutes, rest = divmod(nanos, 60 * 10**9)
        hours, minutes = divmod(minutes, 60)
        return f"{f'{hours}h' if hours else ''}{minutes}m{_plain(rest, 9)}s"
    for digits, unit in ((9, "s"), (6, "ms"), (3, "µs")):
        if nanos >= 10**digits:
            return _plain(nanos, digits) + unit
    return f"{nanos}ns" if nanos else "0s"


def _plain(nanos: int, digits: int) -> str:
    whole, rest = divmod(nanos, 10**digits)
    fraction = f"{rest:0{digits}d}".rstrip("0")
    return f"{whole}.{fraction}" if fraction else str(whole)
