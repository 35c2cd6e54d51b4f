"""Deletes what has lost its owners, and carries out foreground and orphaning deletion.

Every resource that can be watched is watched, for its metadata only; `shared.ownership` keeps
the graph and says what is to be looked at. Nothing is done on the graph's word alone: each object
and each owner is asked for at the server first.
"""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pinnace.api.errors import ApiError, NotFound, UnsupportedMediaType
from pinnace.api.kinds.apiextensions import CUSTOMRESOURCEDEFINITIONS
from pinnace.api.objects import Key, Object, key_of
from pinnace.api.resources import Resource
from pinnace.client.base import WatchEvent
from pinnace.client.reflector import Reflector, Selection
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared.discovery import served
from pinnace.controllers.shared.ownership import (
    FOREGROUND,
    ORPHAN,
    Changes,
    Graph,
    Identity,
    Node,
    Owners,
    sort_owners,
)
from pinnace.kit.queue import WorkQueue
from pinnace.kit.waits import set_or_elapsed

log = logging.getLogger(__name__)

_DISCOVERY_PERIOD = 30.0
_WORKERS = 10
_ABSENT = 500
_IGNORED = (("", "events"), ("events.k8s.io", "events"))
Propagation = Literal["Background", "Foreground", "Orphan"]


class _Monitor:
    """Feeds one resource into the graph: a reflector's sink that keeps uids only."""

    def __init__(self, row: Resource, collector: "Collector") -> None:
        self.row = row
        self.synced = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self._collector = collector
        self._uids: dict[Key, str] = {}

    def replace(self, items: Sequence[Object], revision: str) -> None:
        found = {key_of(item): item["metadata"]["uid"] for item in items}
        for key, uid in list(self._uids.items()):
            if found.get(key) != uid:
                self._forget(key, uid)
        for item in items:
            self._observe(item)
        self.synced.set()

    def apply(self, event: WatchEvent) -> None:
        key, uid = key_of(event.object), event.object["metadata"]["uid"]
        if event.type == "DELETED":
            self._forget(key, uid)
        else:
            self._observe(event.object)

    def forget_all(self) -> None:
        for key, uid in list(self._uids.items()):
            self._forget(key, uid)

    def _observe(self, obj: Object) -> None:
        key, uid = key_of(obj), obj["metadata"]["uid"]
        self._uids[key] = uid
        row = self.row
        identity = Identity(row.group, row.version, row.kind, key.namespace, key.name, uid)
        self._collector.take(self._collector.graph.observe(identity, obj))

    def _forget(self, key: Key, uid: str) -> None:
        if self._uids.get(key) == uid:
            del self._uids[key]
        self._collector.take(self._collector.graph.forget(uid))


@dataclass(slots=True)
class _Mapping:
    """Kinds to resources, as discovery last said."""

    rows: dict[tuple[str, str], Resource] = field(default_factory=dict)

    def find(self, group: str, kind: str) -> Resource:
        row = self.rows.get((group, kind))
        if row is None:
            # Perhaps it is only not discovered yet: the retry asks again.
            raise NotFound(f'no matches for kind "{kind}" in group "{group}"')
        return row


