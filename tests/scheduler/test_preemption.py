from typing import Any

import pytest

from pinnace.api.objects import Object
from pinnace.scheduler.cycle import Chosen, Unschedulable, decide
from pinnace.scheduler.mirror import Mirror
from pinnace.scheduler.plugins.table import FILTERS, PREFILTERS, SCORES
from pinnace.scheduler.podinfo import PodInfo, pod_info
from pinnace.scheduler.preemption import Circumstances, NoPreemption, Preemption, preempt

HOST = "kubernetes.io/hostname"


def node(name: str, cpu: str = "4", **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "labels": {HOST: name}},
        "spec": spec,
        "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"}},
    }


def pod(
    name: str,
    cpu: str,
    priority: int,
    *,
    on: str = "",
    started: str = "",
    labels: dict[str, str] | None = None,
    **spec: Any,
) -> Object:
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}
    if on:
        spec["nodeName"] = on
    return {
        "metadata": {"namespace": "d", "name": name, "uid": name, "labels": labels or {}},
        "spec": {"containers": [container], "priority": priority, **spec},
        "status": {"startTime": f"2030-01-01T00:00:{started}Z"} if started else {},
    }


class World:
    def __init__(self, *objects: Object) -> None:
        self.mirror = Mirror(
            scheduler_name="default-scheduler",
            now=lambda: 0.0,
            namespaces_matching=lambda _selector: (),
        )
        for each in objects:
            if "containers" in each["spec"]:
                self.mirror.pod_changed(None, each)
            else:
                self.mirror.node_changed(None, each)

    def decide(self, wanted: Object) -> Chosen | Unschedulable:
        return decide(
            pod_info(wanted),
            self.mirror.state,
            prefilters=PREFILTERS,
            filters=FILTERS,
            scores=SCORES,
            random=lambda: 0.0,
        )

    def preempt(self, wanted: Object, *budgets: Object) -> Preemption | NoPreemption:
        failed = self.decide(wanted)
        assert isinstance(failed, Unschedulable)
        assert failed.helpable is not None
        before = self.mirror.state.columns.requested.copy()
        around = Circumstances(FILTERS, budgets, _as_it_is)
        found = preempt(pod_info(wanted), self.mirror.state, failed.helpable, around)
        assert (self.mirror.state.columns.requested == before).all()
        return found


def _as_it_is(info: PodInfo) -> Object:
    return info.pod


def chosen(found: Preemption | NoPreemption) -> tuple[str, list[str]]:
    assert isinstance(found, Preemption)
    return found.node, [each.key.name for each in found.victims]


def message(found: Preemption | NoPreemption) -> str:
    assert isinstance(found, NoPreemption)
    return found.message


def budget(app: str, allowed: int) -> Object:
    return {
        "metadata": {"namespace": "d", "name": app},
        "spec": {"selector": {"matchLabels": {"app": app}}},
        "status": {"disruptionsAllowed": allowed},
    }


def test_only_as_many_as_needed_go_and_the_least_important() -> None:
    world = World(
        node("n1"), pod("a", "2", 5, on="n1"), pod("b", "1", 1, on="n1"), pod("c", "1", 3, on="n1")
    )
    assert chosen(world.preempt(pod("p", "1", 10))) == ("n1", ["b"])
    assert chosen(world.preempt(pod("p", "2", 10))) == ("n1", ["c", "b"])


def test_of_equal_priorities_the_one_that_started_last_goes() -> None:
    world = World(
        node("n1"),
        pod("old", "2", 1, on="n1", started="01"),
        pod("new", "2", 1, on="n1", started="09"),
    )
    assert chosen(world.preempt(pod("p", "2", 10))) == ("n1", ["new"])


@pytest.mark.parametrize(
    ("running", "budgets", "wins"),
    [
        pytest.param(
            [
                pod("a", "4", 1, on="n1", labels={"app": "guarded"}),
                pod("b", "4", 5, on="n2"),
            ],
            [budget("guarded", 0)], "n2", id="fewest-budgets-violated",
        ),
        pytest.param(
            [pod("a", "4", 5, on="n1"), pod("b", "2", 3, on="n2"), pod("c", "2", 3, on="n2")],
            [], "n2", id="lowest-highest-priority",
        ),
        pytest.param(
            [
                pod("a", "2", 3, on="n1"), pod("b", "2", 2, on="n1"),
                pod("c", "2", 3, on="n2"), pod("d", "2", 1, on="n2"),
            ],
            [], "n2", id="smallest-sum",
        ),
        pytest.param(
            [
                pod("a", "2", -2**31, on="n1"), pod("b", "2", -2**31, on="n1"),
                pod("c", "4", -2**31, on="n2"),
            ],
            [], "n2", id="fewest-victims",
        ),
        pytest.param(
            [pod("a", "4", 1, on="n1", started="01"), pod("b", "4", 1, on="n2", started="09")],
            [], "n2", id="latest-start",
        ),
    ],
)  # fmt: skip
def test_the_node_where_it_hurts_least_is_taken(
    running: list[Object], budgets: list[Object], wins: str
) -> None:
    world = World(node("n1"), node("n2"), *running)
    assert chosen(world.preempt(pod("p", "4", 10), *budgets))[0] == wins


