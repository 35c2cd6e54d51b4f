import asyncio
import base64
import json
import stat
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pinnace import Cluster
from pinnace.api.errors import ApiError, Forbidden, NotFound, Unauthorized
from pinnace.api.kinds.apps import DEPLOYMENTS, REPLICASETS
from pinnace.api.kinds.batch import JOBS
from pinnace.api.kinds.certificates import CERTIFICATESIGNINGREQUESTS
from pinnace.api.kinds.core import (
    CONFIGMAPS,
    NAMESPACES,
    NODES,
    PODS,
    SECRETS,
    SERVICEACCOUNTS,
    SERVICES,
)
from pinnace.api.kinds.discovery import ENDPOINTSLICES
from pinnace.api.kinds.flowcontrol import FLOWSCHEMAS, PRIORITYLEVELCONFIGURATIONS
from pinnace.api.kinds.scheduling import PRIORITYCLASSES
from pinnace.api.objects import Object, condition
from pinnace.api.wire import Request, Response, User
from pinnace.client import kubeconfig
from pinnace.kit.clock import VirtualClock
from pinnace.kit.x509 import Subject, make_authority, make_request, read_certificate

TEMPLATE = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "c", "image": "web:1"}]},
}


def deployment(replicas: int = 3) -> Object:
    return {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": TEMPLATE,
        },
    }


async def until(look: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    """Wait for the cluster to get there; it usually has within milliseconds."""
    async with asyncio.timeout(seconds):
        while not await look():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_nodes_are_ready_and_say_that_they_are_simulated(cluster: Cluster) -> None:
    nodes = (await cluster.client.list(NODES))["items"]
    assert len(nodes) == 3
    for node in nodes:
        assert (condition(node, "Ready") or {})["status"] == "True"
        assert node["metadata"]["labels"]["pinnace.dev/simulated"] == "true"


async def test_a_deployment_runs_is_scaled_and_rolled(cluster: Cluster) -> None:
    client = cluster.client
    await client.create(DEPLOYMENTS, deployment(), namespace="default")

    async def available(count: int) -> bool:
        found = await client.get(DEPLOYMENTS, "web", namespace="default")
        status = found.get("status") or {}
        settled = status.get("observedGeneration") == found["metadata"]["generation"]
        return settled and status.get("availableReplicas") == count == status.get("replicas")

    await until(lambda: available(3))
    await client.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 5}}, namespace="default")
    await until(lambda: available(5))
    image = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "web:2"}]}}}}
    await client.patch(DEPLOYMENTS, "web", image, namespace="default", type="strategic")

    async def rolled() -> bool:
        pods = (await client.list(PODS, namespace="default"))["items"]
        return len(pods) == 5 and all(
            pod["spec"]["containers"][0]["image"] == "web:2" for pod in pods
        )

    await until(rolled)
    sets = (await client.list(REPLICASETS, namespace="default"))["items"]
    assert sorted(entry["spec"]["replicas"] for entry in sets) == [0, 5]


async def test_what_a_deployment_owned_goes_with_it(cluster: Cluster) -> None:
    client = cluster.client
    await client.create(DEPLOYMENTS, deployment(), namespace="default")

    async def pods(count: int) -> bool:
        return len((await client.list(PODS, namespace="default"))["items"]) == count

    await until(lambda: pods(3))
    await client.delete(DEPLOYMENTS, "web", namespace="default")
    await until(lambda: pods(0))
    assert (await client.list(REPLICASETS, namespace="default"))["items"] == []


async def test_a_service_gets_the_addresses_of_its_pods(cluster: Cluster) -> None:
    client = cluster.client
    await client.create(DEPLOYMENTS, deployment(), namespace="default")
    service = {
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }
    made = await client.create(SERVICES, service, namespace="default")
    assert made["spec"]["clusterIP"].startswith("10.96.")

    async def published() -> bool:
        pieces = await client.list(
            ENDPOINTSLICES, namespace="default", label_selector="kubernetes.io/service-name=web"
        )
        ready = [entry for piece in pieces["items"] for entry in piece.get("endpoints") or ()]
        return len(ready) == 3 and all(entry["conditions"]["ready"] for entry in ready)

    await until(published)


