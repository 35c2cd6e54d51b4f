import asyncio
import contextlib

import pytest

from pinnace.api.errors import NotFound
from pinnace.api.kinds.apps import DEPLOYMENTS, REPLICASETS, STATEFULSETS
from pinnace.api.kinds.batch import JOBS
from pinnace.api.kinds.core import CONFIGMAPS, NAMESPACES, PODS, SERVICES
from pinnace.api.kinds.discovery import ENDPOINTSLICES
from pinnace.api.wire import User
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.client.client import ApiClient
from pinnace.client.informer import SharedInformers
from pinnace.client.transport import InProcess
from pinnace.controllers.base import Config
from pinnace.controllers.runtime import run_controllers
from pinnace.kit.clock import VirtualClock
from pinnace.store.memory import MemoryStore

ADMIN = User("system:admin", ("system:masters",))
READY = [{"type": "Ready", "status": "True", "lastTransitionTime": "2030-01-01T00:00:00Z"}]


class Cluster:
    """All controllers against a whole API server, in this process, on virtual time."""

    def __init__(self, client, clock):
        self.client, self.clock = client, clock

    async def settle(self, rounds=10):
        """Let everything happen, playing the kubelet of all Pods."""
        for _ in range(rounds):
            for _ in range(300):
                await asyncio.sleep(0)
            for pod in (await self.client.list(PODS))["items"]:
                if (pod.get("status") or {}).get("phase") in (None, "Pending"):
                    await self._run(pod)
            await self.clock.advance(0.5)

    async def _run(self, pod):
        number = pod["metadata"]["resourceVersion"]
        ip = f"10.1.0.{int(number) % 250}"
        pod["status"] = {
            "phase": "Running",
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "conditions": READY,
        }
        if "batch.kubernetes.io/job-name" in pod["metadata"].get("labels", {}):
            pod["status"] = {"phase": "Succeeded"}
        with contextlib.suppress(NotFound):
            await self.client.update(PODS, pod, subresource="status")


@pytest.fixture
async def cluster():
    clock = VirtualClock()
    server = ApiServer(MemoryStore(), clock, ServerConfig())
    await server.start()
    client = ApiClient(InProcess(server.handle, ADMIN))
    ready = asyncio.Event()
    async with SharedInformers(client, clock) as informers:
        task = asyncio.create_task(
            run_controllers(client, informers, clock, config=Config(root_ca="PEM"), ready=ready.set)
        )
        async with asyncio.timeout(10):
            await ready.wait()
        yield Cluster(client, clock)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await server.close()


def template(name):
    return {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }


def workload(name, **spec):
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": template(name),
            **spec,
        },
    }


async def test_a_deployment_runs_behind_its_service_and_goes_with_all_that_it_owns(cluster):
    client = cluster.client
    await client.create(DEPLOYMENTS, workload("web"))
    ports = [{"port": 80}]
    service = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": ports},
    }
    await client.create(SERVICES, service)
    await cluster.settle()
    found = await client.get(DEPLOYMENTS, "web", namespace="default")
    assert found["status"]["availableReplicas"] == 2
    slices = await client.list(
        ENDPOINTSLICES, label_selector="kubernetes.io/service-name=web", namespace="default"
    )
    assert [len(entry["endpoints"]) for entry in slices["items"]] == [2]
    await client.delete(DEPLOYMENTS, "web", namespace="default")
    await cluster.settle()
    assert (await client.list(REPLICASETS))["items"] == []
    assert (await client.list(PODS))["items"] == []


async def test_a_job_completes_and_a_statefulset_comes_up_in_order(cluster):
    client = cluster.client
    job = {
        "metadata": {"name": "j", "namespace": "default"},
        "spec": {"completions": 3, "parallelism": 2, "template": template("j")},
    }
    job["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    await client.create(JOBS, job)
    await client.create(STATEFULSETS, workload("db", serviceName="db"))
    await cluster.settle()
    done = await client.get(JOBS, "j", namespace="default")
    assert [c["type"] for c in done["status"]["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    assert done["status"]["succeeded"] == 3
    names = [p["metadata"]["name"] for p in (await client.list(PODS))["items"]]
    assert {"db-0", "db-1"} <= set(names)


async def test_a_namespace_is_furnished_and_emptied(cluster):
    client = cluster.client
    await client.create(NAMESPACES, {"metadata": {"name": "x"}})
    await cluster.settle(3)
    published = await client.get(CONFIGMAPS, "kube-root-ca.crt", namespace="x")
    assert published["data"] == {"ca.crt": "PEM"}
    await client.delete(NAMESPACES, "x")
    await cluster.settle()
    with pytest.raises(NotFound):
        await client.get(NAMESPACES, "x")
