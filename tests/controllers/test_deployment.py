import pytest
from tests.controllers.fake_cluster import running
from tests.controllers.test_replicaset import READY

from pinnace.api.kinds.apps import DEPLOYMENTS, REPLICASETS
from pinnace.api.kinds.core import EVENTS, PODS
from pinnace.controllers.deployment import DEPLOYMENT
from pinnace.controllers.replicaset import REPLICASET
from pinnace.controllers.shared.rollout import HISTORY, REVISION


def deployment(replicas=3, image="one", **spec):
    return {
        "metadata": {"name": "web", "namespace": "n"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
            },
            "progressDeadlineSeconds": 600,
            "revisionHistoryLimit": 1,
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": image}]},
            },
            **spec,
        },
    }


async def get(it):
    return await it.cluster.get(DEPLOYMENTS, "web", namespace="n")


async def change(it, **spec):
    found = await get(it)
    image = spec.pop("image", None)
    if image:
        found["spec"]["template"]["spec"]["containers"][0]["image"] = image
    found["spec"] |= spec
    await it.cluster.update(DEPLOYMENTS, found)
    await it.settle()


async def make_ready(it, *, rounds=12):
    for _ in range(rounds):
        for pod in it.cluster.all(PODS):
            if pod["status"]["phase"] == "Pending":
                await it.cluster.set_status(PODS, pod, **READY)
        await it.settle(1)


def told(found, kind):
    return next(c for c in found["status"]["conditions"] if c["type"] == kind)


@pytest.fixture
async def web():
    async with running(DEPLOYMENT, REPLICASET, setup=[(DEPLOYMENTS, deployment())]) as it:
        await make_ready(it, rounds=3)
        yield it


async def test_a_new_deployment_becomes_available(web):
    found = await get(web)
    assert found["metadata"]["annotations"][REVISION] == "1"
    assert found["status"]["availableReplicas"] == 3
    assert told(found, "Available")["status"] == "True"
    assert told(found, "Progressing")["reason"] == "NewReplicaSetAvailable"
    (made,) = web.cluster.all(REPLICASETS)
    name = made["metadata"]["name"]
    label = made["metadata"]["labels"]["pod-template-hash"]
    assert name == f"web-{label}"
    assert made["spec"]["selector"]["matchLabels"] == {"app": "web", "pod-template-hash": label}
    messages = [e["message"] for e in web.cluster.all(EVENTS)]
    assert f"Scaled up replica set {name} from 0 to 3" in messages


async def test_a_new_template_rolls_with_neither_too_many_nor_too_few_pods(web):
    await change(web, image="two")
    for _ in range(20):
        pods = web.cluster.all(PODS)
        assert len(pods) <= 4
        assert sum(pod["status"]["phase"] == "Running" for pod in pods) >= 3
        await make_ready(web, rounds=1)
    sizes = {
        e["spec"]["template"]["spec"]["containers"][0]["image"]: e["spec"]["replicas"]
        for e in web.cluster.all(REPLICASETS)
    }
    assert sizes == {"one": 0, "two": 3}
    assert (await get(web))["metadata"]["annotations"][REVISION] == "2"


async def test_a_roll_back_renumbers_the_old_set_and_keeps_its_history(web):
    await change(web, image="two")
    await make_ready(web)
    await change(web, image="one")
    await make_ready(web)
    annotations = {
        e["spec"]["template"]["spec"]["containers"][0]["image"]: e["metadata"]["annotations"]
        for e in web.cluster.all(REPLICASETS)
    }
    assert annotations["one"][REVISION] == "3"
    assert annotations["one"][HISTORY] == "1"


async def test_old_sets_beyond_the_history_limit_are_deleted(web):
    for image in ("two", "three", "four"):
        await change(web, image=image)
        await make_ready(web)
    assert len(web.cluster.all(REPLICASETS)) == 2


async def test_a_stuck_rollout_passes_its_deadline(web):
    await change(web, image="broken")
    await web.settle(300)
    assert told(await get(web), "Progressing")["status"] == "True"
    await web.settle(400)
    progress = told(await get(web), "Progressing")
    assert (progress["status"], progress["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert "has timed out progressing." in progress["message"]


async def test_scaling_in_the_middle_of_a_rollout_is_shared_in_proportion():
    async with running(DEPLOYMENT, REPLICASET, setup=[(DEPLOYMENTS, deployment(10))]) as it:
        await make_ready(it, rounds=3)
        await change(it, image="broken")
        await it.settle(5)
        before = sorted(e["spec"]["replicas"] for e in it.cluster.all(REPLICASETS))
        assert before == [5, 8]
        await change(it, replicas=20)
        await it.settle(5)
        after = sorted(e["spec"]["replicas"] for e in it.cluster.all(REPLICASETS))
        assert sum(after) == 25
        assert after == [10, 15]


async def test_paused_deployments_do_not_roll_but_scale(web):
    await change(web, paused=True, image="two")
    await change(web, replicas=5)
    await web.settle(5)
    (only,) = web.cluster.all(REPLICASETS)
    assert only["spec"]["replicas"] == 5
    assert told(await get(web), "Progressing")["reason"] == "DeploymentPaused"


async def test_recreate_waits_until_the_last_old_pod_is_gone():
    spec = deployment(2, strategy={"type": "Recreate"})
    async with running(DEPLOYMENT, REPLICASET, setup=[(DEPLOYMENTS, spec)]) as it:
        await make_ready(it, rounds=3)
        for pod in it.cluster.all(PODS):
            pod["metadata"]["finalizers"] = ["example.com/slow"]
            await it.cluster.update(PODS, pod)
        await change(it, image="two")
        await it.settle(5)
        assert len(it.cluster.all(REPLICASETS)) == 1
        for pod in it.cluster.all(PODS):
            pod["metadata"]["finalizers"] = []
            await it.cluster.update(PODS, pod)
        await it.settle(5)
        assert sorted(e["spec"]["replicas"] for e in it.cluster.all(REPLICASETS)) == [0, 2]
