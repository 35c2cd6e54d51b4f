"""Follows CustomResourceDefinitions: writes their status, and ends them with their objects.

What is served changes at once, in the listener; what is written to the store is written by one
task, definition by definition, and tried again when somebody wrote in between.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from pinnace.api.custom.definitions import ESTABLISHED, TERMINATING, is_true, with_condition
from pinnace.api.errors import ApiError, NotFound
from pinnace.api.kinds.apiextensions import CUSTOMRESOURCEDEFINITIONS
from pinnace.api.objects import Object, format_time
from pinnace.api.patch import apply
from pinnace.api.resources import Resource
from pinnace.apiserver.core import Core
from pinnace.apiserver.definitions.serving import Serving
from pinnace.apiserver.definitions.status import next_status
from pinnace.apiserver.deletes import discard
from pinnace.apiserver.strategies.registration import CLEANUP
from pinnace.apiserver.updates import is_finished
from pinnace.apiserver.writes import current, decoded, put, remove
from pinnace.kit.queue import WorkQueue
from pinnace.store.base import CompareFailed, StoreError
from pinnace.store.watchcache.changes import Change
from pinnace.store.watchcache.item import Item

Alter = Callable[[Object], None]


class Register(Protocol):
    """Is told of group versions in which custom resources are served, or not any more."""

    def __call__(self, group: str, version: str, *, served: bool) -> None: ...


_log = logging.getLogger(__name__)
_MANAGER = "kube-apiserver"
_POLL_SECONDS = 1.0
_RETRY_SECONDS = 1.0


class Keeper:
    """The definitions of one server."""

    def __init__(self, core: Core, serving: Serving, register: Register) -> None:
        self._core = core
        self._serving = serving
        self._register = register
        # How many definitions there are in each group version that is served.
        self._versions: Counter[tuple[str, str]] = Counter()
        self._queue: WorkQueue[str] = WorkQueue(core.clock)
        self._briefs: dict[str, Object] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Serve what is defined, and follow it."""
        cache = await self._core.cache(CUSTOMRESOURCEDEFINITIONS)
        for found in cache.items():
            self._take(found)
        cache.listeners.append(self._heard)

    async def run(self) -> None:
        """Write what is to be written, until cancelled."""
        try:
            while True:
                name = await self._queue.get()
                try:
                    await self._settle(name)
                except (ApiError, StoreError, CompareFailed) as error:
                    _log.info("definition %s: %s; trying again", name, error)
                    self._queue.add_after(name, _RETRY_SECONDS)
                finally:
                    self._queue.done(name)
        finally:
            for task in self._ending.values():
                task.cancel()
            await asyncio.gather(*self._ending.values(), return_exceptions=True)

    def _heard(self, change: Change) -> None:
        name = change.item.name
        if change.type == "DELETED":
            self._serving.drop(name)
            gone = self._briefs.pop(name)
            self._count(gone, None)
            # Its names are free now, and another of its group may have waited for them.
            for other in self._group(gone):
                self._queue.add(other["metadata"]["name"])
        else:
            self._take(change.item)

    def _take(self, item: Item) -> None:
        # Definitions are large and many: decoded for a moment, never kept.
        crd = item.decode()
        self._serving.take(crd)
        old, new = self._briefs.get(item.name), _brief(crd)
        self._briefs[item.name] = new
        self._count(old, new)
        self._queue.add(item.name)

    def _count(self, old: Object | None, new: Object | None) -> None:
        """Have group versions registered that are served for the first time, and the last."""
        before, after = _versions(old), _versions(new)
        for version in after - before:
            self._versions[version] += 1
            if self._versions[version] == 1:
                self._register(*version, served=True)
        for version in before - after:
            self._versions[version] -= 1
            if not self._versions[version]:
                del self._versions[version]
                self._register(*version, served=False)

    def _group(self, crd: Object) -> list[Object]:
        """Return the other definitions of a definition's group, in brief."""
        name, group = crd["metadata"]["name"], crd["spec"]["group"]
        return [
            other
            for other in self._briefs.values()
            if other["spec"]["group"] == group and other["metadata"]["name"] != name
        ]

    async def _settle(self, name: str) -> None:
        cache = await self._core.cache(CUSTOMRESOURCEDEFINITIONS)
        item = cache.get("", name)
        if item is None:
            return
        crd = item.decode()
        if crd["metadata"].get("deletionTimestamp"):
            if CLEANUP in (crd["metadata"].get("finalizers") or ()) and name not in self._ending:
                task = asyncio.create_task(self._end(name))
                self._ending[name] = task
                task.add_done_callback(lambda _: self._ending.pop(name, None))
            return
        others = self._group(crd)
        status = next_status(crd, others, format_time(self._core.clock.now()))
        if status is not None:
            await self._write(name, lambda new: new.update(status=status))
            for rival in others:
                self._queue.add(rival["metadata"]["name"])

    async def _write(self, name: str, alter: Alter) -> Object:
        """Alter a definition as the server itself; return what was stored."""
        core, row = self._core, CUSTOMRESOURCEDEFINITIONS
        while True:
            held = await current(core, row, "", name)
            old, new = decoded(core, row, held), decoded(core, row, held)
            alter(new)
            for obj in (old, new):
                obj["metadata"].pop("resourceVersion", None)
            new = apply.track(
                old, new, row, manager=_MANAGER, time=core.clock.now(), subresource="status"
            )
            try:
                written = await put(core, row, held.key, new, expected=held.revision)
                if is_finished(new):
                    await remove(core, written)
                return new
            except CompareFailed:
                continue

    async def _end(self, name: str) -> None:
        """Delete all objects of a definition, and then let it go."""
        while True:
            try:
                await self._finish(name)
                return
            except NotFound:
                return
            except (ApiError, StoreError, CompareFailed) as error:
                _log.info("cannot end definition %s: %s; trying again", name, error)
                await self._core.clock.sleep(_RETRY_SECONDS)

    async def _finish(self, name: str) -> None:
        crd = await self._tell(name, "True", "InstanceDeletionInProgress",
                               "CustomResource deletion is in progress")  # fmt: skip
        if not is_true(crd, ESTABLISHED):
            last = ("NeverEstablished", "resource was never established")
        else:
            rows = self._serving.rows(name)
            stored = next((r for r in rows if r.group_version == r.storage), None)
            if stored is not None:
                await self._empty(stored)
            last = ("InstanceDeletionCompleted", "removed all instances")

        def let_go(new: Object) -> None:
            metadata = new["metadata"]
            kept = [found for found in metadata.get("finalizers") or () if found != CLEANUP]
            metadata["finalizers"] = kept
            if not kept:
                del metadata["finalizers"]
            self._condition(new, "False", *last)

        await self._write(name, let_go)

    async def _empty(self, row: Resource) -> None:
        """Delete the objects of a row, and wait until none is left."""
        cache = await self._core.cache(row)
        while items := cache.items():
            for item in items:
                await discard(self._core, row, item)
            if cache.items():
                await self._core.clock.sleep(_POLL_SECONDS)

    async def _tell(self, name: str, status: str, reason: str, message: str) -> Object:
        return await self._write(name, lambda new: self._condition(new, status, reason, message))

    def _condition(self, new: Object, status: str, reason: str, message: str) -> None:
        told = {"type": TERMINATING, "status": status, "reason": reason, "message": message}
        with_condition(new, told, format_time(self._core.clock.now()))


def _brief(crd: Object) -> Object:
    """Return what others of its group must know of a definition."""
    spec = {name: crd["spec"][name] for name in ("group", "names")}
    spec["served"] = [each["name"] for each in crd["spec"]["versions"] if each.get("served")]
    accepted = (crd.get("status") or {}).get("acceptedNames") or {}
    return {
        "metadata": {"name": crd["metadata"]["name"]},
        "spec": spec,
        "status": {"acceptedNames": accepted},
    }


def _versions(brief: Object | None) -> set[tuple[str, str]]:
    """Return the group versions that a definition serves."""
    if brief is None:
        return set()
    spec = brief["spec"]
    return {(spec["group"], version) for version in spec["served"]}