class Collector:
    """The garbage collector at work."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self.graph = Graph()
        self._mapping = _Mapping()
        self._monitors: dict[tuple[str, str], _Monitor] = {}
        self._to_delete: WorkQueue[str] = WorkQueue(ctx.clock)
        self._to_orphan: WorkQueue[str] = WorkQueue(ctx.clock)
        self._absent: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._rediscover = asyncio.Event()

    async def run(self) -> None:
        """Collect until cancelled."""
        crds = self._ctx.informers.informer(CUSTOMRESOURCEDEFINITIONS)
        remove = crds.add_handler(lambda *_: self._rediscover.set())
        try:
            async with asyncio.TaskGroup() as group:
                await self._discover(group)
                for monitor in list(self._monitors.values()):
                    await monitor.synced.wait()
                for _ in range(_WORKERS):
                    group.create_task(self._work(self._to_delete, self._attempt_to_delete))
                    group.create_task(self._work(self._to_orphan, self._orphan_dependents))
                while True:
                    await self._next_discovery()
                    await self._discover(group)
        finally:
            remove()
            await self._to_delete.close()
            await self._to_orphan.close()

    def take(self, changes: Changes) -> None:
        """Queue what is to be looked at."""
        for uid in changes.delete:
            self._to_delete.add(uid)
        for uid in changes.orphan:
            self._to_orphan.add(uid)

    async def _next_discovery(self) -> None:
        """Wait for the period, or for a change of the CustomResourceDefinitions."""
        await set_or_elapsed(self._rediscover, self._ctx.clock, _DISCOVERY_PERIOD)
        self._rediscover.clear()

    async def _discover(self, group: asyncio.TaskGroup) -> None:
        """Watch what is served now; leave alone what cannot be discovered at the moment."""
        try:
            rows, failures = await served(self._ctx.client)
        except ApiError as error:
            log.warning("garbage collector: discovery failed: %s", error.message)
            return
        wanted = {
            (row.group, row.plural): row
            for row in rows
            if {"delete", "list", "watch"} <= set(row.verbs)
            and (row.group, row.plural) not in _IGNORED
        }
        self._mapping = _Mapping({(row.group, row.kind): row for row in rows})
        for name in [name for name in self._monitors if name not in wanted]:
            if not failures:
                await self._stop(name)
        for name, row in wanted.items():
            if name not in self._monitors:
                self._start(group, row)

    def _start(self, group: asyncio.TaskGroup, row: Resource) -> None:
        monitor = _Monitor(row, self)
        selection = Selection(metadata_only=True)
        reflector = Reflector(self._ctx.client, self._ctx.clock, row, monitor, selection)
        monitor.task = group.create_task(reflector.run(), name=f"collector {row.plural}")
        self._monitors[row.group, row.plural] = monitor

    async def _stop(self, name: tuple[str, str]) -> None:
        monitor = self._monitors.pop(name)
        if monitor.task is not None:
            monitor.task.cancel()
            await asyncio.gather(monitor.task, return_exceptions=True)
        monitor.forget_all()

    async def _work(self, queue: WorkQueue[str], do: Callable[[Node], Awaitable[None]]) -> None:
        while True:
            uid = await queue.get()
            try:
                node = self.graph.nodes.get(uid)
                if node is not None:
                    await do(node)
                queue.forget(uid)
            except ApiError as error:
                log.debug("garbage collector: %s: %s", uid, error.message)
                queue.add_rate_limited(uid)
            except Exception:
                log.exception("garbage collector: %s failed", uid)
                queue.add_rate_limited(uid)
            finally:
                queue.done(uid)

    async def _get(self, identity: Identity) -> Object | None:
        """Return the object as the server has it, or None if it is not there (any more)."""
        row = self._mapping.find(identity.group, identity.kind)
        namespace = identity.namespace if row.namespaced else ""
        if row.namespaced and not namespace:
            return None
        try:
            found = await self._ctx.client.get(row, identity.name, namespace=namespace)
        except NotFound:
            return None
        return found if found["metadata"]["uid"] == identity.uid else None

    async def _attempt_to_delete(self, node: Node) -> None:
        if node.being_deleted and not node.deleting_dependents:
            return
        if node.virtual and self._is_cluster_wide_with_namespaced_owner(node):
            return
        live = await self._get(node.identity)
        if live is None:
            self._absent_now(node.identity)
            self.take(self.graph.forget(node.identity.uid))
            return
        if node.virtual:
            return  # it is there; its monitor will tell of it
        if node.deleting_dependents:
            await self._finish_foreground(node, live)
            return
        refs = live["metadata"].get("ownerReferences") or []
        if not refs:
            return
        owners = await self._look_up(node, refs)
        if owners.solid:
            if useless := owners.useless():
                await self._remove_owners(node.identity, live, useless)
        elif owners.waiting and node.dependents:
            if any(dependent.deleting_dependents for dependent in node.dependents.values()):
                # Owners that wait for each other in a circle: no longer block, so it opens.
                await self._unblock(node.identity, live)
            await self._delete(node.identity, live, "Foreground")
        else:
            await self._delete(node.identity, live, _policy(live))

    def _is_cluster_wide_with_namespaced_owner(self, node: Node) -> bool:
        """Whether only cluster-wide objects name this owner, whose kind lives in namespaces.

        Such references are invalid; upstream leaves their objects alone.
        """
        row = self._mapping.find(node.identity.group, node.identity.kind)
        return row.namespaced and not node.identity.namespace

    async def _look_up(self, node: Node, refs: Sequence[Object]) -> Owners:
        found: dict[str, Object | None] = {}
        for ref in refs:
            group, _, version = ref["apiVersion"].rpartition("/")
            row = self._mapping.find(group, ref["kind"])
            namespace = node.identity.namespace if row.namespaced else ""
            if row.namespaced and not namespace:
                # A cluster-wide object cannot have an owner in a namespace; it is left alone.
                found[ref["uid"]] = {"metadata": {}}
                continue
            uid = ref["uid"]
            if (namespace, uid) in self._absent:
                found[uid] = None
                continue
            owner = Identity(group, version, ref["kind"], namespace, ref["name"], uid)
            found[uid] = await self._get(owner)
            if found[uid] is None:
                self._absent_now(owner)
        return sort_owners(refs, found)

    def _absent_now(self, identity: Identity) -> None:
        self._absent[identity.namespace, identity.uid] = None
        while len(self._absent) > _ABSENT:
            self._absent.popitem(last=False)

    async def _finish_foreground(self, node: Node, live: Object) -> None:
        blocking = node.blocking()
        if not blocking:
            await self._remove_finalizer(node.identity, live, FOREGROUND)
            return
        for dependent in blocking:
            if not dependent.deleting_dependents:
                self._to_delete.add(dependent.identity.uid)

    async def _orphan_dependents(self, node: Node) -> None:
        live = await self._get(node.identity)
        if live is None or ORPHAN not in (live["metadata"].get("finalizers") or ()):
            return
        for dependent in list(node.dependents.values()):
            seen = await self._get(dependent.identity)
            if seen is not None:
                await self._remove_owners(dependent.identity, seen, [node.identity.uid])
        await self._remove_finalizer(node.identity, live, ORPHAN)

    async def _delete(self, identity: Identity, live: Object, policy: Propagation) -> None:
        row = self._mapping.find(identity.group, identity.kind)
        # With its revision: an owner that was added meanwhile must keep it alive.
        with contextlib.suppress(NotFound):
            await self._ctx.client.delete(
                row,
                identity.name,
                namespace=identity.namespace,
                uid=identity.uid,
                resource_version=live["metadata"]["resourceVersion"],
                propagation=policy,
            )

    async def _remove_owners(self, identity: Identity, live: Object, uids: list[str]) -> None:
        refs = live["metadata"].get("ownerReferences") or []
        left = [ref for ref in refs if ref["uid"] not in uids]
        if len(left) != len(refs):
            removed = [{"$patch": "delete", "uid": uid} for uid in uids]
            await self._patch_owners(identity, live, removed, left)

    async def _unblock(self, identity: Identity, live: Object) -> None:
        refs = live["metadata"].get("ownerReferences") or []
        new = [{**ref, "blockOwnerDeletion": False} for ref in refs]
        await self._patch_owners(identity, live, new, new)

    async def _patch_owners(
        self, identity: Identity, live: Object, strategic: Any, merged: Any
    ) -> None:
        row = self._mapping.find(identity.group, identity.kind)
        where = identity.namespace
        meta: Object = {"uid": identity.uid, "ownerReferences": strategic}
        try:
            await self._ctx.client.patch(
                row, identity.name, {"metadata": meta}, namespace=where, type="strategic"
            )
        except NotFound:
            return
        except UnsupportedMediaType:
            # Custom resources know no strategic patch; a merge patch replaces the list.
            version = live["metadata"]["resourceVersion"]
            meta = {"uid": identity.uid, "resourceVersion": version, "ownerReferences": merged}
            await self._ctx.client.patch(
                row, identity.name, {"metadata": meta}, namespace=where, type="merge"
            )

    async def _remove_finalizer(self, identity: Identity, live: Object, name: str) -> None:
        row = self._mapping.find(identity.group, identity.kind)
        meta = live["metadata"]
        finalizers = meta.get("finalizers") or []
        if name not in finalizers:
            return
        left = [finalizer for finalizer in finalizers if finalizer != name]
        patch = {"metadata": {"resourceVersion": meta["resourceVersion"], "finalizers": left}}
        with contextlib.suppress(NotFound):
            await self._ctx.client.patch(
                row, identity.name, patch, namespace=identity.namespace, type="merge"
            )


def _policy(live: Object) -> Propagation:
    finalizers = live["metadata"].get("finalizers") or ()
    if ORPHAN in finalizers:
        return "Orphan"
    return "Foreground" if FOREGROUND in finalizers else "Background"


async def run(ctx: Context) -> None:
    """Collect until cancelled."""
    await Collector(ctx).run()


GARBAGE_COLLECTOR = Controller(
    name="garbage-collector-controller",
    account="generic-garbage-collector",
    also=((CUSTOMRESOURCEDEFINITIONS, lambda obj, ctx: ()),),
    run=run,
)
