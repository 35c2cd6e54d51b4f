"""The Pods of this node: a worker for each, woken by the API and by the runtime."""

import asyncio
import contextlib
import logging

from pinnace.api.objects import Object
from pinnace.client.base import EventType, Informer
from pinnace.node.admission import Refusal, refusal
from pinnace.node.ground import Ground
from pinnace.node.labels import GRACE
from pinnace.node.observed import PodRuntime
from pinnace.node.observer import PodIdentity
from pinnace.node.podspec import namespace_of, uid_of
from pinnace.node.remains import Leftovers
from pinnace.node.runtime import NotSupported, RuntimeCallError
from pinnace.node.worker import PodWorker

log = logging.getLogger(__name__)

_RELIST = 1.0
_HOUSEKEEPING = 5.0


class Kubelet:
    """Keeps a worker for every Pod that is bound to this node."""

    def __init__(self, ground: Ground, pods: Informer) -> None:
        self._ground = ground
        self._pods = pods
        self.workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._relist_now = asyncio.Event()
        self.relisted = asyncio.Event()

    async def run(self) -> None:
        """Look after the node's Pods until cancelled; what runs then goes on running."""
        await self._pods.wait_synced()
        async with asyncio.TaskGroup() as group:
            self._group = group
            remove = self._pods.add_handler(self._on_pod)
            try:
                group.create_task(self._relist_loop(), name="kubelet relist")
                group.create_task(self._listen(), name="kubelet runtime events")
                group.create_task(self._housekeeping(), name="kubelet housekeeping")
                await asyncio.Event().wait()
            finally:
                remove()

    def _on_pod(self, type: EventType, old: Object | None, new: Object | None) -> None:
        if new is not None:
            self._upsert(new)
        elif old is not None:
            worker = self.workers.get(uid_of(old))
            if worker is not None:
                worker.removed(old)

    def _upsert(self, pod: Object) -> None:
        uid = uid_of(pod)
        worker = self.workers.get(uid)
        if worker is not None:
            worker.update(pod)
            return
        if self._group is None:
            return
        worker = PodWorker(self._ground, pod, admit=self._admit)
        self.workers[uid] = worker
        self._tasks[uid] = self._group.create_task(self._look_after(worker, uid))

    async def _look_after(self, worker: PodWorker, uid: str) -> None:
        while True:
            try:
                await worker.run()
            except Exception:
                # One Pod's fault must not take the node down; it is tried anew.
                log.exception("the worker of Pod %s failed", uid)
                await self._ground.clock.sleep(_HOUSEKEEPING)
            else:
                break
        self.workers.pop(uid, None)
        self._tasks.pop(uid, None)

    def _admit(self, pod: Object) -> Refusal | None:
        uid = uid_of(pod)
        others = [
            worker.state.pod
            for other, worker in self.workers.items()
            if other != uid and worker.counts
        ]
        return refusal(pod, others, self._ground.node())

    async def _relist_loop(self) -> None:
        while True:
            self._relist_now.clear()
            try:
                for uid in await self._ground.observer.relist():
                    if uid in self.workers:
                        self.workers[uid].wake()
                self.relisted.set()
            except RuntimeCallError as error:
                log.warning("the runtime cannot be listed: %s", error)
            await self._pause(_RELIST)

    async def _pause(self, seconds: float) -> None:
        timer = asyncio.ensure_future(self._ground.clock.sleep(seconds))
        woken = asyncio.ensure_future(self._relist_now.wait())
        try:
            await asyncio.wait({timer, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            woken.cancel()

    async def _listen(self) -> None:
        """Relist at once when the runtime tells of a change; a relist alone does it too."""
        while True:
            try:
                async for _ in self._ground.runtime.container_events():
                    self._relist_now.set()
            except NotSupported:
                return
            except RuntimeCallError as error:
                log.info("the runtime's events stopped: %s", error)
            await self._ground.clock.sleep(_HOUSEKEEPING)

    async def _housekeeping(self) -> None:
        """End what runs for Pods that the API does not know, and remove what Pods left behind."""
        await self.relisted.wait()
        leftovers = Leftovers(self._ground)
        while True:
            seen = self._ground.observer.known_pods()
            orphans = [who for who in seen if not self._is_known(who.uid)]
            # At once: each may take its grace period.
            await asyncio.gather(*(self._end_orphan(who) for who in orphans))
            await leftovers.sweep(self._is_alive)
            await self._ground.clock.sleep(_HOUSEKEEPING)

    def _is_alive(self, uid: str) -> bool:
        seen = self._ground.observer.known_pods()
        return self._is_known(uid) or any(who.uid == uid for who in seen)

    def _is_known(self, uid: str) -> bool:
        return uid in self.workers or any(uid_of(pod) == uid for pod in self._pods.list())

    async def _end_orphan(self, who: PodIdentity) -> None:
        runtime = self._ground.runtime
        with contextlib.suppress(RuntimeCallError):
            seen = await self._ground.observer.observe(who.uid)
            if not seen.sandboxes and not seen.containers:
                # Its worker has just removed it, after the last relist.
                return
            log.info("ending %s/%s (%s): it is not in the API", who.namespace, who.name, who.uid)
            for container in seen.running():
                status = await runtime.container_status(container.id)
                grace = float(status.annotations.get(GRACE, "30"))
                await runtime.stop_container(container.id, timeout=grace)
            for sandbox in seen.sandboxes:
                await runtime.stop_sandbox(sandbox.id)
                await runtime.remove_sandbox(sandbox.id)
            # One that came into being as its sandbox went does not go with it.
            for container in seen.containers:
                await runtime.remove_container(container.id)

    # What the server asks.

    def find(self, namespace: str, name: str) -> PodWorker | None:
        """Return the worker of a Pod by name; the newest, if an older one is still ending."""
        found = None
        for worker in self.workers.values():
            meta = worker.state.pod["metadata"]
            if meta["name"] == name and namespace_of(worker.state.pod) == namespace:
                found = worker
        return found

    async def observe(self, uid: str) -> PodRuntime:
        """Return what there is of a Pod right now."""
        return await self._ground.observer.observe(uid)

    def pods(self) -> list[Object]:
        """Return the Pods that this kubelet looks after, with the status it last worked out."""
        return [{**each.state.pod, "status": each.status} for each in self.workers.values()]
