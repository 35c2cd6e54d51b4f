"""Tells users what happened to an object: Events, written in the background.

Similar events are merged as upstream's correlator does: the same event again counts up, more
than ten that differ by message only within ten minutes become one "(combined from similar
events)", and a source may say 25 things about one object, then one every five minutes.
"""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

from pinnace.api.errors import ApiError, NotFound
from pinnace.api.kinds.core import EVENTS
from pinnace.api.objects import Object, format_time
from pinnace.client.base import Client
from pinnace.kit.clock import Clock

log = logging.getLogger(__name__)

V = TypeVar("V")
EventKind = Literal["Normal", "Warning"]

_REMEMBERED = 4096
_SIMILAR = 10
_SIMILAR_SECONDS = 600.0
_BURST = 25.0
_REFILL = 1.0 / 300.0
_BUFFER = 1000


class Recorder(Protocol):
    """Records Events about objects; similar ones are counted, none is ever waited for."""

    def event(self, regarding: Object, *, type: EventKind, reason: str, message: str) -> None: ...


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(slots=True)
class _Similar:
    messages: set[str] = field(default_factory=set)
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class _Written:
    name: str
    first: str
    count: int


@dataclass(frozen=True, slots=True)
class Correlated:
    """What to write: a new event, or (`patch`) what changes in one that exists."""

    event: Object
    key: tuple[str, ...]
    patch: Object | None = None


class Correlator:
    """Decides for each event whether it is new, one more, one of many, or too much."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[tuple[str, ...], _Bucket] = OrderedDict()
        self._similar: OrderedDict[tuple[str, ...], _Similar] = OrderedDict()
        self._written: OrderedDict[tuple[str, ...], _Written] = OrderedDict()

    def correlate(self, event: Object, now: float) -> Correlated | None:
        """Return what to write, or None for spam."""
        event, key = self._combined(event, now)
        seen = self._written.get(key)
        patch = None
        if seen is not None:
            event = {
                **event,
                "metadata": {**event["metadata"], "name": seen.name},
                "firstTimestamp": seen.first,
                "count": seen.count + 1,
            }
            patch = {name: event[name] for name in ("count", "lastTimestamp", "message")}
        self.remember(key, event)
        if self._is_spam(event, now):
            return None
        return Correlated(event, key, patch)

    def remember(self, key: tuple[str, ...], event: Object) -> None:
        """Note an event as the server has it."""
        written = _Written(event["metadata"]["name"], event["firstTimestamp"], event["count"])
        _put(self._written, key, written)

    def _combined(self, event: Object, now: float) -> tuple[Object, tuple[str, ...]]:
        alike = (*_source(event), event["type"], event["reason"])
        similar = self._similar.get(alike)
        if similar is None or now - similar.at > _SIMILAR_SECONDS:
            similar = _Similar()
        similar.messages.add(event["message"])
        similar.at = now
        _put(self._similar, alike, similar)
        if len(similar.messages) < _SIMILAR:
            field_path = event["involvedObject"].get("fieldPath", "")
            return event, (*alike, field_path, event["message"])
        similar.messages.pop()
        message = f"(combined from similar events): {event['message']}"
        return {**event, "message": message}, alike

    def _is_spam(self, event: Object, now: float) -> bool:
        key = (*_source(event), event["type"])
        bucket = self._buckets.get(key) or _Bucket(_BURST, now)
        _put(self._buckets, key, bucket)
        bucket.tokens = min(_BURST, bucket.tokens + (now - bucket.at) * _REFILL)
        bucket.at = now
        if bucket.tokens < 1.0:
            return True
        bucket.tokens -= 1.0
        return False


def _put(cache: OrderedDict[tuple[str, ...], V], key: tuple[str, ...], value: V) -> None:
    cache[key] = value
    cache.move_to_end(key)
    while len(cache) > _REMEMBERED:
        cache.popitem(last=False)


def _source(event: Object) -> tuple[str, ...]:
    about = event["involvedObject"]
    names = ("kind", "namespace", "name", "uid", "apiVersion")
    source = event["source"]
    return (source.get("component", ""), source.get("host", ""), *(about.get(n, "") for n in names))


class EventRecorder:
    """A `Recorder` for one component; `run` must be running for anything to be written."""

    def __init__(self, client: Client, clock: Clock, *, component: str, host: str = "") -> None:
        self._client = client
        self._clock = clock
        self._component = component
        self._host = host
        self._correlator = Correlator()
        self._last_stamp = 0
        self._waiting: asyncio.Queue[Object] = asyncio.Queue(_BUFFER)

    def event(self, regarding: Object, *, type: EventKind, reason: str, message: str) -> None:
        """Queue an event about an object, or an ObjectReference (with a fieldPath, say)."""
        event = self._made(_reference(regarding), type=type, reason=reason, message=message)
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            log.debug("event dropped, too many wait: %s %s", reason, message)

    async def run(self) -> None:
        """Write what is queued until cancelled."""
        while True:
            event = await self._waiting.get()
            found = self._correlator.correlate(event, self._clock.monotonic())
            if found is None:
                continue
            try:
                await self._write(found)
            except ApiError as error:
                log.debug("event dropped: %s: %s", event["reason"], error.message)

    async def _write(self, found: Correlated) -> None:
        event = found.event
        if found.patch is not None:
            meta = event["metadata"]
            try:
                await self._client.patch(
                    EVENTS,
                    meta["name"],
                    found.patch,
                    namespace=meta["namespace"],
                    type="strategic",
                )
            except NotFound:
                pass  # it has expired; tell it anew
            else:
                return
        await self._client.create(EVENTS, event)

    def _made(self, about: Object, *, type: EventKind, reason: str, message: str) -> Object:
        now = self._clock.now()
        # Names end in the time in nanoseconds; a clock that stands still must not repeat one.
        self._last_stamp = max(int(now.timestamp() * 1e6) * 1000, self._last_stamp + 1)
        stamp = format_time(now)
        host = {"host": self._host} if self._host else {}
        return {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {
                "name": f"{about.get('name', '')}.{self._last_stamp:x}",
                "namespace": about.get("namespace") or "default",
            },
            "involvedObject": about,
            "reason": reason,
            "message": message,
            "source": {"component": self._component, **host},
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
            "type": type,
            "eventTime": None,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }


def _reference(regarding: Object) -> Object:
    """Return the ObjectReference of an object; what is a reference already stays."""
    meta = regarding.get("metadata")
    if meta is None:
        return {name: value for name, value in regarding.items() if value}
    found = {
        "kind": regarding.get("kind"),
        "namespace": meta.get("namespace"),
        "name": meta.get("name"),
        "uid": meta.get("uid"),
        "apiVersion": regarding.get("apiVersion"),
        "resourceVersion": meta.get("resourceVersion"),
    }
    return {name: value for name, value in found.items() if value}
