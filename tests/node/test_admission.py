import pytest

from pinnace.node.admission import refusal
from pinnace.node.podspec import sysctls
from pinnace.testing.kubelet_stage import make_container, make_pod

NODE = {
    "metadata": {"name": "node-1", "labels": {"zone": "a"}},
    "spec": {},
    "status": {"allocatable": {"cpu": "2", "memory": "1Gi", "pods": "3"}},
}


def wants(**requests):
    return make_pod(containers=[make_container(resources={"requests": requests})])


def port(number, **more):
    return make_pod(
        containers=[make_container(ports=[{"containerPort": 80, "hostPort": number, **more}])]
    )


def affinity(*expressions, **more):
    term = {"matchExpressions": list(expressions), **more}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    return make_pod(affinity={"nodeAffinity": required})


TAKEN = {
    "fits": (wants(cpu="1"), [wants(cpu="1")]),
    "another protocol": (port(80, protocol="UDP"), [port(80)]),
    "another address": (port(80, hostIP="1.1.1.1"), [port(80, hostIP="1.1.1.2")]),
    "right label": (make_pod(nodeSelector={"zone": "a"}), []),
    "right name": (
        affinity(matchFields=[{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]),
        [],
    ),
    "a resource that the node does not know": (wants(**{"example.com/x": "1"}), []),
}


@pytest.mark.parametrize(("pod", "others"), TAKEN.values(), ids=TAKEN)
def test_takes(pod, others):
    assert refusal(pod, others, NODE) is None


REFUSED = {
    "cpu": (wants(cpu="1500m"), [wants(cpu="1")], "OutOfcpu"),
    "memory": (wants(memory="2Gi"), [], "OutOfmemory"),
    "pods": (make_pod(), [make_pod()] * 3, "OutOfpods"),
    "port": (port(80), [port(80, hostIP="1.1.1.1")], "NodePorts"),
    "host network": (
        make_pod(hostNetwork=True, containers=[make_container(ports=[{"containerPort": 80}])]),
        [port(80)],
        "NodePorts",
    ),
    "wrong label": (make_pod(nodeSelector={"zone": "b"}), [], "NodeAffinity"),
    "wrong affinity": (
        affinity({"key": "zone", "operator": "NotIn", "values": ["a"]}),
        [],
        "NodeAffinity",
    ),
    "sysctl": (
        make_pod(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}),
        [],
        "SysctlForbidden",
    ),
    "windows": (make_pod(os={"name": "windows"}), [], "PodOSNotSupported"),
}


@pytest.mark.parametrize(("pod", "others", "reason"), REFUSED.values(), ids=REFUSED)
def test_refuses(pod, others, reason):
    refused = refusal(pod, others, NODE)
    assert refused is not None
    assert refused.reason == reason


def test_says_what_is_lacking_in_upstreams_words():
    refused = refusal(wants(cpu="1500m"), [wants(cpu="1")], NODE)
    assert refused is not None
    assert refused.message == (
        "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000"
    )
    refused = refusal(make_pod(nodeSelector={"zone": "b"}), [], NODE)
    assert refused is not None
    assert refused.message == (
        "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
    )


def test_only_no_execute_taints_keep_a_bound_pod_out():
    taint = {"key": "k", "effect": "NoExecute"}
    tainted = {**NODE, "spec": {"taints": [taint, {"key": "x", "effect": "NoSchedule"}]}}
    refused = refusal(make_pod(), [], tainted)
    assert refused is not None
    assert refused.reason == "TaintToleration"
    tolerant = make_pod(tolerations=[{"operator": "Exists"}])
    assert refusal(tolerant, [], tainted) is None


def test_a_sysctl_may_be_named_with_slashes():
    given = [{"name": "kernel/shm_rmid_forced", "value": "1"}]
    assert refusal(make_pod(securityContext={"sysctls": given}), [], NODE) is None
    names = ["net/ipv4/conf/eth0.1/rp_filter", "net.ipv4.conf.eth0/1.rp_filter", "plain"]
    pod = make_pod(securityContext={"sysctls": [{"name": n, "value": "2"} for n in names]})
    assert sysctls(pod) == {"net.ipv4.conf.eth0/1.rp_filter": "2", "plain": "2"}
