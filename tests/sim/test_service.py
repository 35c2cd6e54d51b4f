import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pinnace.api.kinds.coordination import LEASES
from pinnace.api.kinds.core import NODES, PODS
from pinnace.api.objects import Key, Object, format_time
from pinnace.kit.clock import VirtualClock
from pinnace.sim.config import SimConfig
from pinnace.sim.service import run_sim
from pinnace.testing.memory_client import MemoryCluster


class World:
    def __init__(self, **config: Any) -> None:
        self.clock = VirtualClock()
        self.cluster = MemoryCluster(lambda: format_time(self.clock.now()))
        self.config = SimConfig(**config)

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def bind(self, name: str, node: str = "sim-0", **meta: Any) -> None:
        pod = {
            "metadata": {"name": name, "namespace": "default", **meta},
            "spec": {
                "nodeName": node,
                "restartPolicy": "Never",
                "containers": [{"name": "c", "image": "i"}],
            },
            "status": {"phase": "Pending"},
        }
        await self.cluster.create(PODS, pod)
        await self.settle()

    def pod(self, name: str) -> Object | None:
        return self.cluster.informer(PODS).get(Key("default", name))

    def phase(self, name: str) -> str:
        return str((self.pod(name) or {"status": {"phase": "gone"}})["status"]["phase"])

    def node(self, name: str = "sim-0") -> Object:
        return self.cluster.informer(NODES).get(Key("", name)) or {}


@asynccontextmanager
async def running(world: World) -> AsyncIterator[World]:
    ready = asyncio.Event()
    task = asyncio.create_task(
        run_sim(world.cluster, world.cluster, world.clock, world.config, ready=ready.set)
    )
    try:
        await ready.wait()
        await world.settle()
        yield world
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_nodes_are_ready_and_say_what_they_are() -> None:
    async with running(World(nodes=3, zones=("a", "b"))) as world:
        node = world.node("sim-2")
        assert node["metadata"]["labels"]["pinnace.dev/simulated"] == "true"
        assert node["metadata"]["labels"]["topology.kubernetes.io/zone"] == "a"
        assert "no container runs" in node["metadata"]["annotations"]["pinnace.dev/note"]
        assert node["status"]["conditions"][-1]["status"] == "True"
        assert node["status"]["nodeInfo"]["kubeletVersion"] == "v1.36.0-pinnace-sim"
        assert "daemonEndpoints" not in node["status"]
        assert "podCIDR" not in node["spec"]


async def test_every_lease_is_renewed_within_the_interval() -> None:
    async with running(World(nodes=5)) as world:
        await world.clock.advance(10)
        leases = {each["metadata"]["name"]: each for each in world.cluster.informer(LEASES).list()}
        assert sorted(leases) == [f"sim-{number}" for number in range(5)]
        before = {name: each["spec"]["renewTime"] for name, each in leases.items()}
        await world.clock.advance(10)
        after = {
            each["metadata"]["name"]: each["spec"]["renewTime"]
            for each in world.cluster.informer(LEASES).list()
        }
        assert all(after[name] > before[name] for name in before)
        owner = leases["sim-0"]["metadata"]["ownerReferences"][0]
        assert (owner["kind"], owner["uid"]) == ("Node", world.node()["metadata"]["uid"])


async def test_a_bound_pod_runs_and_ends() -> None:
    async with running(World()) as world:
        await world.bind("web")
        assert world.phase("web") == "Running"
        await world.bind("task", annotations={"pinnace.dev/sim-run-seconds": "30"})
        assert world.phase("task") == "Running"
        await world.clock.advance(31)
        assert (world.phase("task"), world.phase("web")) == ("Succeeded", "Running")


async def test_pods_have_different_addresses_of_the_nodes_range() -> None:
    async with running(World()) as world:
        node = world.node()
        await world.cluster.patch(
            NODES, "sim-0", {"spec": {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"]}}
        )
        assert node != world.node()
        await world.bind("a")
        await world.bind("b")
        found = [(world.pod(name) or {})["status"]["podIP"] for name in ("a", "b")]
        assert found == ["10.1.0.1", "10.1.0.2"]


async def test_a_deleted_pod_goes() -> None:
    async with running(World()) as world:
        await world.bind("web")
        await world.cluster.delete(PODS, "web", namespace="default")
        await world.settle()
        assert world.phase("web") == "gone"


async def test_pods_of_other_nodes_are_left_alone_until_the_node_is_labelled() -> None:
    async with running(World()) as world:
        await world.cluster.create(NODES, {"metadata": {"name": "real"}, "spec": {}})
        await world.bind("web", node="real")
        assert world.phase("web") == "Pending"
        label = {"metadata": {"labels": {"pinnace.dev/simulated": "true"}}}
        await world.cluster.patch(NODES, "real", label)
        await world.settle()
        assert world.node("real")["status"]["allocatable"]["pods"] == "110"
        assert world.phase("web") == "Running"


async def test_a_node_that_was_marked_unknown_says_that_it_lives() -> None:
    async with running(World()) as world:
        unknown = [{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]
        await world.cluster.patch(NODES, "sim-0", {"status": {"conditions": unknown}})
        await world.settle()
        ready = world.node()["status"]["conditions"][-1]
        assert (ready["type"], ready["status"]) == ("Ready", "True")


async def test_a_removed_node_stays_away_unless_the_configuration_wants_it() -> None:
    async with running(World()) as world:
        await world.cluster.delete(NODES, "sim-0")
        await world.settle()
        assert world.node() == {}
    async with running(World(recreate=True)) as world:
        await world.cluster.delete(NODES, "sim-0")
        await world.settle()
        assert world.node() != {}


async def test_too_many_pods_are_rejected_as_a_kubelet_does() -> None:
    async with running(World(capacity={"cpu": "1", "pods": "1"})) as world:
        await world.bind("one")
        await world.bind("two")
        status = (world.pod("two") or {})["status"]
        assert (status["phase"], status["reason"]) == ("Failed", "OutOfpods")
        assert status["message"] == (
            "Pod was rejected: Node didn't have enough resource: pods, "
            "requested: 1, used: 1, capacity: 1"
        )
