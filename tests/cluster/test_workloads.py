"""The controllers of workloads, volumes and policies against a whole API server."""

import asyncio

import pytest
from tests.cluster.test_controllers import ADMIN, Cluster, template, workload

from pinnace.api.errors import NotFound
from pinnace.api.kinds.apps import (
    CONTROLLERREVISIONS,
    DAEMONSETS,
    DEPLOYMENTS,
    STATEFULSETS,
)
from pinnace.api.kinds.autoscaling import HORIZONTALPODAUTOSCALERS
from pinnace.api.kinds.batch import CRONJOBS, JOBS
from pinnace.api.kinds.core import (
    EVENTS,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    RESOURCEQUOTAS,
)
from pinnace.api.kinds.policy import PODDISRUPTIONBUDGETS
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.client.client import ApiClient
from pinnace.client.informer import SharedInformers
from pinnace.client.transport import InProcess
from pinnace.controllers.base import Config
from pinnace.controllers.runtime import run_controllers
from pinnace.kit.clock import VirtualClock
from pinnace.store.memory import MemoryStore


@pytest.fixture
async def stage():
    clock = VirtualClock()
    server = ApiServer(MemoryStore(), clock, ServerConfig(admission=True))
    await server.start()
    client = ApiClient(InProcess(server.handle, ADMIN))
    ready = asyncio.Event()
    async with SharedInformers(client, clock) as informers:
        config = Config(root_ca="PEM")
        task = asyncio.create_task(
            run_controllers(client, informers, clock, config=config, ready=ready.set)
        )
        async with asyncio.timeout(10):
            await ready.wait()
        cluster = Cluster(client, clock)
        await cluster.settle(2)
        yield cluster
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await server.close()


async def change(client, row, name, image):
    found = await client.get(row, name, namespace="default")
    found["spec"]["template"]["spec"]["containers"][0]["image"] = image
    await client.update(row, found)


def volume(name):
    return {
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": "/data"},
            "persistentVolumeReclaimPolicy": "Retain",
        },
    }


CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


async def test_a_statefulset_has_its_claims_bound_and_rolls_to_a_new_template(stage):
    client = stage.client
    for name in ("one", "two"):
        await client.create(PERSISTENTVOLUMES, volume(name))
    wanted = workload("db", serviceName="db", volumeClaimTemplates=[CLAIM])
    await client.create(STATEFULSETS, wanted)
    await stage.settle(12)
    claims = (await client.list(PERSISTENTVOLUMECLAIMS))["items"]
    assert {(c["metadata"]["name"], c["status"]["phase"]) for c in claims} == {
        ("data-db-0", "Bound"),
        ("data-db-1", "Bound"),
    }
    await change(client, STATEFULSETS, "db", "two")
    await stage.settle(12)
    found = await client.get(STATEFULSETS, "db", namespace="default")
    assert found["status"]["currentRevision"] == found["status"]["updateRevision"]
    assert found["status"]["updatedReplicas"] == 2
    assert len((await client.list(CONTROLLERREVISIONS))["items"]) == 2


async def test_a_daemonset_runs_where_it_may_and_rolls(stage):
    client = stage.client
    for name in ("a", "b", "c"):
        taints = [{"key": "k", "effect": "NoSchedule"}] if name == "c" else []
        told = {"metadata": {"name": name}, "spec": {"taints": taints}}
        await client.create(NODES, told)
    wanted = workload("agent")
    del wanted["spec"]["replicas"]
    await client.create(DAEMONSETS, wanted)
    await stage.settle(6)
    found = await client.get(DAEMONSETS, "agent", namespace="default")
    assert found["status"]["numberReady"] == 2
    await change(client, DAEMONSETS, "agent", "two")
    await stage.settle(14)
    found = await client.get(DAEMONSETS, "agent", namespace="default")
    assert found["status"]["updatedNumberScheduled"] == 2


