from tests.controllers.fake_cluster import running
from tests.controllers.test_replicaset import READY

from pinnace.api.kinds.apps import CONTROLLERREVISIONS, STATEFULSETS
from pinnace.api.kinds.core import EVENTS, PERSISTENTVOLUMECLAIMS, PODS
from pinnace.controllers.statefulset import STATEFULSET


def statefulset(replicas=3, **spec):
    template = {
        "metadata": {"labels": {"app": "db"}},
        "spec": {"containers": [{"name": "c", "image": "one"}]},
    }
    return {
        "metadata": {"name": "db", "namespace": "n"},
        "spec": {
            "replicas": replicas,
            "serviceName": "db",
            "selector": {"matchLabels": {"app": "db"}},
            "template": template,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "revisionHistoryLimit": 10,
            **spec,
        },
    }


def names(it):
    return sorted(pod["metadata"]["name"] for pod in it.cluster.all(PODS))


def images(it):
    pods = {p["metadata"]["name"]: p for p in it.cluster.all(PODS)}
    return [pods[name]["spec"]["containers"][0]["image"] for name in sorted(pods)]


async def ready(it, rounds=1):
    for _ in range(rounds):
        for pod in it.cluster.all(PODS):
            if pod["status"]["phase"] == "Pending":
                await it.cluster.set_status(PODS, pod, **READY)
        await it.settle(1)


async def change(it, **spec):
    found = await it.cluster.get(STATEFULSETS, "db", namespace="n")
    if image := spec.pop("image", None):
        found["spec"]["template"]["spec"]["containers"][0]["image"] = image
    found["spec"] |= spec
    await it.cluster.update(STATEFULSETS, found)
    await it.settle(1)


async def test_pods_come_one_by_one_and_know_who_they_are():
    async with running(STATEFULSET, setup=[(STATEFULSETS, statefulset())]) as it:
        await it.settle(1)
        assert names(it) == ["db-0"]
        await ready(it)
        assert names(it) == ["db-0", "db-1"]
        await ready(it, 2)
        assert names(it) == ["db-0", "db-1", "db-2"]
        pod = await it.cluster.get(PODS, "db-1", namespace="n")
        labels = pod["metadata"]["labels"]
        assert labels["statefulset.kubernetes.io/pod-name"] == "db-1"
        assert labels["apps.kubernetes.io/pod-index"] == "1"
        (revision,) = it.cluster.all(CONTROLLERREVISIONS)
        assert labels["controller-revision-hash"] == revision["metadata"]["name"]
        assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-1", "db")
        await it.settle(1)
        found = await it.cluster.get(STATEFULSETS, "db", namespace="n")
        assert found["status"]["readyReplicas"] == 3
        assert found["status"]["currentRevision"] == found["status"]["updateRevision"]
        messages = [e["message"] for e in it.cluster.all(EVENTS)]
        assert "Create Pod db-0 in StatefulSet db successful" in messages


async def test_parallel_pods_come_and_go_at_once():
    spec = statefulset(podManagementPolicy="Parallel")
    async with running(STATEFULSET, setup=[(STATEFULSETS, spec)]) as it:
        await it.settle(1)
        assert names(it) == ["db-0", "db-1", "db-2"]
        await change(it, replicas=0)
        assert names(it) == []


async def test_the_last_go_first_and_one_by_one():
    async with running(STATEFULSET, setup=[(STATEFULSETS, statefulset())]) as it:
        await ready(it, 4)
        last = await it.cluster.get(PODS, "db-2", namespace="n")
        last["metadata"]["finalizers"] = ["x/slow"]
        await it.cluster.update(PODS, last)
        await change(it, replicas=1)
        assert names(it) == ["db-0", "db-1", "db-2"]
        last = await it.cluster.get(PODS, "db-2", namespace="n")
        last["metadata"]["finalizers"] = []
        await it.cluster.update(PODS, last)
        await it.settle(1)
        assert names(it) == ["db-0"]


async def test_an_update_goes_down_to_the_partition_one_at_a_time():
    async with running(STATEFULSET, setup=[(STATEFULSETS, statefulset())]) as it:
        await ready(it, 4)
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
        await change(it, image="two", updateStrategy=rolling)
        assert images(it) == ["one", "one", "two"]
        await ready(it, 4)
        assert images(it) == ["one", "two", "two"]
        found = await it.cluster.get(STATEFULSETS, "db", namespace="n")
        assert found["status"]["updatedReplicas"] == 2
        assert found["status"]["currentRevision"] != found["status"]["updateRevision"]
        rolling["rollingUpdate"]["partition"] = 0
        await change(it, updateStrategy=rolling)
        await ready(it, 2)
        found = await it.cluster.get(STATEFULSETS, "db", namespace="n")
        assert found["status"]["currentRevision"] == found["status"]["updateRevision"]


async def test_a_roll_back_uses_the_old_revision_again():
    async with running(STATEFULSET, setup=[(STATEFULSETS, statefulset(1))]) as it:
        await ready(it, 2)
        await change(it, image="two")
        await ready(it, 2)
        await change(it, image="one")
        await ready(it, 2)
        assert sorted(r["revision"] for r in it.cluster.all(CONTROLLERREVISIONS)) == [2, 3]
        assert images(it) == ["one"]


async def test_pods_that_have_failed_are_made_anew():
    async with running(STATEFULSET, setup=[(STATEFULSETS, statefulset(1))]) as it:
        await ready(it, 2)
        (pod,) = it.cluster.all(PODS)
        await it.cluster.set_status(PODS, pod, phase="Failed")
        await it.settle(1)
        (new,) = it.cluster.all(PODS)
        assert new["metadata"]["uid"] != pod["metadata"]["uid"]


async def test_each_pod_has_its_claims_which_stay_unless_the_policy_says_otherwise():
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    policy = {"whenScaled": "Delete", "whenDeleted": "Retain"}
    spec = statefulset(2, volumeClaimTemplates=[claim], persistentVolumeClaimRetentionPolicy=policy)
    async with running(STATEFULSET, setup=[(STATEFULSETS, spec)]) as it:
        await ready(it, 3)
        claims = it.cluster.all(PERSISTENTVOLUMECLAIMS)
        assert [c["metadata"]["name"] for c in claims] == ["data-db-0", "data-db-1"]
        pod = await it.cluster.get(PODS, "db-1", namespace="n")
        assert pod["spec"]["volumes"] == [
            {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-1"}}
        ]
        await change(it, replicas=1)
        owned = await it.cluster.get(PERSISTENTVOLUMECLAIMS, "data-db-1", namespace="n")
        assert [ref["kind"] for ref in owned["metadata"]["ownerReferences"]] == ["Pod"]