async def test_a_job_completes(cluster: Cluster) -> None:
    client = cluster.client
    pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}
    job = {"metadata": {"name": "once"}, "spec": {"template": pod}}
    await client.create(JOBS, job, namespace="default")

    async def complete() -> bool:
        found = await client.get(JOBS, "once", namespace="default")
        return (condition(found, "Complete") or {}).get("status") == "True"

    await until(complete)


async def test_a_namespace_has_its_account_and_goes_with_all_it_holds(cluster: Cluster) -> None:
    client = cluster.client
    await client.create(NAMESPACES, {"metadata": {"name": "team"}})

    async def furnished() -> bool:
        accounts = (await client.list(SERVICEACCOUNTS, namespace="team"))["items"]
        maps = (await client.list(CONFIGMAPS, namespace="team"))["items"]
        return len(accounts) == 1 and [entry["metadata"]["name"] for entry in maps] == [
            "kube-root-ca.crt"
        ]

    await until(furnished)
    await client.create(SECRETS, {"metadata": {"name": "s"}}, namespace="team")
    await client.delete(NAMESPACES, "team")

    async def gone() -> bool:
        try:
            await client.get(NAMESPACES, "team")
        except NotFound:
            return True
        return False

    await until(gone)


async def test_anybody_reaches_it_by_its_kubeconfig_over_tls(cluster: Cluster) -> None:
    assert stat.S_IMODE(cluster.kubeconfig.stat().st_mode) == 0o600
    remote = kubeconfig.load(cluster.kubeconfig).client()
    try:
        assert len((await remote.list(NODES))["items"]) == 3
    finally:
        await remote.close()


async def test_strangers_are_kept_out(cluster: Cluster) -> None:
    known = kubeconfig.load(cluster.kubeconfig)
    for token, refusal in (("", Forbidden), ("nonsense", Unauthorized)):
        stranger = kubeconfig.Config(server=known.server, ca=known.ca, token=token).client()
        with pytest.raises(refusal):
            await stranger.list(SECRETS)
        await stranger.close()


async def test_time_stands_still_until_it_is_moved() -> None:
    clock = VirtualClock()
    async with Cluster(nodes=0, clock=clock) as cluster:
        pod = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}
        job = {
            "metadata": {"name": "once"},
            "spec": {"template": pod, "activeDeadlineSeconds": 3600},
        }
        await cluster.client.create(JOBS, job, namespace="default")

        async def started() -> bool:
            found = await cluster.client.get(JOBS, "once", namespace="default")
            return bool((found.get("status") or {}).get("startTime"))

        await until(started)

        async def failed() -> bool:
            found = await cluster.client.get(JOBS, "once", namespace="default")
            return (condition(found, "Failed") or {}).get("reason") == "DeadlineExceeded"

        await clock.advance(3599)
        assert not await failed()
        await clock.advance(2)

        async def failed_at_last() -> bool:
            await clock.advance(1)
            return await failed()

        await until(failed_at_last)


def test_a_synchronous_block_leaves_nothing_behind() -> None:
    before = set(threading.enumerate())
    with Cluster(nodes=1) as cluster:
        kept = cluster.kubeconfig
        assert kept.exists()
    assert not kept.exists()
    assert set(threading.enumerate()) == before


async def test_errors_of_the_start_are_told_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise ApiError("no")

    monkeypatch.setattr("pinnace.cluster.embedded.http.serve", refuse)
    before = len(asyncio.all_tasks())
    with pytest.raises(ApiError, match="no"):
        async with Cluster():
            pass
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == before


