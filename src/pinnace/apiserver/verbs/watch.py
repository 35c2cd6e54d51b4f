"""WATCH: changes as they happen, from a revision on, or from the current state on.

A start in the recent past is answered from memory, an older one from the store's history, one that
is compacted with 410. Whoever reads too slowly is cut off, and resumes.
"""

import random
from collections.abc import AsyncGenerator, Callable

from pinnace.api.errors import ApiError
from pinnace.api.wire import Answer, Stream
from pinnace.apiserver.answers import EACH, accepted, representation
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.negotiation import PROTOBUF
from pinnace.apiserver.numbers import int64
from pinnace.apiserver.representations import Representation
from pinnace.apiserver.revisions import (
    check_list_options,
    check_not_future,
    parse_revision,
    too_old,
)
from pinnace.apiserver.selection import Selection, selected
from pinnace.apiserver.verbs import watch_socket
from pinnace.apiserver.versions import is_converted, seen, seen_change
from pinnace.kit.alarms import Alarm
from pinnace.store.base import Compacted, Watch
from pinnace.store.watchcache.cache import WatchCache
from pinnace.store.watchcache.changes import Told, Watcher
from pinnace.store.watchcache.item import Item

_BOOKMARK_SECONDS = 60.0
# The last bookmark comes so long before the end: who resumes there has missed little.
_LAST_SECONDS = 2.0
# How many initial events are joined into one frame: fewer wake-ups, and still back-pressure.
_CHUNK = 100


def timeout_of(core: Core, call: Call) -> float:
    """Return after how many seconds the server ends the watch."""
    seconds = int64(call.request.param("timeoutSeconds") or "0")
    # Spread, so that watches which began together do not end together.
    return seconds or core.config.min_request_timeout * (1 + random.random())


async def watch(core: Core, call: Call) -> Answer:
    """Answer with a stream of events."""
    check_list_options(call)
    seconds = timeout_of(core, call)
    text = call.request.param("resourceVersion")
    revision = parse_revision(text) if text and text != "0" else 0
    wanted = accepted(call.request, EACH, call.row)
    shape = representation(core, call, wanted)
    selection = await selected(core, call)
    cache = await core.cache(call.row)
    watching = _Watching(core, call, cache, shape, selection=selection, after=revision)
    frames = watching.frames(revision, seconds)
    if watch_socket.is_asked_for(call.request):
        binary = wanted.media == PROTOBUF
        return watch_socket.over_websocket(call.request, frames, binary=binary)
    media = wanted.content_type + (";stream=watch" if wanted.media == PROTOBUF else "")
    headers = {"content-type": media, "cache-control": "no-cache, private"}
    return Stream(headers=headers, frames=frames, straight=watching.straight)


def _wants_state(call: Call) -> bool:
    """Say whether a watch that asks for nothing in particular counts as one for initial events.

    By the old prefix of the path it does not: upstream looks at the query for this.
    """
    request = call.request
    if not call.flag("watch") or request.query.get("sendInitialEvents"):
        return False
    return not request.param("resourceVersionMatch") and (
        request.param("resourceVersion") in ("", "0")
    )


