import pytest
from tests.controllers.fake_cluster import running
from tests.controllers.test_replicaset import READY

from pinnace.api.kinds.apps import CONTROLLERREVISIONS, STATEFULSETS
from pinnace.api.kinds.core import EVENTS, PERSISTENTVOLUMECLAIMS, PODS
from pinnace.controllers.statefulset import STATEFULSET


def statefulset(replicas=3, image="one", **spec):
    return {
        "metadata": {"name": "db", "namespace": "n"},
        "spec": {
            "replicas": replicas,
            "serviceName": "peers",
            "podManagementPolicy": "OrderedReady",
            "selector": {"matchLabels": {"app": "db"}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "revisionHistoryLimit": 1,
            "template": {
                "metadata": {"labels": {"app": "db"}},
                "spec": {"containers": [{"name": "c", "image": image}]},
            },
            **spec,
        },
    }


CLAIMS = [
    {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
]


async def get(it):
    return await it.cluster.get(STATEFULSETS, "db", namespace="n")


async def change(it, image=None, **spec):
    found = await get(it)
    if image:
        found["spec"]["template"]["spec"]["containers"][0]["image"] = image
    found["spec"] |= spec
    await it.cluster.update(STATEFULSETS, found)
    await it.settle(1)


def names(it):
    return sorted(pod["metadata"]["name"] for pod in it.cluster.all(PODS))


def images(it):
    pods = sorted(it.cluster.all(PODS), key=lambda pod: pod["metadata"]["name"])
    return [pod["spec"]["containers"][0]["image"] for pod in pods]


async def make_ready(it, rounds=1):
    for _ in range(rounds):
        for pod in it.cluster.all(PODS):
            if pod["status"]["phase"] == "Pending":
                await it.cluster.set_status(PODS, pod, **READY)
        await it.settle(1)


@pytest.fixture
async def three():
    async with running(STATEFULSET, setup=[(STATEFULSETS, statefulset())]) as it:
        await make_ready(it, 5)
        yield it


async def test_makes_each_pod_when_the_one_before_is_ready():
    async with running(STATEFULSET, setup=[(STATEFULSETS, statefulset())]) as it:
        assert names(it) == ["db-0"]
        await make_ready(it)
        assert names(it) == ["db-0", "db-1"]
        await it.settle(100)
        assert names(it) == ["db-0", "db-1"]
        await make_ready(it)
        assert names(it) == ["db-0", "db-1", "db-2"]


async def test_makes_all_pods_at_once_in_parallel():
    wanted = statefulset(podManagementPolicy="Parallel", ordinals={"start": 5})
    async with running(STATEFULSET, setup=[(STATEFULSETS, wanted)]) as it:
        assert names(it) == ["db-5", "db-6", "db-7"]


async def test_gives_pods_an_identity_and_says_so(three):
    pod = await three.cluster.get(PODS, "db-1", namespace="n")
    (revision,) = three.cluster.all(CONTROLLERREVISIONS)
    name = revision["metadata"]["name"]
    assert pod["metadata"]["labels"] == {
        "app": "db",
        "statefulset.kubernetes.io/pod-name": "db-1",
        "apps.kubernetes.io/pod-index": "1",
        "controller-revision-hash": name,
    }
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-1", "peers")
    told = {(e["reason"], e["message"]) for e in three.cluster.all(EVENTS)}
    assert ("SuccessfulCreate", "Create Pod db-1 in StatefulSet db successful") in told
    assert (await get(three))["status"] == {
        "observedGeneration": 1,
        "replicas": 3,
        "readyReplicas": 3,
        "currentReplicas": 3,
        "updatedReplicas": 3,
        "currentRevision": name,
        "updateRevision": name,
        "collisionCount": 0,
        "availableReplicas": 3,
    }


async def test_scales_down_from_the_highest_ordinal(three):
    await change(three, replicas=1)
    await make_ready(three, 2)
    assert names(three) == ["db-0"]


async def test_replaces_a_failed_pod_under_its_name(three):
    pod = await three.cluster.get(PODS, "db-1", namespace="n")
    await three.cluster.set_status(PODS, pod, phase="Failed", conditions=[])
    await three.settle(1)
    again = await three.cluster.get(PODS, "db-1", namespace="n")
    assert again["metadata"]["uid"] != pod["metadata"]["uid"]


async def test_updates_one_by_one_from_the_highest_ordinal(three):
    await change(three, image="two")
    assert images(three) == ["one", "one", "two"]
    status = (await get(three))["status"]
    assert (status["currentReplicas"], status["updatedReplicas"]) == (2, 1)
    await make_ready(three)
    assert images(three) == ["one", "two", "two"]
    await make_ready(three, 3)
    status = (await get(three))["status"]
    assert images(three) == ["two"] * 3
    assert status["currentRevision"] == status["updateRevision"]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        pytest.param({"partition": 2}, ["one", "one", "two"], id="partition"),
        pytest.param({"partition": 3}, ["one"] * 3, id="partition-beyond"),
        pytest.param({"maxUnavailable": 2}, ["one", "two", "two"], id="two-at-once"),
        pytest.param({"maxUnavailable": "10%"}, ["one", "one", "two"], id="at-least-one"),
    ],
)
async def test_updates_as_far_as_the_strategy_allows(three, strategy, expected):
    update = {"type": "RollingUpdate", "rollingUpdate": strategy}
    await change(three, image="two", updateStrategy=update, podManagementPolicy="Parallel")
    assert images(three) == expected


