import ipaddress

import pytest
from tests.controllers.fake_cluster import running

from pinnace.api.kinds.coordination import LEASES
from pinnace.api.kinds.core import NODES, PODS
from pinnace.controllers.base import Config
from pinnace.controllers.node_ipam import NODE_IPAM, Parts
from pinnace.controllers.node_lifecycle import NODE_LIFECYCLE, wanted_taints
from pinnace.controllers.pod_gc import POD_GC
from pinnace.controllers.shared.taints import toleration_time
from pinnace.controllers.taint_eviction import TAINT_EVICTION
from pinnace.kit.clock import VirtualClock

NOW = VirtualClock().now()
UNREACHABLE = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}


def node(name="a", *, ready="True", taints=(), **spec):
    heartbeat = "2030-01-01T00:00:00Z"
    told = {"type": "Ready", "status": ready, "lastHeartbeatTime": heartbeat}
    return {
        "metadata": {"name": name},
        "spec": {**spec, **({"taints": list(taints)} if taints else {})},
        "status": {"conditions": [told]},
    }


def pod(*tolerations, name="p", node="a", phase="Running", **meta):
    return {
        "metadata": {"name": name, "namespace": "n", **meta},
        "spec": {"nodeName": node, "tolerations": list(tolerations)},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": "True"}]},
    }


async def renew(it, name):
    meta = {"name": name, "namespace": "kube-node-lease"}
    spec = {"renewTime": it.clock.now().isoformat()}
    if any(lease["metadata"]["name"] == name for lease in it.cluster.all(LEASES)):
        await it.cluster.update(LEASES, {"metadata": meta, "spec": spec})
    else:
        await it.cluster.create(LEASES, {"metadata": meta, "spec": spec})


