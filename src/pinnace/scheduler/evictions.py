"""Carries a preemption out: tells the victims why, and deletes them."""

import asyncio
import logging
from collections.abc import Callable

from pinnace.api.errors import ApiError, NotFound
from pinnace.api.kinds.core import PODS
from pinnace.api.objects import Object, condition, format_time
from pinnace.client.base import Client
from pinnace.client.events import Recorder
from pinnace.kit.clock import Clock
from pinnace.scheduler.podinfo import PodInfo
from pinnace.scheduler.preemption import REASON, Preemption

log = logging.getLogger(__name__)


class Evictor:
    """Evicts on behalf of one scheduler; `current` returns a pod as it is now."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        events: Recorder,
        *,
        scheduler_name: str,
        current: Callable[[PodInfo], Object],
    ) -> None:
        self._client = client
        self._clock = clock
        self._events = events
        self._scheduler_name = scheduler_name
        self._current = current

    async def carry_out(self, preemptor: PodInfo, decided: Preemption) -> None:
        """Evict all victims; one that cannot be is told in the log and tried another time."""
        async with asyncio.TaskGroup() as tasks:
            for victim in decided.victims:
                tasks.create_task(self._evict(preemptor, victim, decided.node))

    async def _evict(self, preemptor: PodInfo, victim: PodInfo, node: str) -> None:
        pod = self._current(victim)
        if "deletionTimestamp" in pod["metadata"]:
            return  # it goes already
        try:
            await self._tell(victim, pod)
            await self._client.delete(
                PODS, victim.key.name, namespace=victim.key.namespace, uid=victim.uid
            )
        except NotFound:
            return
        except ApiError as error:
            log.warning("%s could not be evicted for %s: %s", victim.key, preemptor.key, error)
            return
        self._events.event(
            pod,
            type="Normal",
            reason="Preempted",
            message=f"Preempted by pod {preemptor.uid} on node {node}",
        )

    async def _tell(self, victim: PodInfo, pod: Object) -> None:
        known = condition(pod, "DisruptionTarget") or {}
        since = known.get("lastTransitionTime") if known.get("status") == "True" else None
        entry = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": REASON,
            "message": f"{self._scheduler_name}: preempting to accommodate a higher priority pod",
            "lastProbeTime": None,
            "lastTransitionTime": since or format_time(self._clock.now()),
        }
        generation = pod["metadata"].get("generation")
        if generation:
            entry["observedGeneration"] = generation
        await self._client.patch(
            PODS,
            victim.key.name,
            {"metadata": {"uid": victim.uid}, "status": {"conditions": [entry]}},
            namespace=victim.key.namespace,
            type="strategic",
            subresource="status",
        )

    async def withdraw(self, info: PodInfo) -> None:
        """Take a pod's nomination back: one of higher priority needs the room."""
        try:
            await self._client.patch(
                PODS,
                info.key.name,
                {"metadata": {"uid": info.uid}, "status": {"nominatedNodeName": None}},
                namespace=info.key.namespace,
                subresource="status",
            )
        except ApiError as error:
            log.debug("the nomination of %s was not withdrawn: %s", info.key, error)
