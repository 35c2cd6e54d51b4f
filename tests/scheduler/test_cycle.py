from typing import Any

import pytest

from pinnace.api.objects import Object
from pinnace.scheduler.cycle import Chosen, Unschedulable, decide
from pinnace.scheduler.mirror import Mirror
from pinnace.scheduler.plugins.table import FILTERS, SCORES
from pinnace.scheduler.podinfo import pod_info


def node(name: str, *, cpu: str = "4", labels: dict[str, str] | None = None, **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": spec,
        "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"}},
    }


def pod(name: str, *, labels: dict[str, str] | None = None, cpu: str = "", **spec: Any) -> Object:
    container: Object = {"name": "c", "image": "i"}
    if cpu:
        container["resources"] = {"requests": {"cpu": cpu}}
    if "ports" in spec:
        container["ports"] = spec.pop("ports")
    meta = {"namespace": "default", "name": name, "uid": f"uid-{name}", "labels": labels or {}}
    return {"metadata": meta, "spec": {"containers": [container], **spec}}


class World:
    def __init__(self, *nodes: Object) -> None:
        self.mirror = Mirror(
            scheduler_name="default-scheduler",
            now=lambda: 0.0,
            namespaces_matching=lambda _selector: ["default"],
        )
        for entry in nodes:
            self.mirror.node_changed(None, entry)

    def run(self, *pods: Object) -> "World":
        for entry in pods:
            self.mirror.pod_changed(None, entry)
        return self

    def decide(self, wanted: Object) -> str:
        decided = decide(
            pod_info(wanted), self.mirror.state, filters=FILTERS, scores=SCORES, random=lambda: 0.0
        )
        return decided.node if isinstance(decided, Chosen) else decided.message


def on(name: str, host: str, **more: Any) -> Object:
    return pod(name, nodeName=host, **more)


def anti(app: str, key: str = "kubernetes.io/hostname") -> Object:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def near(app: str, key: str) -> Object:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key}
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


TAINT = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}
ZONES = (
    node("a1", labels={"zone": "a"}),
    node("a2", labels={"zone": "a"}),
    node("b1", labels={"zone": "b"}),
)


def test_the_least_used_node_is_chosen() -> None:
    world = World(node("n1"), node("n2")).run(on("x", "n1", cpu="2"))
    assert world.decide(pod("p", cpu="1")) == "n2"


@pytest.mark.parametrize(
    ("nodes", "running", "wanted", "message"),
    [
        pytest.param(
            [node("n1", cpu="1"), node("n2", cpu="1")], [], pod("p", cpu="2"),
            "0/2 nodes are available: 2 Insufficient cpu.", id="cpu",
        ),
        pytest.param(
            [node("n1"), node("n2", unschedulable=True)], [], pod("p", cpu="9"),
            "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable.",
            id="two-reasons",
        ),
        pytest.param(
            [node("n1", taints=[TAINT])], [], pod("p"),
            "0/1 nodes are available: 1 node(s) had untolerated taint(s).", id="taint",
        ),
        pytest.param(
            [node("n1")], [], pod("p", nodeSelector={"disk": "ssd"}),
            "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
            id="selector",
        ),
        pytest.param(
            [node("n1")], [on("x", "n1", ports=[{"containerPort": 80, "hostPort": 80}])],
            pod("p", ports=[{"containerPort": 80, "hostPort": 80}]),
            "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod "
            "ports.", id="host-port",
        ),
        pytest.param(
            [node("n1")], [on("x", "n1", labels={"app": "db"})], pod("p", affinity=anti("db")),
            "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.",
            id="anti-affinity",
        ),
        pytest.param(
            [node("n1")], [on("x", "n1", affinity=anti("web"))],
            pod("p", labels={"app": "web"}),
            "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity "
            "rules.", id="existing-anti-affinity",
        ),
        pytest.param(
            [node("n1")], [], pod("p", affinity=near("db", "kubernetes.io/hostname")),
            "0/1 nodes are available: 1 node(s) didn't match pod affinity rules.", id="affinity",
        ),
        pytest.param(
            [], [], pod("p"), "no nodes available to schedule pods", id="no-nodes",
        ),
        pytest.param(
            [node("n1")], [],
            pod("p", cpu="1", overhead={"example.com/gpu": "1"}),
            "0/1 nodes are available: 1 Insufficient example.com/gpu.", id="extended-resource",
        ),
    ],
)  # fmt: skip
def test_says_why_no_node_suits(
    nodes: list[Object], running: list[Object], wanted: Object, message: str
) -> None:
    assert World(*nodes).run(*running).decide(wanted) == message