async def test_a_cronjob_starts_a_job_each_minute_and_keeps_some(stage):
    client = stage.client
    job = template("tick")
    job["spec"]["restartPolicy"] = "Never"
    spec = {
        "schedule": "* * * * *",
        "successfulJobsHistoryLimit": 1,
        "jobTemplate": {"spec": {"template": job}},
    }
    meta = {"name": "tick", "namespace": "default"}
    await client.create(CRONJOBS, {"metadata": meta, "spec": spec})
    for _ in range(3):
        await stage.settle(3)
        await stage.clock.advance(58)
    await stage.settle(12)
    found = await client.get(CRONJOBS, "tick", namespace="default")
    assert found["status"]["lastSuccessfulTime"]
    assert len((await client.list(JOBS))["items"]) == 1


async def test_a_budget_counts_and_a_quota_is_counted_and_freed(stage):
    client = stage.client
    selector = {"matchLabels": {"app": "web"}}
    budget = {"metadata": {"name": "b", "namespace": "default"}}
    budget["spec"] = {"minAvailable": 1, "selector": selector}
    await client.create(PODDISRUPTIONBUDGETS, budget)
    await client.create(DEPLOYMENTS, workload("web"))
    await stage.settle(6)
    meta = {"name": "q", "namespace": "default"}
    quota = {"metadata": meta, "spec": {"hard": {"pods": "2", "count/deployments.apps": "1"}}}
    await client.create(RESOURCEQUOTAS, quota)
    await stage.settle(2)
    told = (await client.get(PODDISRUPTIONBUDGETS, "b", namespace="default"))["status"]
    assert (told["currentHealthy"], told["disruptionsAllowed"]) == (2, 1)
    used = (await client.get(RESOURCEQUOTAS, "q", namespace="default"))["status"]["used"]
    assert used == {"pods": "2", "count/deployments.apps": "1"}
    await client.delete(DEPLOYMENTS, "web", namespace="default")
    await stage.settle(6)
    used = (await client.get(RESOURCEQUOTAS, "q", namespace="default"))["status"]["used"]
    assert used == {"pods": "0", "count/deployments.apps": "0"}


async def test_an_autoscaler_sizes_by_its_bounds_and_says_what_it_lacks(stage):
    client = stage.client
    await client.create(DEPLOYMENTS, workload("web"))
    meta = {"name": "web", "namespace": "default"}
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": ref, "minReplicas": 3, "maxReplicas": 5}
    await client.create(HORIZONTALPODAUTOSCALERS, {"metadata": meta, "spec": spec})
    await stage.settle(3)
    await stage.clock.advance(15)
    await stage.settle(5)
    assert (await client.get(DEPLOYMENTS, "web", namespace="default"))["spec"]["replicas"] == 3
    await stage.clock.advance(15)
    await stage.settle(5)
    found = await client.get(HORIZONTALPODAUTOSCALERS, "web", namespace="default")
    told = {c["type"]: c["reason"] for c in found["status"]["conditions"]}
    assert told["ScalingActive"] == "FailedGetResourceMetric"
    events = (await client.list(EVENTS, namespace="default"))["items"]
    assert "no metrics returned from resource metrics API" in "".join(
        e["message"] for e in events if e["reason"] == "FailedGetResourceMetric"
    )


async def test_a_claim_in_use_stays_until_its_pod_is_gone(stage):
    client = stage.client
    claim = {**CLAIM, "metadata": {"name": "c", "namespace": "default"}}
    await client.create(PERSISTENTVOLUMECLAIMS, claim)
    mounted = [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]
    pod = {"metadata": {"name": "p", "namespace": "default"}, "spec": template("p")["spec"]}
    pod["spec"] |= {"nodeName": "n", "volumes": mounted, "terminationGracePeriodSeconds": 0}
    await client.create(PODS, pod)
    await stage.settle(2)
    await client.delete(PERSISTENTVOLUMECLAIMS, "c", namespace="default")
    await stage.settle(2)
    held = await client.get(PERSISTENTVOLUMECLAIMS, "c", namespace="default")
    assert held["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    await client.delete(PODS, "p", namespace="default", grace_period=0)
    await stage.settle(3)
    with pytest.raises(NotFound):
        await client.get(PERSISTENTVOLUMECLAIMS, "c", namespace="default")