class _Watching:
    """One watch request."""

    def __init__(
        self,
        core: Core,
        call: Call,
        cache: WatchCache,
        shape: Representation,
        *,
        selection: Selection,
        after: int,
    ) -> None:
        self._core = core
        self._cache = cache
        self._shape = shape
        self._namespace = call.namespace
        self._test = selection.test()
        self._bookmarks = call.flag("allowWatchBookmarks")
        self._initial = call.flag("sendInitialEvents") or _wants_state(call)
        self._ends_at = 0.0
        self._asked = call.request.query.get("sendInitialEvents") is not None
        self._row = call.row
        self._held = call.held
        # What a webhook converts can be selected only after that.
        self._late = is_converted(call.row)
        self._watcher = Watcher(
            namespace=call.namespace,
            select=None if self._late else self._test,
            only=None if self._late else selection.only(),
            after=after,
        )
        self._history: Watch | None = None
        self._alarms: list[Alarm] = []
        row, tallies = call.row, core.tallies
        self._where = row.group, row.version, row.plural
        self._counted, self._sizes = tallies.watch_events, tallies.watch_sizes
        scope = "resource" if call.info.name else "namespace" if call.info.namespace else "cluster"
        self._open = ("WATCH", *self._where, call.info.subresource, scope, "apiserver")
        self._running = tallies.long_running

    async def frames(self, revision: int, seconds: float) -> AsyncGenerator[bytes, None]:
        """Yield the frames until the watch ends."""
        core, watcher = self._core, self._watcher
        try:
            self._running.add(self._open)
            start = core.caches.revision
            current = self._begin(revision)
            self._ends_at = core.clock.monotonic() + seconds
            self._alarms.append(core.alarms.after(seconds, watcher.end))
            if self._late:
                current = await seen(core, self._row, current)
            for at in range(0, len(current), _CHUNK):
                chunk = self._passing(current, at)
                yield b"".join([self._noted(self._shape.added(item)) for item in chunk])
                # What is looked at for the first time is decoded: nobody is to wait for all of it.
                await self._held.rest()
            self._held.begun()
            if self._initial and self._bookmarks:
                yield self._shape.bookmark(start, initial_events_end=True)
            if self._bookmarks:
                self._remind(revision)
            following = self._seen if self._late else watcher.next
            while batch := await following():
                yield b"".join([self._noted(self._encoded(told)) for told in batch])
            if watcher.overrun:
                group, _, plural = self._where
                core.store_metrics.terminated.add((group, plural))
            if watcher.expired:
                raise too_old(revision, core.caches.revision)
        except ApiError as error:
            yield self._shape.error(error.status())
        finally:
            self._close()

    def straight(self, write: Callable[[bytes], bool]) -> None:
        """Write frames with this, past the generator, while that waits for the next."""
        if self._late:
            return

        def one(told: Told) -> bool:
            frame = self._encoded(told)
            if not write(frame):
                return False
            self._noted(frame)
            return True

        self._watcher.serve(one)

    def _begin(self, revision: int) -> list[Item]:
        """Start the watch; return what there is, if the client wants that first.

        Without a revision it does, unless it says that it does not.
        """
        if self._initial and revision:
            check_not_future(self._core, str(revision))
        if self._initial or (not revision and not self._asked):
            current = self._cache.items(self._namespace)
            self._watcher.allow(len(current))
            self._cache.watch(self._watcher, since=None)
            return current
        if revision:
            self._resume(revision)
        else:
            self._cache.watch(self._watcher, since=None)
        return []

    async def _seen(self) -> list[Told]:
        """Return what is told next in the version of the watch; empty when it has ended."""
        while batch := await self._watcher.next():
            told = [await seen_change(self._core, self._row, each, self._test) for each in batch]
            found = [each for each in told if each is not None]
            if found:
                return found
        return []

    def _resume(self, revision: int) -> None:
        try:
            self._cache.watch(self._watcher, since=revision)
        except Compacted:
            self._history = self._cache.watch_history(
                self._core.store, self._watcher, since=revision
            )

    def _passing(self, items: list[Item], at: int) -> list[Item]:
        """Return those of a chunk of items that are selected."""
        chunk, test = items[at : at + _CHUNK], self._test
        return chunk if test is None else [item for item in chunk if test(item)]

    def _noted(self, frame: bytes) -> bytes:
        """Count an event that is sent."""
        self._counted.add(self._where)
        self._sizes.observe(self._where, len(frame))
        return frame

    def _encoded(self, told: Told) -> bytes:
        if told.type == "BOOKMARK":
            return self._shape.bookmark(told.revision)
        return self._shape.event(told)

    def _remind(self, asked: int) -> None:
        """Send a bookmark now and then, and one shortly before the end."""
        left = self._ends_at - _LAST_SECONDS - self._core.clock.monotonic()
        if left <= 0:
            return
        wait = min(left, _BOOKMARK_SECONDS * (0.9 + 0.1 * random.random()))

        def due() -> None:
            # A watch on the store's history may not have caught up; then its own revision counts.
            latest, seen = self._core.caches.revision, max(self._watcher.revision, asked)
            if self._history is not None and seen < self._cache.changed:
                latest = seen
            self._watcher.bookmark(latest)
            self._remind(asked)

        self._alarms[1:] = [self._core.alarms.after(wait, due)]

    def _close(self) -> None:
        self._running.add(self._open, -1)
        for alarm in self._alarms:
            alarm.cancel()
        self._cache.unwatch(self._watcher)
        if self._history is not None:
            self._history.close()
