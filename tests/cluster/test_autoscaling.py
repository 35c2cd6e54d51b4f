"""Autoscaling in this process: what simulated Pods are said to use sizes their Deployment."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pinnace import Cluster
from pinnace.api.kinds.apps import DEPLOYMENTS
from pinnace.api.kinds.autoscaling import HORIZONTALPODAUTOSCALERS
from pinnace.api.kinds.core import PODS
from pinnace.api.objects import Object
from pinnace.kit.clock import VirtualClock

USAGE = "kwok.x-k8s.io/usage-cpu"


def deployment(usage: str) -> Object:
    labels = {"app": "web"}
    container = {"name": "main", "image": "i", "resources": {"requests": {"cpu": "100m"}}}
    sidecar = {"name": "proxy", "image": "i", "resources": {"requests": {"cpu": "100m"}}}
    return {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": {f"{USAGE}.main": usage}},
                "spec": {"containers": [container, sidecar]},
            },
        },
    }


def autoscaler(metric: Object) -> Object:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"scaleTargetRef": ref, "minReplicas": 1, "maxReplicas": 6, "metrics": [metric]},
    }


def of_container(percent: int) -> Object:
    target = {"type": "Utilization", "averageUtilization": percent}
    source = {"name": "cpu", "container": "main", "target": target}
    return {"type": "ContainerResource", "containerResource": source}


async def until(
    clock: VirtualClock, look: Callable[[], Awaitable[Any]], *, within: int = 900
) -> None:
    """Let virtual time pass until something holds."""
    for _ in range(within // 5):
        for _ in range(40):
            await asyncio.sleep(0)
        if await look():
            return
        await clock.advance(5)
    raise AssertionError("it never held")


async def test_a_deployment_follows_what_its_pods_use() -> None:
    clock = VirtualClock()
    async with Cluster(nodes=2, clock=clock) as cluster:
        client = cluster.client

        def has(replicas: int) -> Callable[[], Awaitable[bool]]:
            async def look() -> bool:
                found = await client.get(DEPLOYMENTS, "web", namespace="default")
                ready = (found.get("status") or {}).get("readyReplicas")
                return bool(found["spec"]["replicas"] == replicas == ready)

            return look

        await client.create(DEPLOYMENTS, deployment("150m"))
        await until(clock, has(1))
        await client.create(HORIZONTALPODAUTOSCALERS, autoscaler(of_container(50)))
        await until(clock, has(3))
        found = await client.get(HORIZONTALPODAUTOSCALERS, "web", namespace="default")
        reasons = {each["type"]: each["reason"] for each in found["status"]["conditions"]}
        assert reasons["ScalingActive"] == "ValidMetricFound"
        (current,) = found["status"]["currentMetrics"]
        assert current["containerResource"]["current"] == {
            "averageValue": "150m",
            "averageUtilization": 150,
        }
        # All use little from now on; five minutes later the Deployment is small again.
        patch = {"metadata": {"annotations": {f"{USAGE}.main": "5m"}}}
        for pod in (await client.list(PODS, namespace="default"))["items"]:
            await client.patch(PODS, pod["metadata"]["name"], patch, namespace="default")
        began = clock.now()
        await until(clock, has(1))
        assert (clock.now() - began).total_seconds() > 270