async def live(it, seconds, *names):
    for _ in range(seconds // 10):
        for name in names:
            await renew(it, name)
        await it.settle(10)


async def test_a_silent_node_is_unknown_tainted_and_its_pods_are_not_ready():
    setup = [(NODES, node("a")), (NODES, node("b")), (PODS, pod())]
    async with running(NODE_LIFECYCLE, setup=setup) as it:
        await live(it, 40, "b")
        lost = await it.cluster.get(NODES, "a")
        assert lost["status"]["conditions"][0]["status"] == "True"
        await live(it, 30, "b")
        lost = await it.cluster.get(NODES, "a")
        told = {c["type"]: (c["status"], c["reason"]) for c in lost["status"]["conditions"]}
        assert told["Ready"] == ("Unknown", "NodeStatusUnknown")
        assert told["MemoryPressure"] == ("Unknown", "NodeStatusNeverUpdated")
        effects = {(t["key"], t["effect"]) for t in lost["spec"]["taints"]}
        assert effects == {
            ("node.kubernetes.io/unreachable", "NoSchedule"),
            ("node.kubernetes.io/unreachable", "NoExecute"),
        }
        (left,) = it.cluster.all(PODS)
        assert left["status"]["conditions"][0]["status"] == "False"
        assert "taints" not in (await it.cluster.get(NODES, "b"))["spec"]


async def test_nothing_is_evicted_when_no_node_is_ready():
    async with running(NODE_LIFECYCLE, setup=[(NODES, node("a")), (NODES, node("b"))]) as it:
        await it.settle(70)
        for found in it.cluster.all(NODES):
            assert [t["effect"] for t in found["spec"]["taints"]] == ["NoSchedule"]


async def test_a_node_that_is_back_loses_its_taints():
    setup = [(NODES, node("a", ready="False")), (NODES, node("b"))]
    async with running(NODE_LIFECYCLE, setup=setup) as it:
        await it.settle()
        found = await it.cluster.get(NODES, "a")
        assert len(found["spec"]["taints"]) == 2
        await it.cluster.set_status(NODES, found, **node()["status"])
        await it.settle()
        assert "taints" not in (await it.cluster.get(NODES, "a"))["spec"]


def test_taints_of_others_are_kept_and_cordoned_nodes_are_tainted():
    mine = {"key": "mine", "effect": "NoSchedule"}
    found = wanted_taints(node(taints=[mine], unschedulable=True), evict=True, now=NOW)
    assert [taint["key"] for taint in found] == ["mine", "node.kubernetes.io/unschedulable"]


@pytest.mark.parametrize(
    ("tolerations", "seconds"),
    [
        ([], 0),
        ([{"operator": "Exists"}], None),
        ([{"key": UNREACHABLE["key"], "operator": "Exists", "tolerationSeconds": 300}], 300),
        ([{"key": UNREACHABLE["key"], "operator": "Exists", "effect": "NoSchedule"}], 0),
        ([{"operator": "Exists", "tolerationSeconds": -5}], 0),
        ([{"operator": "Exists"}, {"operator": "Exists", "tolerationSeconds": 5}], 5),
    ],
)
def test_how_long_a_pod_may_stay(tolerations, seconds):
    found = toleration_time([UNREACHABLE], tolerations)
    assert (None if found is None else found.total_seconds()) == seconds


async def test_pods_leave_a_tainted_node_when_their_time_is_up():
    patient = {"operator": "Exists", "tolerationSeconds": 100}
    setup = [
        (NODES, node("a")),
        (PODS, pod(name="now")),
        (PODS, pod(patient, name="later")),
        (PODS, pod({"operator": "Exists"}, name="never")),
    ]
    async with running(TAINT_EVICTION, setup=setup) as it:
        found = await it.cluster.get(NODES, "a")
        found["spec"]["taints"] = [UNREACHABLE]
        await it.cluster.update(NODES, found)
        await it.settle(50)
        assert [p["metadata"]["name"] for p in it.cluster.all(PODS)] == ["later", "never"]
        await it.settle(51)
        assert [p["metadata"]["name"] for p in it.cluster.all(PODS)] == ["never"]


async def test_eviction_is_cancelled_when_the_taint_goes():
    patient = {"operator": "Exists", "tolerationSeconds": 100}
    setup = [(NODES, node("a", taints=[UNREACHABLE])), (PODS, pod(patient))]
    async with running(TAINT_EVICTION, setup=setup) as it:
        await it.settle(50)
        found = await it.cluster.get(NODES, "a")
        del found["spec"]["taints"]
        await it.cluster.update(NODES, found)
        await it.settle(100)
        assert len(it.cluster.all(PODS)) == 1


async def test_pods_of_a_node_that_is_gone_are_failed_and_deleted_after_the_quarantine():
    setup = [
        (PODS, pod(finalizers=["x/keep"])),
        (NODES, node("b")),
        (PODS, pod(name="q", node="b")),
    ]
    async with running(POD_GC, setup=setup) as it:
        await it.settle(39)
        assert all(p["status"]["phase"] == "Running" for p in it.cluster.all(PODS))
        await it.settle(21)
        gone = await it.cluster.get(PODS, "p", namespace="n")
        assert gone["status"]["phase"] == "Failed"
        assert "deletionTimestamp" in gone["metadata"]
        assert gone["status"]["conditions"][-1]["reason"] == "DeletionByPodGC"
        kept = await it.cluster.get(PODS, "q", namespace="n")
        assert kept["status"]["phase"] == "Running"


async def test_the_oldest_ended_pods_beyond_the_threshold_go():
    setup = [(PODS, pod(name=f"p{n}", node="", phase="Succeeded")) for n in range(5)]
    config = Config(terminated_pod_threshold=2)
    async with running(POD_GC, setup=setup, config=config) as it:
        await it.settle(1)
        assert [p["metadata"]["name"] for p in it.cluster.all(PODS)] == ["p3", "p4"]


async def test_every_node_gets_its_own_range_of_each_family():
    setup = [(NODES, node("a")), (NODES, node("b"))]
    config = Config(cluster_cidrs=("10.244.0.0/16", "fd00:10::/56"))
    async with running(NODE_IPAM, setup=setup, config=config) as it:
        await it.settle()
        ranges = [tuple(n["spec"]["podCIDRs"]) for n in it.cluster.all(NODES)]
        assert ranges == [
            ("10.244.0.0/24", "fd00:10::/64"),
            ("10.244.1.0/24", "fd00:10:0:1::/64"),
        ]
        assert it.cluster.all(NODES)[0]["spec"]["podCIDR"] == "10.244.0.0/24"


def test_a_full_range_has_no_free_part_until_one_is_given_back():
    parts = Parts(ipaddress.ip_network("10.0.0.0/23"), 24)
    first = parts.free()
    assert str(first) == "10.0.0.0/24"
    parts.count(first, 1)
    parts.count(ipaddress.ip_network("10.0.1.128/25"), 1)
    assert parts.free() is None
    parts.count(first, -1)
    assert parts.free() == first


def test_a_network_around_the_range_takes_all_of_it():
    parts = Parts(ipaddress.ip_network("10.0.0.0/23"), 24)
    parts.count(ipaddress.ip_network("10.0.0.0/8"), 1)
    parts.count(ipaddress.ip_network("192.168.0.0/16"), 1)
    assert parts.free() is None