async def test_what_is_simulated_is_never_dialled(cluster: Cluster) -> None:
    client = cluster.client
    pod = {"metadata": {"name": "p", "labels": {"app": "p"}}, "spec": TEMPLATE["spec"]}
    await client.create(PODS, pod, namespace="default")
    service = {
        "metadata": {"name": "p"},
        "spec": {"selector": {"app": "p"}, "ports": [{"port": 80}]},
    }
    await client.create(SERVICES, service, namespace="default")

    async def reachable() -> bool:
        pieces = await client.list(
            ENDPOINTSLICES, namespace="default", label_selector="kubernetes.io/service-name=p"
        )
        return any(piece.get("endpoints") for piece in pieces["items"])

    await until(reachable)
    for path in (
        "/api/v1/namespaces/default/pods/p/log",
        "/api/v1/namespaces/default/pods/p/proxy/",
        "/api/v1/namespaces/default/services/p/proxy/",
        "/api/v1/nodes/sim-0/proxy/healthz",
    ):
        with pytest.raises(ApiError, match="is simulated: no container runs on it"):
            await client.raw("GET", path)


async def test_a_new_cluster_has_its_flow_control_and_priorities(cluster: Cluster) -> None:
    schemas = (await cluster.client.list(FLOWSCHEMAS))["items"]
    levels = (await cluster.client.list(PRIORITYLEVELCONFIGURATIONS))["items"]
    assert {"exempt", "catch-all"} <= {entry["metadata"]["name"] for entry in schemas}
    assert {"exempt", "catch-all"} <= {entry["metadata"]["name"] for entry in levels}
    classes = (await cluster.client.list(PRIORITYCLASSES))["items"]
    assert {entry["metadata"]["name"]: entry["value"] for entry in classes} == {
        "system-node-critical": 2000001000,
        "system-cluster-critical": 2000000000,
    }


async def test_an_approved_request_is_signed(cluster: Cluster) -> None:
    client = cluster.client
    key = make_authority("throwaway", now=cluster.clock.now()).key_pair.key
    request = make_request(key, Subject("jane", ("developers",)))
    wanted = {
        "metadata": {"name": "jane"},
        "spec": {
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
            "request": base64.b64encode(request).decode(),
        },
    }
    made = await client.create(CERTIFICATESIGNINGREQUESTS, wanted)
    made["status"] = {
        "conditions": [{"type": "Approved", "status": "True", "reason": "T", "message": "t"}]
    }
    await client.update(CERTIFICATESIGNINGREQUESTS, made, subresource="approval")

    async def signed() -> bool:
        found = await client.get(CERTIFICATESIGNINGREQUESTS, "jane")
        return bool((found.get("status") or {}).get("certificate"))

    await until(signed)
    found = await client.get(CERTIFICATESIGNINGREQUESTS, "jane")
    facts = read_certificate(base64.b64decode(found["status"]["certificate"]))
    assert facts.subject == Subject("jane", ("developers",))


@pytest.mark.parametrize(
    ("path", "obj", "told"),
    [
        pytest.param(
            "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": "p"},
                "spec": {"podSelector": {}},
            },
            "stores NetworkPolicies and does not enforce them",
            id="network-policy",
        ),
    ],
)
async def test_what_is_stored_without_effect_says_so(
    cluster: Cluster, path: str, obj: Object, told: str
) -> None:
    answer = await cluster.server.handle(
        Request(
            method="POST", path=path, body=json.dumps(obj).encode(),
            headers={"content-type": "application/json"},
            user=User("admin", ("system:masters",)),
        )
    )  # fmt: skip
    assert isinstance(answer, Response)
    assert answer.status == 201
    assert told in answer.headers["warning"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        pytest.param("/.well-known/openid-configuration", "application/json", id="configuration"),
        pytest.param("/openid/v1/jwks", "application/jwk-set+json", id="keys"),
    ],
)
async def test_others_can_check_the_tokens_of_the_cluster(
    cluster: Cluster, path: str, kind: str
) -> None:
    who = User("admin", ("system:masters",))
    answer = await cluster.server.handle(Request(method="GET", path=path, user=who))
    assert isinstance(answer, Response)
    assert (answer.status, answer.headers["content-type"]) == (200, kind)
    assert answer.headers["cache-control"] == "public, max-age=3600"
