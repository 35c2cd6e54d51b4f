"""The scheduler: decides one pod after the other, and binds many at once.

A decision is a pure function of the columns and takes well under a millisecond; the pod is then
assumed to be on its node, and a task tells the API server, while the next pod is decided already.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pinnace.api.errors import ApiError, Conflict, NotFound
from pinnace.api.kinds.core import NAMESPACES, NODES, PODS
from pinnace.api.objects import Object, condition, format_time
from pinnace.api.selectors import LabelSelector
from pinnace.client.base import Client, Handler, Informer, Informers
from pinnace.client.events import Recorder
from pinnace.kit.clock import Clock
from pinnace.scheduler.cycle import Unschedulable, decide
from pinnace.scheduler.mirror import Mirror
from pinnace.scheduler.plugins.base import Filter, Score
from pinnace.scheduler.plugins.table import FILTERS, SCORES
from pinnace.scheduler.podinfo import PodInfo

log = logging.getLogger(__name__)

# Bindings under way at once; more would only queue up at the API server.
BINDINGS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerConfig:
    """The profile that runs."""

    name: str = "default-scheduler"
    filters: Sequence[Filter] = FILTERS
    scores: Sequence[tuple[Score, int]] = SCORES
    random: Callable[[], float] = random.random


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
    namespaces = informers.informer(NAMESPACES)
    mirror = Mirror(
        scheduler_name=config.name,
        now=clock.monotonic,
        namespaces_matching=lambda selector: _matching(namespaces, selector),
    )
    scheduler = _Scheduler(client, clock, events, config, mirror)
    sources: tuple[tuple[Informer, Handler], ...] = (
        (informers.informer(NODES), scheduler.node_event),
        (informers.informer(PODS), scheduler.pod_event),
        (namespaces, scheduler.namespace_event),
    )
    for informer, _ in sources:
        await informer.wait_synced()
    removals = [informer.add_handler(handler) for informer, handler in sources]
    try:
        if ready is not None:
            ready()
        await scheduler.run()
    finally:
        for remove in removals:
            remove()


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
    ) -> None:
        self._client = client
        self._clock = clock
        self._events = events
        self._config = config
        self._mirror = mirror
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
        waits: list[asyncio.Future[object]] = [asyncio.ensure_future(self._changed.wait())]
        if wait is not None:
            waits.append(asyncio.ensure_future(self._clock.sleep(wait)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _decide(self, info: PodInfo) -> str | Unschedulable:
        decided = decide(
            info,
            self._mirror.state,
            filters=self._config.filters,
            scores=self._config.scores,
            random=self._config.random,
        )
        if isinstance(decided, Unschedulable):
            self._mirror.queue.put_back(info, self._clock.monotonic(), unschedulable=True)
            return decided
        self._mirror.assume(info, decided.node)
        return decided.node

    async def _settle(self, info: PodInfo, decided: str | Unschedulable) -> None:
        """Tell the API server what was decided."""
        try:
            if isinstance(decided, Unschedulable):
                await self._report(info, decided.message)
            else:
                await self._bind(info, decided)
        finally:
            self._slots.release()

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

    async def _report(self, info: PodInfo, message: str) -> None:
        self._events.event(info.pod, type="Warning", reason="FailedScheduling", message=message)
        known = condition(info.pod, "PodScheduled") or {}
        if (known.get("reason"), known.get("message")) == ("Unschedulable", message):
            return
        since = known.get("lastTransitionTime") if known.get("status") == "False" else None
        entry = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastProbeTime": None,
            "lastTransitionTime": since or format_time(self._clock.now()),
        }
        generation = info.pod["metadata"].get("generation")
        if generation:
            entry["observedGeneration"] = generation
        try:
            await self._client.patch(
                PODS,
                info.key.name,
                {"metadata": {"uid": info.uid}, "status": {"conditions": [entry]}},
                namespace=info.key.namespace,
                type="strategic",
                subresource="status",
            )
        except ApiError as error:
            log.debug("the condition of %s was not written: %s", info.key, error)
