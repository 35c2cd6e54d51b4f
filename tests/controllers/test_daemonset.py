from tests.controllers.fake_cluster import running
from tests.controllers.test_replicaset import READY

from pinnace.api.kinds.apps import DAEMONSETS
from pinnace.api.kinds.core import NODES, PODS
from pinnace.controllers.daemonset import DAEMONSET


def daemonset(**spec):
    template = {
        "metadata": {"labels": {"app": "d"}},
        "spec": {"containers": [{"name": "c", "image": "one"}], **spec.pop("pod", {})},
    }
    return {
        "metadata": {"name": "d", "namespace": "n"},
        "spec": {
            "selector": {"matchLabels": {"app": "d"}},
            "template": template,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            **spec,
        },
    }


def node(name, **spec):
    return {"metadata": {"name": name, "labels": {"name": name}}, "spec": spec}


NODES_ABC = [(NODES, node(name)) for name in "abc"]


def where(it):
    found = []
    for pod in it.cluster.all(PODS):
        affinity = pod["spec"]["affinity"]["nodeAffinity"]
        required = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
        (term,) = required["nodeSelectorTerms"]
        found.append(term["matchFields"][0]["values"][0])
    return sorted(found)


async def ready(it):
    for pod in it.cluster.all(PODS):
        if pod["status"]["phase"] == "Pending":
            await it.cluster.set_status(PODS, pod, **READY)
    await it.settle(1)


async def get(it):
    return await it.cluster.get(DAEMONSETS, "d", namespace="n")


async def test_every_node_gets_one_and_a_new_node_too():
    async with running(DAEMONSET, setup=[*NODES_ABC, (DAEMONSETS, daemonset())]) as it:
        await it.settle(1)
        assert where(it) == ["a", "b", "c"]
        await it.cluster.create(NODES, node("e"))
        await it.settle(1)
        await ready(it)
        assert where(it) == ["a", "b", "c", "e"]
        status = (await get(it))["status"]
        assert status["desiredNumberScheduled"] == 4
        assert status["numberAvailable"] == 4
        assert status["updatedNumberScheduled"] == 4
        keys = {t["key"] for t in it.cluster.all(PODS)[0]["spec"]["tolerations"]}
        assert "node.kubernetes.io/unschedulable" in keys


async def test_selectors_and_taints_keep_daemons_away():
    tainted = node("t", taints=[{"key": "mine", "effect": "NoSchedule"}])
    spec = daemonset(pod={"nodeSelector": {"name": "a"}})
    async with running(DAEMONSET, setup=[*NODES_ABC, (DAEMONSETS, spec)]) as it:
        await it.settle(1)
        assert where(it) == ["a"]
    async with running(DAEMONSET, setup=[(NODES, tainted), (DAEMONSETS, daemonset())]) as it:
        await it.settle(1)
        assert where(it) == []


async def test_a_no_execute_taint_takes_a_running_daemon_away():
    async with running(DAEMONSET, setup=[*NODES_ABC, (DAEMONSETS, daemonset())]) as it:
        await it.settle(1)
        found = await it.cluster.get(NODES, "a")
        found["spec"]["taints"] = [{"key": "mine", "effect": "NoExecute"}]
        await it.cluster.update(NODES, found)
        await it.settle(1)
        assert where(it) == ["b", "c"]


async def test_an_update_takes_one_node_at_a_time():
    async with running(DAEMONSET, setup=[*NODES_ABC, (DAEMONSETS, daemonset())]) as it:
        await it.settle(1)
        await ready(it)
        found = await get(it)
        found["spec"]["template"]["spec"]["containers"][0]["image"] = "two"
        await it.cluster.update(DAEMONSETS, found)
        await it.settle(1)
        for expected in (1, 2, 3):
            images = [p["spec"]["containers"][0]["image"] for p in it.cluster.all(PODS)]
            assert images.count("two") == expected
            await ready(it)
        assert (await get(it))["status"]["updatedNumberScheduled"] == 3


async def test_with_surge_the_new_daemon_is_up_before_the_old_one_goes():
    rolling = {"maxSurge": 1, "maxUnavailable": 0}
    spec = daemonset(updateStrategy={"type": "RollingUpdate", "rollingUpdate": rolling})
    async with running(DAEMONSET, setup=[*NODES_ABC, (DAEMONSETS, spec)]) as it:
        await it.settle(1)
        await ready(it)
        found = await get(it)
        found["spec"]["template"]["spec"]["containers"][0]["image"] = "two"
        await it.cluster.update(DAEMONSETS, found)
        await it.settle(1)
        assert len(it.cluster.all(PODS)) == 4
        for _ in range(4):
            await ready(it)
        images = [p["spec"]["containers"][0]["image"] for p in it.cluster.all(PODS)]
        assert images == ["two"] * 3


async def test_failed_daemons_are_replaced_with_a_growing_wait():
    async with running(DAEMONSET, setup=[(NODES, node("a")), (DAEMONSETS, daemonset())]) as it:
        for wait in (0, 1, 2):
            await it.settle(1)
            (pod,) = it.cluster.all(PODS)
            await it.cluster.set_status(PODS, pod, phase="Failed")
            await it.settle(wait)
            (new,) = it.cluster.all(PODS)
            assert new["metadata"]["uid"] != pod["metadata"]["uid"]
