import pytest
from tests.controllers.fake_cluster import running

from pinnace.api.errors import Forbidden
from pinnace.api.kinds.apps import REPLICASETS
from pinnace.api.kinds.core import EVENTS, PODS
from pinnace.controllers.replicaset import REPLICASET


def replicaset(replicas, **spec):
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    selector = {"matchLabels": {"app": "web"}}
    return {
        "metadata": {"name": "web", "namespace": "n"},
        "spec": {"replicas": replicas, "selector": selector, "template": template, **spec},
    }


READY = {
    "phase": "Running",
    "conditions": [
        {"type": "Ready", "status": "True", "lastTransitionTime": "2030-01-01T00:00:00Z"}
    ],
}


@pytest.fixture
async def three():
    async with running(REPLICASET, setup=[(REPLICASETS, replicaset(3))]) as it:
        await it.settle()
        yield it


async def scale(it, replicas):
    web = await it.cluster.get(REPLICASETS, "web", namespace="n")
    web["spec"]["replicas"] = replicas
    await it.cluster.update(REPLICASETS, web)
    await it.settle()


async def test_makes_the_missing_pods_and_says_so(three):
    pods = three.cluster.all(PODS)
    assert len(pods) == 3
    (ref,) = pods[0]["metadata"]["ownerReferences"]
    assert (ref["kind"], ref["controller"], ref["blockOwnerDeletion"]) == (
        "ReplicaSet",
        True,
        True,
    )
    web = await three.cluster.get(REPLICASETS, "web", namespace="n")
    assert web["status"] == {
        "replicas": 3,
        "fullyLabeledReplicas": 3,
        "terminatingReplicas": 0,
        "observedGeneration": 1,
    }
    events = [(e["reason"], e["message"]) for e in three.cluster.all(EVENTS)]
    name = pods[0]["metadata"]["name"]
    assert ("SuccessfulCreate", f"Created pod: {name}") in events
    assert len(events) == 3


async def test_keeps_ready_pods_when_scaled_down(three):
    ready = three.cluster.all(PODS)[1]
    await three.cluster.set_status(PODS, ready, **READY)
    await three.settle()
    await scale(three, 1)
    (left,) = three.cluster.all(PODS)
    assert left["metadata"]["name"] == ready["metadata"]["name"]
    web = await three.cluster.get(REPLICASETS, "web", namespace="n")
    assert web["status"]["availableReplicas"] == 1


async def test_releases_a_pod_whose_labels_no_longer_match_and_makes_another(three):
    pod = three.cluster.all(PODS)[0]
    pod["metadata"]["labels"] = {"app": "other"}
    await three.cluster.update(PODS, pod)
    await three.settle()
    assert len(three.cluster.all(PODS)) == 4
    freed = await three.cluster.get(PODS, pod["metadata"]["name"], namespace="n")
    assert not freed["metadata"]["ownerReferences"]


async def test_adopts_a_matching_orphan_and_deletes_one_too_many(three):
    orphan = {"metadata": {"name": "lost", "namespace": "n", "labels": {"app": "web"}}, "spec": {}}
    await three.cluster.create(PODS, orphan)
    await three.settle()
    assert len(three.cluster.all(PODS)) == 3


async def test_a_pod_becomes_available_after_min_ready_seconds():
    async with running(REPLICASET, setup=[(REPLICASETS, replicaset(1, minReadySeconds=30))]) as it:
        await it.settle()
        await it.cluster.set_status(PODS, it.cluster.all(PODS)[0], **READY)
        await it.settle(10)
        web = await it.cluster.get(REPLICASETS, "web", namespace="n")
        assert "availableReplicas" not in web["status"]
        await it.settle(30)
        web = await it.cluster.get(REPLICASETS, "web", namespace="n")
        assert web["status"]["availableReplicas"] == 1


async def test_a_refused_pod_becomes_a_condition_and_is_tried_once_a_pass():
    async with running(REPLICASET) as it:
        it.cluster.fail["create", "pods"] = Forbidden("exceeded quota")
        await it.cluster.create(REPLICASETS, replicaset(5))
        await it.settle()
        web = await it.cluster.get(REPLICASETS, "web", namespace="n")
        (told,) = web["status"]["conditions"]
        assert (told["type"], told["reason"], told["message"]) == (
            "ReplicaFailure",
            "FailedCreate",
            "exceeded quota",
        )
        del it.cluster.fail["create", "pods"]
        await it.settle(10)
        assert len(it.cluster.all(PODS)) == 5
        web = await it.cluster.get(REPLICASETS, "web", namespace="n")
        assert "conditions" not in web["status"]
