import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pinnace.api.kinds.core import NODES, PODS
from pinnace.api.objects import Key, Object, condition, format_time
from pinnace.api.resources import Resource
from pinnace.kit.clock import VirtualClock
from pinnace.scheduler.service import SchedulerConfig, run_scheduler
from pinnace.testing.memory_client import MemoryCluster


class Cluster(MemoryCluster):
    """Binds as the API server does."""

    async def create(
        self,
        resource: Resource,
        obj: Object,
        *,
        namespace: str = "",
        name: str = "",
        subresource: str = "",
        dry_run: bool = False,
    ) -> Object:
        if subresource == "binding":
            bound = {"spec": {"nodeName": obj["target"]["name"]}}
            return await self.patch(PODS, name, bound, namespace=namespace)
        return await super().create(resource, obj, namespace=namespace)


class Events:
    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []

    def event(self, regarding: Object, *, type: str, reason: str, message: str) -> None:
        self.told.append((regarding["metadata"]["name"], reason, message))


class World:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.cluster = Cluster(lambda: format_time(self.clock.now()))
        self.events = Events()

    async def settle(self) -> None:
        for _ in range(40):
            await asyncio.sleep(0)

    async def add_node(self, name: str, cpu: str = "4") -> None:
        allocatable = {"cpu": cpu, "memory": "8Gi", "pods": "110"}
        node = {"metadata": {"name": name}, "spec": {}, "status": {"allocatable": allocatable}}
        await self.cluster.create(NODES, node)
        await self.settle()

    async def add_pod(self, name: str, cpu: str, priority: int = 0, **spec: Any) -> None:
        container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}
        pod = {
            "metadata": {"name": name, "namespace": "d"},
            "spec": {"containers": [container], "priority": priority, **spec},
        }
        await self.cluster.create(PODS, pod)
        await self.settle()

    def pod(self, name: str) -> Object:
        return self.cluster.informer(PODS).get(Key("d", name)) or {"metadata": {}, "spec": {}}

    def where(self, name: str) -> str:
        return str(self.pod(name)["spec"].get("nodeName", ""))


@asynccontextmanager
async def running(world: World) -> AsyncIterator[World]:
    config = SchedulerConfig(random=lambda: 0.0)
    task = asyncio.create_task(
        run_scheduler(world.cluster, world.cluster, world.clock, world.events, config)
    )
    try:
        await world.settle()
        yield world
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_pod_is_bound_and_its_event_says_where() -> None:
    async with running(World()) as world:
        await world.add_node("n1")
        await world.add_pod("p", "1")
        assert world.where("p") == "n1"
        assert ("p", "Scheduled", "Successfully assigned d/p to n1") in world.events.told


async def test_a_pod_that_fits_nowhere_says_why_and_waits_for_a_node() -> None:
    async with running(World()) as world:
        await world.add_node("n1", cpu="1")
        await world.add_pod("p", "2")
        told = condition(world.pod("p"), "PodScheduled") or {}
        assert told["reason"] == "Unschedulable"
        assert told["message"] == (
            "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, "
            "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
        )
        await world.add_node("n2")
        await world.clock.advance(1)
        await world.settle()
        assert world.where("p") == "n2"


async def test_a_pod_of_high_priority_gets_its_room() -> None:
    async with running(World()) as world:
        await world.add_node("n1")
        await world.add_pod("low", "4", 1)
        await world.add_pod("high", "4", 10)
        victim, high = world.pod("low"), world.pod("high")
        assert high["status"]["nominatedNodeName"] == "n1"
        assert (condition(high, "PodScheduled") or {})["message"] == (
            "0/1 nodes are available: 1 Insufficient cpu."
        )
        assert "deletionTimestamp" in victim["metadata"]
        told = condition(victim, "DisruptionTarget") or {}
        assert told["reason"] == "PreemptionByScheduler"
        assert told["message"] == (
            "default-scheduler: preempting to accommodate a higher priority pod"
        )
        assert ("low", "Preempted", "Preempted by pod uid-high on node n1") in world.events.told
        await world.clock.advance(5)
        await world.settle()
        assert world.where("high") == ""
        await world.cluster.delete(PODS, "low", namespace="d", grace_period=0)
        await world.clock.advance(10)
        await world.settle()
        assert world.where("high") == "n1"


async def test_nobody_is_evicted_for_a_pod_that_must_not_preempt() -> None:
    async with running(World()) as world:
        await world.add_node("n1")
        await world.add_pod("low", "4", 1)
        await world.add_pod("high", "4", 10, preemptionPolicy="Never")
        assert "deletionTimestamp" not in world.pod("low")["metadata"]
        assert world.where("high") == ""


async def test_a_lower_nomination_yields() -> None:
    async with running(World()) as world:
        await world.add_node("n1")
        await world.add_pod("low", "4", 1)
        await world.add_pod("middle", "4", 5)
        assert world.pod("middle")["status"]["nominatedNodeName"] == "n1"
        await world.add_pod("high", "4", 10)
        assert world.pod("high")["status"]["nominatedNodeName"] == "n1"
        assert "nominatedNodeName" not in world.pod("middle")["status"]
