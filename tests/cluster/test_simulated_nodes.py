"""Scheduling and simulated nodes with the whole API server between them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pinnace import Cluster
from pinnace.api.errors import ServiceUnavailable
from pinnace.api.kinds.core import EVENTS, PODS
from pinnace.api.kinds.scheduling import PRIORITYCLASSES
from pinnace.api.objects import Object, condition


def pod(
    name: str, cpu: str = "100m", *, notes: dict[str, str] | None = None, **spec: Any
) -> Object:
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}
    annotations = {f"pinnace.dev/sim-{key}": value for key, value in (notes or {}).items()}
    return {
        "metadata": {"name": name, "namespace": "default", "annotations": annotations},
        "spec": {"containers": [container], **spec},
    }


async def until(look: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not await look():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def phase_is(cluster: Cluster, name: str, phase: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        found = await cluster.client.get(PODS, name, namespace="default")
        return bool(found["status"].get("phase") == phase)

    return look


async def test_a_pod_of_higher_priority_takes_the_room_of_another(cluster: Cluster) -> None:
    client = cluster.client
    high = {"metadata": {"name": "high"}, "value": 1000}
    await client.create(PRIORITYCLASSES, high)
    for number in range(3):
        await client.create(PODS, pod(f"low-{number}", "6"))
        await until(phase_is(cluster, f"low-{number}", "Running"))
    await client.create(PODS, pod("high", "6", priorityClassName="high"))
    await until(phase_is(cluster, "high", "Running"))
    left = {each["metadata"]["name"] for each in (await client.list(PODS))["items"]}
    assert len(left) == 3

    async def told() -> bool:
        events = (await client.list(EVENTS, namespace="default"))["items"]
        return any(
            event["reason"] == "Preempted" and event["involvedObject"]["name"] not in left
            for event in events
        )

    await until(told)


async def test_a_pod_that_nothing_helps_says_so_as_upstream_does(cluster: Cluster) -> None:
    await cluster.client.create(PODS, pod("huge", "100"))

    async def told() -> bool:
        found = await cluster.client.get(PODS, "huge", namespace="default")
        return (condition(found, "PodScheduled") or {}).get("message") == (
            "0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, "
            "preemption: 0/3 nodes are available: "
            "3 Preemption is not helpful for scheduling."
        )

    await until(told)


async def test_annotations_say_how_a_simulated_pod_ends(cluster: Cluster) -> None:
    client = cluster.client
    ends = {"run-seconds": "0.1", "exit-code": "3"}
    await client.create(PODS, pod("ends", notes=ends, restartPolicy="Never"))
    await until(phase_is(cluster, "ends", "Failed"))
    found = await client.get(PODS, "ends", namespace="default")
    state = found["status"]["containerStatuses"][0]["state"]
    assert state["terminated"]["exitCode"] == 3
    assert found["status"]["qosClass"] == "Burstable"


async def test_the_log_of_a_simulated_pod_is_refused_plainly(cluster: Cluster) -> None:
    await cluster.client.create(PODS, pod("web"))
    await until(phase_is(cluster, "web", "Running"))
    with pytest.raises(ServiceUnavailable, match="is simulated: no container runs on it"):
        await cluster.client.raw("GET", "/api/v1/namespaces/default/pods/web/log")
