"""The scheduler: decides one pod after the other, and binds many at once.

A decision is a pure function of the columns and takes well under a millisecond; the pod is then
assumed to be on its node, and a task tells the API server, while the next pod is decided already.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pinnace.api.errors import ApiError, Conflict, NotFound
from pinnace.api.kinds.core import NAMESPACES, NODES, PODS
from pinnace.api.kinds.policy import PODDISRUPTIONBUDGETS
from pinnace.api.objects import Object, condition, format_time
from pinnace.api.selectors import LabelSelector
from pinnace.client.base import Client, Handler, Informer, Informers
from pinnace.client.events import Recorder
from pinnace.kit.clock import Clock
from pinnace.kit.waits import set_or_elapsed
from pinnace.scheduler.cachedstorage import CachedStorage
from pinnace.scheduler.cycle import Unschedulable, decide
from pinnace.scheduler.evictions import Evictor
from pinnace.scheduler.mirror import Mirror
from pinnace.scheduler.plugins.base import Filter, PreFilter, Score
from pinnace.scheduler.plugins.table import FILTERS, PREFILTERS, SCORES
from pinnace.scheduler.podinfo import PodInfo
from pinnace.scheduler.preemption import Circumstances, NoPreemption, Preemption, preempt

log = logging.getLogger(__name__)

# Bindings under way at once; more would only queue up at the API server.
BINDINGS = 128
# How long the message of an Event may be.
_EVENT_LIMIT = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerConfig:
    """The profile that runs."""

    name: str = "default-scheduler"
    prefilters: Sequence[PreFilter] = PREFILTERS
    filters: Sequence[Filter] = FILTERS
    scores: Sequence[tuple[Score, int]] = SCORES
    random: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Failed:
    """A pod that has no node: why, and what is done about it.

    `nominated` is the node to keep for it: empty gives up one that was kept, None changes nothing.
    """

    message: str
    nominated: str | None = None
    preemption: Preemption | None = None


async def run_scheduler(
    client: Client,
    informers: Informers,
    clock: Clock,
    events: Recorder,
    config: SchedulerConfig,
    *,
    ready: Callable[[], None] | None = None,
) -> None:
    """Schedule until cancelled."""
    namespaces, pods = informers.informer(NAMESPACES), informers.informer(PODS)
    storage = CachedStorage(informers)
    budgets = informers.informer(PODDISRUPTIONBUDGETS)
    mirror = Mirror(
        scheduler_name=config.name,
        now=clock.monotonic,
        namespaces_matching=lambda selector: _matching(namespaces, selector),
        storage=storage,
    )
    scheduler = _Scheduler(client, clock, events, config, mirror, pods=pods, budgets=budgets)
    sources: tuple[tuple[Informer, Handler], ...] = (
        (informers.informer(NODES), scheduler.node_event),
        (pods, scheduler.pod_event),
        (namespaces, scheduler.namespace_event),
        *((informer, scheduler.storage_event) for informer in storage.informers),
    )
    for informer in (*(informer for informer, _ in sources), budgets):
        await informer.wait_synced()
    removals = [informer.add_handler(handler) for informer, handler in sources]
    try:
        if ready is not None:
            ready()
        await scheduler.run()
    finally:
        for remove in removals:
            remove()


def not_scheduled(pod: Object, failed: Failed, now: datetime) -> Object | None:
    """Return the status to patch for a pod that found no node, None if it says so already."""
    known = condition(pod, "PodScheduled") or {}
    nominated = (pod.get("status") or {}).get("nominatedNodeName") or ""
    status: Object = {}
    if (known.get("reason"), known.get("message")) != ("Unschedulable", failed.message):
        since = known.get("lastTransitionTime") if known.get("status") == "False" else None
        entry = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": failed.message,
            "lastProbeTime": None,
            "lastTransitionTime": since or format_time(now),
        }
        if pod["metadata"].get("generation"):
            entry["observedGeneration"] = pod["metadata"]["generation"]
        status["conditions"] = [entry]
    if failed.nominated is not None and failed.nominated != nominated:
        status["nominatedNodeName"] = failed.nominated or None
    return status or None


def _matching(namespaces: Informer, selector: LabelSelector) -> list[str]:
    return [
        namespace["metadata"]["name"]
        for namespace in namespaces.list()
        if selector.matches(namespace["metadata"].get("labels"))
    ]


class _Scheduler:
    def __init__(
        self,
        client: Client,
        clock: Clock,
        events: Recorder,
        config: SchedulerConfig,
        mirror: Mirror,
        *,
        pods: Informer,
        budgets: Informer,
    ) -> None:
        self._client = client
        self._clock = clock
        self._events = events
        self._config = config
        self._mirror = mirror
        self._pods = pods
        self._budgets = budgets
        self._evictor = Evictor(
            client, clock, events, scheduler_name=config.name, current=self._current
        )
        self._changed = asyncio.Event()
        self._slots = asyncio.Semaphore(BINDINGS)

    def node_event(self, _type: str, old: Object | None, new: Object | None) -> None:
        self._mirror.node_changed(old, new)
        self._changed.set()

    def pod_event(self, _type: str, old: Object | None, new: Object | None) -> None:
        self._mirror.pod_changed(old, new)
        self._changed.set()

    def namespace_event(self, _type: str, _old: Object | None, _new: Object | None) -> None:
        self._mirror.namespace_changed()

    def storage_event(self, _type: str, _old: Object | None, _new: Object | None) -> None:
        self._mirror.queue.wake(self._clock.monotonic())
        self._changed.set()

    def _current(self, info: PodInfo) -> Object:
        found = self._pods.get(info.key)
        return found if found and found["metadata"].get("uid") == info.uid else info.pod

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._mirror.queue.flush(self._clock.monotonic())
                info = self._mirror.queue.pop()
                if info is None:
                    await self._wait()
                    continue
                await self._slots.acquire()
                tasks.create_task(self._settle(info, self._decide(info)))

    async def _wait(self) -> None:
        """Return when there may be a pod to decide."""
        self._changed.clear()
        wait = self._mirror.queue.next_flush(self._clock.monotonic())
        await set_or_elapsed(self._changed, self._clock, wait)

    def _decide(self, info: PodInfo) -> str | Failed:
        decided = decide(
            info,
            self._mirror.state,
            prefilters=self._config.prefilters,
            filters=self._config.filters,
            scores=self._config.scores,
            random=self._config.random,
        )
        if isinstance(decided, Unschedulable):
            failed = self._preempt(info, decided)
            if failed.preemption is None:
                self._mirror.queue.put_back(info, self._clock.monotonic(), unschedulable=True)
            return failed
        self._mirror.assume(info, decided.node)
        return decided.node

    def _preempt(self, info: PodInfo, failed: Unschedulable) -> Failed:
        """See whether evicting pods would help; the room they leave is kept from now on."""
        if failed.helpable is None:
            return Failed(failed.message)
        around = Circumstances(
            self._config.filters,
            list(self._budgets.list()),
            self._current,
            self._config.random(),
        )
        found = preempt(info, self._mirror.state, failed.helpable, around)
        if isinstance(found, NoPreemption):
            if found.withdraw:
                self._mirror.nominate(info, "")
            return Failed(f"{failed.message} {found.message}", "" if found.withdraw else None)
        self._mirror.nominate(info, found.node)
        return Failed(failed.message, found.node, found)

    async def _settle(self, info: PodInfo, decided: str | Failed) -> None:
        """Tell the API server what was decided."""
        try:
            if isinstance(decided, str):
                await self._bind(info, decided)
                return
            await self._report(info, decided)
            if decided.preemption is not None:
                await self._make_room(info, decided.preemption)
        finally:
            self._slots.release()

    async def _make_room(self, info: PodInfo, decided: Preemption) -> None:
        """Evict; the pod is not tried again before that is done."""
        weaker = [
            other
            for other, node in self._mirror.state.nominated.values()
            if node == decided.node and other.priority < info.priority
        ]
        for other in weaker:
            self._mirror.nominate(other, "")
            await self._evictor.withdraw(other)
        await self._evictor.carry_out(info, decided)
        self._mirror.queue.put_back(info, self._clock.monotonic(), unschedulable=False)
        self._changed.set()

    async def _bind(self, info: PodInfo, node: str) -> None:
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {
                "name": info.key.name,
                "namespace": info.key.namespace,
                "uid": info.uid,
            },
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        try:
            await self._client.create(
                PODS,
                binding,
                namespace=info.key.namespace,
                name=info.key.name,
                subresource="binding",
            )
        except (NotFound, Conflict) as error:
            # Gone, or bound by somebody else: the informer tells, or has told.
            log.debug("%s was not bound: %s", info.key, error)
            self._mirror.forget(info)
            self._mirror.queue.put_back(info, self._clock.monotonic(), unschedulable=False)
        except ApiError as error:
            log.warning("%s could not be bound to %s: %s", info.key, node, error)
            self._mirror.forget(info)
            self._mirror.queue.put_back(info, self._clock.monotonic(), unschedulable=False)
        else:
            self._events.event(
                info.pod,
                type="Normal",
                reason="Scheduled",
                message=f"Successfully assigned {info.key} to {node}",
            )
        self._changed.set()

    async def _report(self, info: PodInfo, failed: Failed) -> None:
        message = failed.message
        told = message if len(message) <= _EVENT_LIMIT else f"{message[: _EVENT_LIMIT - 4]} ..."
        self._events.event(info.pod, type="Warning", reason="FailedScheduling", message=told)
        status = not_scheduled(info.pod, failed, self._clock.now())
        if status is None:
            return
        try:
            await self._client.patch(
                PODS,
                info.key.name,
                {"metadata": {"uid": info.uid}, "status": status},
                namespace=info.key.namespace,
                type="strategic",
                subresource="status",
            )
        except ApiError as error:
            log.debug("the condition of %s was not written: %s", info.key, error)