def test_pods_whose_budget_would_break_are_spared_first() -> None:
    world = World(
        node("n1"),
        pod("guarded", "2", 1, on="n1", labels={"app": "x"}),
        pod("free", "2", 5, on="n1"),
    )
    assert chosen(world.preempt(pod("p", "2", 10), budget("x", 0))) == ("n1", ["free"])
    assert chosen(world.preempt(pod("p", "2", 10), budget("x", 1))) == ("n1", ["guarded"])


def test_upstreams_sentence_tells_why_nobody_is_evicted() -> None:
    world = World(
        node("n1"), node("n2", unschedulable=True), node("n3", cpu="1"), pod("a", "4", 20, on="n1")
    )
    wanted = pod("p", "2", 10)
    failed = world.decide(wanted)
    assert isinstance(failed, Unschedulable)
    assert failed.message == (
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu."
    )
    assert message(world.preempt(wanted)) == (
        "no new claims to deallocate, preemption: 0/3 nodes are available: "
        "1 No preemption victims found for incoming pod, "
        "2 Preemption is not helpful for scheduling."
    )


def test_a_node_that_is_still_too_full_tells_what_it_lacks() -> None:
    world = World(node("n1"), pod("high", "3", 20, on="n1"), pod("low", "1", 1, on="n1"))
    assert message(world.preempt(pod("p", "2", 10))) == (
        "no new claims to deallocate, preemption: 0/1 nodes are available: 1 Insufficient cpu."
    )


def test_who_must_not_preempt_does_not() -> None:
    world = World(node("n1"), pod("a", "4", 1, on="n1"))
    found = world.preempt(pod("p", "4", 10, preemptionPolicy="Never"))
    assert message(found) == (
        "no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never."
    )


def test_nobody_more_is_evicted_while_victims_terminate_on_the_nominated_node() -> None:
    victim = pod("a", "4", 1, on="n1")
    world = World(node("n1"), victim)
    wanted = pod("p", "4", 10)
    world.mirror.nominate(pod_info(wanted), "n1")
    assert chosen(world.preempt(wanted)) == ("n1", ["a"])
    victim["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:30Z"
    told = {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}
    victim["status"]["conditions"] = [told]
    found = world.preempt(wanted)
    assert isinstance(found, NoPreemption)
    assert found.message.endswith("not eligible due to a terminating pod on the nominated node.")
    assert not found.withdraw


def test_host_ports_and_anti_affinity_are_worth_an_eviction() -> None:
    port = {"name": "c", "image": "i", "ports": [{"containerPort": 80, "hostPort": 80}]}
    taken = pod("a", "1", 1, on="n1", containers=[port])
    other = pod("b", "1", 1, on="n1", labels={"app": "x"})
    world = World(node("n1"), taken, other)
    assert chosen(world.preempt(pod("p", "1", 10, containers=[port]))) == ("n1", ["a"])
    term = {"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": HOST}
    away = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    assert chosen(world.preempt(pod("q", "1", 10, affinity=away))) == ("n1", ["b"])


def test_the_room_of_a_nominated_pod_is_kept_from_lower_priorities() -> None:
    world = World(node("n1"))
    world.mirror.nominate(pod_info(pod("p", "3", 10)), "n1")
    assert isinstance(world.decide(pod("low", "2", 1)), Unschedulable)
    assert world.decide(pod("high", "2", 20)) == Chosen("n1")
    assert world.decide(pod("p", "3", 10)) == Chosen("n1")
    assert not world.mirror.state.columns.placed


def test_a_nominated_pod_takes_its_node_though_others_suit_better() -> None:
    wanted = pod("p", "1", 10)
    world = World(node("n1"), node("n2"), pod("a", "2", 1, on="n2"))
    world.mirror.nominate(pod_info(wanted), "n2")
    assert world.decide(wanted) == Chosen("n2")
