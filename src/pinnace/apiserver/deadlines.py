"""How long a request may take: what its query asks for, at most what the server allows.

Watches and connections to something behind the server last as long as they last.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol, TypeVar

import orjson

from pinnace.api.durations import parse_duration
from pinnace.api.errors import BadRequest, Timeout
from pinnace.api.wire import Request, Response
from pinnace.apiserver.routes import RequestInfo

T = TypeVar("T")
_TIMED_OUT = "Timeout: request did not complete within the allotted timeout"
_LONG_VERBS = frozenset({"watch", "proxy"})
_LONG_SUBRESOURCES = frozenset({"attach", "exec", "proxy", "log", "portforward"})


class Worker(Protocol):
    """Who is told how work goes on."""

    def spent(self, seconds: float) -> None:
        """Note what a slice of the work has cost."""
        ...

    def paused(self) -> None:
        """Note that the work waits for the first time."""
        ...


@dataclass(slots=True)
class Within(Awaitable[T]):
    """Awaits work; raises TimeoutError, and cancels the work, if it takes longer than it may.

    Most of what is asked is answered from memory. An alarm is set for what has to wait alone; with
    None there is none.
    """

    work: Coroutine[Any, Any, T]
    seconds: float | None
    worker: Worker

    def __await__(self) -> Generator[Any, Any, T]:
        began = perf_counter()
        try:
            waits_for = self.work.send(None)
        except StopIteration as done:
            found: T = done.value
            return found
        finally:
            self.worker.spent(perf_counter() - began)
        self.worker.paused()
        return (yield from self._guarded(_Begun(self.work, waits_for, self.worker)).__await__())

    async def _guarded(self, begun: "_Begun[T]") -> T:
        async with asyncio.timeout(self.seconds):
            return await begun


@dataclass(slots=True)
class _Begun(Awaitable[T]):
    """Goes on with work that waits for something already."""

    work: Coroutine[Any, Any, T]
    waits_for: Any
    worker: Worker

    def __await__(self) -> Generator[Any, Any, T]:
        began = perf_counter()
        try:
            while True:
                try:
                    sent = yield self.waits_for
                except BaseException as error:  # noqa: BLE001  # the work is to see it
                    began = perf_counter()
                    self.waits_for = self.work.throw(error)
                else:
                    began = perf_counter()
                    self.waits_for = self.work.send(sent)
                self.worker.spent(perf_counter() - began)
        except StopIteration as done:
            self.worker.spent(perf_counter() - began)
            found: T = done.value
            return found


def is_long_running(info: RequestInfo) -> bool:
    """Say whether a request ends when somebody ends it."""
    return bool(info.resource) and (
        info.verb in _LONG_VERBS or info.subresource in _LONG_SUBRESOURCES
    )


def seconds_for(request: Request, most: float) -> float:
    """Return the seconds that a request may take; raises BadRequest."""
    asked = request.query.get("timeout")
    if asked is None or not asked[0]:
        return most
    seconds = duration(asked[0])
    return seconds if 0 < seconds < most else most


def timed_out() -> Response:
    """Return what upstream answers for the handler that did not end: no typed object, no type."""
    status = Timeout(_TIMED_OUT, details={}).status()
    body = {name: value for name, value in status.items() if name not in ("kind", "apiVersion")}
    headers = {"content-type": "text/plain; charset=utf-8"}
    return Response(status=Timeout.code, headers=headers, body=orjson.dumps(body) + b"\n")


def duration(text: str) -> float:
    """Read a duration as Go writes them, in seconds; raises BadRequest with Go's words."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise BadRequest(f"invalid timeout specified in the request URL - time: {error}") from None