async def test_does_not_pass_the_partition(three):
    update = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    await change(three, image="two", updateStrategy=update)
    await make_ready(three, 4)
    assert images(three) == ["one", "one", "two"]
    status = (await get(three))["status"]
    assert status["currentRevision"] != status["updateRevision"]
    await three.cluster.delete(PODS, "db-0", namespace="n")
    await make_ready(three, 2)
    assert images(three) == ["one", "one", "two"]


async def test_waits_for_deletions_with_on_delete(three):
    await change(three, image="two", updateStrategy={"type": "OnDelete"})
    assert images(three) == ["one"] * 3
    await three.cluster.delete(PODS, "db-0", namespace="n")
    await make_ready(three, 2)
    assert images(three) == ["two", "one", "one"]


async def test_returns_to_an_old_template_with_its_revision(three):
    first = (await get(three))["status"]["updateRevision"]
    await change(three, image="two")
    await make_ready(three, 4)
    await change(three, image="one")
    await make_ready(three, 4)
    assert (await get(three))["status"]["currentRevision"] == first
    numbers = {e["metadata"]["name"]: e["revision"] for e in three.cluster.all(CONTROLLERREVISIONS)}
    assert (numbers[first], len(numbers)) == (3, 2)


async def test_keeps_no_more_old_revisions_than_the_limit(three):
    for image in ("two", "three", "four"):
        await change(three, image=image)
        await make_ready(three, 5)
    assert sorted(e["revision"] for e in three.cluster.all(CONTROLLERREVISIONS)) == [3, 4]


async def test_counts_a_pod_available_after_min_ready_seconds():
    wanted = statefulset(2, minReadySeconds=30)
    async with running(STATEFULSET, setup=[(STATEFULSETS, wanted)]) as it:
        await make_ready(it)
        status = (await get(it))["status"]
        assert (status["readyReplicas"], status["availableReplicas"]) == (1, 0)
        assert names(it) == ["db-0"]
        await it.settle(35)
        assert (await get(it))["status"]["availableReplicas"] == 1
        assert names(it) == ["db-0", "db-1"]


async def test_makes_claims_that_outlive_their_pods():
    wanted = statefulset(2, volumeClaimTemplates=CLAIMS)
    async with running(STATEFULSET, setup=[(STATEFULSETS, wanted)]) as it:
        await make_ready(it, 3)
        claims = {c["metadata"]["name"]: c for c in it.cluster.all(PERSISTENTVOLUMECLAIMS)}
        assert sorted(claims) == ["data-db-0", "data-db-1"]
        assert claims["data-db-0"]["metadata"]["labels"] == {"app": "db"}
        assert "ownerReferences" not in claims["data-db-0"]["metadata"]
        pod = await it.cluster.get(PODS, "db-1", namespace="n")
        assert pod["spec"]["volumes"] == [
            {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-1"}}
        ]
        told = {e["message"] for e in it.cluster.all(EVENTS)}
        assert "Create Claim data-db-0 Pod db-0 in StatefulSet db success" in told
        await change(it, replicas=1)
        assert len(it.cluster.all(PERSISTENTVOLUMECLAIMS)) == 2


async def owners(it, name):
    claim = await it.cluster.get(PERSISTENTVOLUMECLAIMS, name, namespace="n")
    return [ref["kind"] for ref in claim["metadata"].get("ownerReferences") or ()]


async def test_hands_claims_to_the_set_and_to_a_pod_that_is_scaled_away():
    policy = {"whenDeleted": "Delete", "whenScaled": "Delete"}
    wanted = statefulset(
        2, volumeClaimTemplates=CLAIMS, persistentVolumeClaimRetentionPolicy=policy
    )
    async with running(STATEFULSET, setup=[(STATEFULSETS, wanted)]) as it:
        await make_ready(it, 4)
        assert await owners(it, "data-db-0") == ["StatefulSet"]
        assert await owners(it, "data-db-1") == ["StatefulSet"]
        await change(it, replicas=1)
        assert names(it) == ["db-0"]
        assert await owners(it, "data-db-1") == ["Pod"]
        # The claim is to go with its Pod; until it has, no other Pod may have its name.
        await change(it, replicas=2)
        assert names(it) == ["db-0"]
        await change(it, replicas=1, persistentVolumeClaimRetentionPolicy=None)
        await it.settle(1)
        assert await owners(it, "data-db-0") == []
