"""Registers what this server serves itself: an APIService for each group version.

Those of built-in groups are looked after once, when the server starts ("onstart"): afterwards they
are their users'. Those of custom resources are kept as they are to be ("true"), and go with the
last definition that serves the version.

What is to be done about one APIService (a row for what there is, a column for what is wanted):

                        nothing     built-in           custom
    nothing             -           create once        create
    somebody's own      -           -                  -
    onstart, new        -           -                  -
    onstart, old        delete      update once        update once
    true                delete      update once        update
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from pinnace.api.codec.canonical import canonical_bytes
from pinnace.api.errors import ApiError
from pinnace.api.kinds.apiregistration import APISERVICES
from pinnace.api.objects import Object
from pinnace.api.patch import apply
from pinnace.apiserver.aggregation.priorities import BUILT_IN, CUSTOM, YIELDING
from pinnace.apiserver.aggregation.registered import Registered, api_service, local
from pinnace.apiserver.bootstrap.objects import stamped
from pinnace.apiserver.core import Core
from pinnace.apiserver.deletes import discard
from pinnace.apiserver.managers import SERVER, scope_of
from pinnace.apiserver.writes import rewrite
from pinnace.kit.backoff import Backoffs
from pinnace.kit.queue import WorkQueue
from pinnace.store.base import MOST_KEYS, Compare, CompareFailed, StoreError

ON_START, ALWAYS = "onstart", "true"
_log = logging.getLogger(__name__)
Step = Literal["create", "update", "delete"]


def next_step(
    wanted: Registered | None, held: Registered | None, *, done: bool, at_start: bool
) -> Step | None:
    """Return what to do about an APIService.

    `done` says that it was looked after before, `at_start` that it was there before this server.
    """
    if wanted is not None and wanted.managed == ON_START and done:
        return None
    if held is None:
        return "create" if wanted is not None else None
    if not held.managed or (held.managed == ON_START and (done or not at_start)):
        return None
    if held.service is not None and (held.group, held.version) in YIELDING:
        return None
    if wanted is None:
        return "delete"
    return "update" if held.spec != wanted.spec else None


class Registrar:
    """Keeps APIServices as the group versions that this server serves; `held` are those that are.

    `changed` is called when other group versions are wanted.
    """

    def __init__(
        self, core: Core, held: Mapping[str, Registered], changed: Callable[[], None]
    ) -> None:
        self._core = core
        self._held = held
        self._changed = changed
        self._wanted: dict[str, Registered] = {}
        self._done: set[str] = set()
        self._at_start: frozenset[str] = frozenset()
        self._queue: WorkQueue[str] = WorkQueue(core.clock, Backoffs(0.005, 1000.0))

    def start(self) -> None:
        """Take the built-in group versions, and what is registered now, for those at the start."""
        self._at_start = frozenset(self._held)
        served = {(row.group, row.version) for row in self._core.rows if row.custom is None}
        for (group, version), priority in BUILT_IN.items():
            if (group, version) in served:
                mode = ALWAYS if (group, version) in YIELDING else ON_START
                self._want(local(group, version, priority, mode))
        for name in self._held:
            self._queue.add(name)

    def custom(self, group: str, version: str, *, served: bool) -> None:
        """Take it that custom resources are served in this version, or in it no more."""
        wanted = local(group, version, CUSTOM, ALWAYS)
        known = self._wanted.get(wanted.name)
        if served and known is None:
            self._want(wanted)
        elif not served and known is not None and known.managed == ALWAYS:
            del self._wanted[wanted.name]
            self._queue.add(wanted.name)
            self._changed()

    def look_at(self, name: str) -> None:
        """See to an APIService that somebody changed."""
        self._queue.add(name)

    def effective(self) -> Iterable[Registered]:
        """Yield the APIServices as they will be once all is written."""
        for name, held in self._held.items():
            wanted = self._wanted.get(name)
            step = self._step(name, held)
            if step is None:
                yield held
            elif step == "update" and wanted is not None:
                yield wanted
        for name, wanted in self._wanted.items():
            if name not in self._held and self._step(name, None) is not None:
                yield wanted

    async def run(self) -> None:
        """Write what is to be written, until cancelled."""
        await self._create_all()
        while True:
            name = await self._queue.get()
            try:
                await self._settle(name)
                self._queue.forget(name)
            except (ApiError, StoreError, CompareFailed) as error:
                _log.info("APIService %s: %s; trying again", name, error)
                self._queue.add_rate_limited(name)
            finally:
                self._queue.done(name)

    def _want(self, wanted: Registered) -> None:
        self._wanted[wanted.name] = wanted
        self._queue.add(wanted.name)
        self._changed()

    def _step(self, name: str, held: Registered | None) -> Step | None:
        return next_step(
            self._wanted.get(name), held, done=name in self._done, at_start=name in self._at_start
        )

    async def _create_all(self) -> None:
        """Write all that lack at the start with one commit; what fails is left to the queue."""
        core = self._core
        cache = await core.cache(APISERVICES)
        missing = [each for name, each in self._wanted.items() if name not in self._held]
        for at in range(0, len(missing), MOST_KEYS):
            puts = [
                (cache.key("", each.name), canonical_bytes(self._made(each)))
                for each in missing[at : at + MOST_KEYS]
            ]
            try:
                await core.store.commit(compares=[Compare(key, 0) for key, _ in puts], puts=puts)
            except (CompareFailed, StoreError) as error:
                _log.info("APIServices: %s; trying again, one by one", error)

    def _made(self, wanted: Registered) -> Object:
        return stamped(self._core, APISERVICES, api_service(wanted))

    async def _settle(self, name: str) -> None:
        core = self._core
        cache = await core.cache(APISERVICES)
        step, wanted = self._step(name, self._held.get(name)), self._wanted.get(name)
        if step == "delete":
            item = cache.get("", name)
            if item is not None:
                await discard(core, APISERVICES, item)
        elif step == "create" and wanted is not None:
            put = (cache.key("", name), canonical_bytes(self._made(wanted)))
            await core.store.commit(compares=[Compare(put[0], 0)], puts=[put])
        elif step == "update" and wanted is not None:
            await self._update(name, wanted)
        self._done.add(name)

    async def _update(self, name: str, wanted: Registered) -> None:
        core = self._core

        def make(held: Object) -> Object:
            held["metadata"].pop("resourceVersion", None)
            return apply.track(
                held,
                {**held, "spec": dict(wanted.spec)},
                APISERVICES,
                manager=SERVER,
                time=core.clock.now(),
                scope=scope_of(APISERVICES, ""),
            )

        await rewrite(core, APISERVICES, "", name, make)