def test_a_toleration_lets_a_pod_on_a_tainted_node() -> None:
    world = World(node("n1", taints=[TAINT]))
    assert world.decide(pod("p", tolerations=[{"key": "dedicated", "operator": "Exists"}])) == "n1"


def test_host_ports_on_different_addresses_do_not_conflict() -> None:
    port = {"containerPort": 80, "hostPort": 80, "hostIP": "127.0.0.1"}
    world = World(node("n1")).run(on("x", "n1", ports=[port]))
    assert world.decide(pod("p", ports=[{**port, "hostIP": "127.0.0.2"}])) == "n1"


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        pytest.param({"key": "cores", "operator": "Gt", "values": ["4"]}, "n2", id="gt"),
        pytest.param({"key": "cores", "operator": "Lt", "values": ["5"]}, "n1", id="lt"),
        pytest.param({"key": "disk", "operator": "Exists"}, "n2", id="exists"),
        pytest.param({"key": "disk", "operator": "DoesNotExist"}, "n1", id="does-not-exist"),
        pytest.param({"key": "cores", "operator": "NotIn", "values": ["4"]}, "n2", id="not-in"),
    ],
)
def test_node_affinity_operators(expression: Object, chosen: str) -> None:
    world = World(node("n1", labels={"cores": "4"}), node("n2", labels={"cores": "8", "disk": "x"}))
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    assert world.decide(pod("p", affinity=affinity)) == chosen


def test_affinity_counts_the_whole_domain() -> None:
    world = World(*ZONES).run(on("x", "a1", labels={"app": "db"}, cpu="4"))
    assert world.decide(pod("p", cpu="1", affinity=near("db", "zone"))) == "a2"


def test_the_first_of_a_group_may_go_anywhere() -> None:
    world = World(*ZONES)
    first = pod("p", labels={"app": "db"}, affinity=near("db", "zone"))
    assert world.decide(first) in ("a1", "a2", "b1")


def test_anti_affinity_by_zone_leaves_the_other_zone() -> None:
    world = World(*ZONES).run(on("x", "a1", labels={"app": "db"}))
    assert world.decide(pod("p", affinity=anti("db", "zone"))) == "b1"


def test_hard_spread_fills_the_emptier_zone() -> None:
    spread = {
        "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }  # fmt: skip
    world = World(*ZONES).run(on("x", "a1", labels={"app": "web"}))
    wanted = pod("p", labels={"app": "web"}, topologySpreadConstraints=[spread])
    assert world.decide(wanted) == "b1"


def test_what_a_gone_pod_used_is_free_again() -> None:
    running = on("x", "n1", cpu="4")
    world = World(node("n1")).run(running)
    assert "Insufficient cpu" in world.decide(pod("p", cpu="1"))
    world.mirror.pod_changed(running, None)
    assert world.decide(pod("p", cpu="1")) == "n1"


def test_pods_seen_before_their_node_count_once_it_comes() -> None:
    world = World().run(on("x", "n1", cpu="4"))
    world.mirror.node_changed(None, node("n1"))
    assert "Insufficient cpu" in world.decide(pod("p", cpu="1"))


def test_a_node_that_went_and_came_back_counts_its_pods_again() -> None:
    world = World(node("n1")).run(on("x", "n1", cpu="4"))
    world.mirror.node_changed(node("n1"), None)
    assert isinstance(world.decide(pod("p", cpu="1")), str)
    world.mirror.node_changed(None, node("n1"))
    assert "Insufficient cpu" in world.decide(pod("p", cpu="1"))


def test_columns_grow_with_the_cluster() -> None:
    world = World(*(node(f"n{number}", cpu="1") for number in range(300)))
    for number in range(299):
        world.run(on(f"x{number}", f"n{number}", cpu="1"))
    assert world.decide(pod("p", cpu="1")) == "n299"


def test_unschedulable_is_a_value_with_the_reason() -> None:
    world = World()
    decided = decide(
        pod_info(pod("p")), world.mirror.state, filters=FILTERS, scores=SCORES, random=lambda: 0.0
    )
    assert isinstance(decided, Unschedulable)
