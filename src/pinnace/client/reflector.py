"""Keeps a sink equal to one resource of the cluster: list, then watch, for ever.

One round: get the whole state (a streaming list, or an ordinary one where the server has no
streaming lists), then follow the changes. A watch that ends is taken up again at the last seen
revision; a revision that the server has forgotten (410) means to start over. Every failure waits
on the Clock, longer each time.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pinnace.api.errors import ApiError, ServiceUnavailable
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.client.base import Client, WatchEvent
from pinnace.kit.backoff import Backoff
from pinnace.kit.clock import Clock

log = logging.getLogger(__name__)

# client-go asks for five to ten minutes at random, so that not all watches end at once.
_WATCH_SECONDS = 300
# How long after the time that it promised to end a silent watch is given up.
_WATCH_GRACE = 30.0
_HEALTHY = 120.0
_INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class Sink(Protocol):
    """What a reflector fills."""

    def replace(self, items: Sequence[Object], revision: str) -> None:
        """Take these for all there is at a revision."""
        ...

    def apply(self, event: WatchEvent) -> None:
        """Take one change; never a BOOKMARK."""
        ...


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of a resource is wanted."""

    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""
    metadata_only: bool = False


class Reflector:
    """Lists and watches one selection of a resource into a sink."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        resource: Resource,
        sink: Sink,
        selection: Selection | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._resource = resource
        self._sink = sink
        self._selection = selection or Selection()
        self._revision = ""
        self._streaming_lists = True
        self._backoff = Backoff(0.8, 30.0, jitter=1.0, random=random.random)

    async def run(self) -> None:
        """Keep the sink up to date until cancelled."""
        while True:
            started = self._clock.monotonic()
            seen = self._revision
            try:
                await self._round()
                failed = False
            except ApiError as error:
                failed = True
                self._note(error)
            lasted = self._clock.monotonic() - started
            if lasted >= _HEALTHY or (not failed and seen != self._revision):
                self._backoff.reset()
            elif failed or lasted < 1.0:
                # A watch that ends at once and brought nothing is a failure, too.
                await self._clock.sleep(self._backoff.next())

    async def _round(self) -> None:
        """Follow until the watch ends; raises ApiError when something else ends it."""
        seconds = int(_WATCH_SECONDS * (1 + random.random()))
        try:
            # Real time, for this guards against a dead connection: virtual time that jumps must
            # not look like one. One timer for all events, since they are many.
            async with asyncio.timeout(seconds + _WATCH_GRACE):
                await self._listen(seconds)
        except TimeoutError:
            log.debug("%s: the watch is silent, taking it up again", self._resource.plural)

    async def _listen(self, seconds: int) -> None:
        if self._revision:
            await self._follow(self._watch(self._revision, seconds))
        elif self._streaming_lists:
            await self._stream_list(seconds)
        else:
            await self._list()
            await self._follow(self._watch(self._revision, seconds))

    def _note(self, error: ApiError) -> None:
        if error.code == 410:
            log.debug("%s: starting over: %s", self._resource.plural, error.message)
            self._revision = ""
        else:
            log.warning("%s: list or watch failed: %s", self._resource.plural, error.message)

    async def _list(self) -> None:
        selection = self._selection
        found = await self._client.list(
            self._resource,
            namespace=selection.namespace,
            label_selector=selection.label_selector,
            field_selector=selection.field_selector,
            metadata_only=selection.metadata_only,
        )
        for item in found["items"]:
            # Upstream's servers leave these out of the items of a typed list.
            item.setdefault("kind", self._resource.kind)
            item.setdefault("apiVersion", self._resource.group_version)
        self._revision = found["metadata"]["resourceVersion"]
        self._sink.replace(found["items"], self._revision)

    async def _stream_list(self, seconds: int) -> None:
        """List by a watch that sends everything first, and go on with the same watch."""
        items: dict[tuple[str, str], Object] = {}
        listed = False
        try:
            async with contextlib.aclosing(self._watch("", seconds, initial_events=True)) as events:
                async for event in events:
                    if listed:
                        self._take(event)
                    elif event.type == "BOOKMARK" and _ends_initial_events(event.object):
                        listed = True
                        self._revision = event.object["metadata"]["resourceVersion"]
                        self._sink.replace(list(items.values()), self._revision)
                    else:
                        _collect(items, event)
        except ApiError as error:
            if listed or not _refuses_streaming(error):
                raise
            log.debug("%s: no streaming list: %s", self._resource.plural, error.message)
            # A server that fails now may have what it needs next time.
            self._streaming_lists = error.code >= 500
            await self._list()
            return
        if not listed:
            raise ServiceUnavailable("the watch ended before all initial events were there")

    def _watch(
        self, revision: str, seconds: int, *, initial_events: bool = False
    ) -> AsyncGenerator[WatchEvent, None]:
        selection = self._selection
        return self._client.watch(
            self._resource,
            namespace=selection.namespace,
            label_selector=selection.label_selector,
            field_selector=selection.field_selector,
            resource_version=revision,
            initial_events=initial_events,
            timeout_seconds=seconds,
            metadata_only=selection.metadata_only,
        )

    async def _follow(self, watch: AsyncGenerator[WatchEvent, None]) -> None:
        async with contextlib.aclosing(watch):
            async for event in watch:
                self._take(event)

    def _take(self, event: WatchEvent) -> None:
        if event.type != "BOOKMARK":
            self._sink.apply(event)
        self._revision = event.object["metadata"]["resourceVersion"]


def _refuses_streaming(error: ApiError) -> bool:
    """Say whether a plain list may do better: not if the server is busy or out of reach.

    Upstream's server on an old etcd answers 500, for want of something that it needs for this.
    """
    return 400 <= error.code <= 500 and error.code not in (410, 429)


def _collect(items: dict[tuple[str, str], Object], event: WatchEvent) -> None:
    meta = event.object["metadata"]
    if event.type in ("ADDED", "MODIFIED"):
        items[meta.get("namespace", ""), meta["name"]] = event.object
    elif event.type == "DELETED":
        items.pop((meta.get("namespace", ""), meta["name"]), None)


def _ends_initial_events(bookmark: Object) -> bool:
    annotations = bookmark["metadata"].get("annotations") or {}
    return annotations.get(_INITIAL_EVENTS_END) == "true"
