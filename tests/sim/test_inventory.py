from ipaddress import ip_network

from pinnace.api.objects import Object
from pinnace.sim.inventory import PlayedNode, Range


def node(*cidrs: str, **allocatable: str) -> Object:
    given = {"cpu": "2", "pods": "2", **allocatable}
    spec = {"podCIDRs": list(cidrs)} if cidrs else {}
    return {"metadata": {"name": "n"}, "spec": spec, "status": {"allocatable": given}}


def pod(name: str, **requests: str) -> Object:
    container = {"name": "c", "resources": {"requests": requests}}
    return {"metadata": {"name": name, "uid": name}, "spec": {"containers": [container]}}


def played(*cidrs: str) -> PlayedNode:
    made = PlayedNode(node(), Range(ip_network("100.64.0.0/10")))
    made.update(node(*cidrs))
    return made


def test_addresses_come_from_every_family_of_the_node() -> None:
    assert played("10.244.1.0/24", "fd00::/64").hold(pod("a")) == ("10.244.1.1", "fd00::1")


def test_a_node_without_a_range_uses_the_spare_one() -> None:
    assert played().hold(pod("a")) == ("100.64.0.1",)


def test_an_address_is_held_until_its_pod_is_gone() -> None:
    made = played("10.244.1.0/30")
    assert made.hold(pod("a")) == made.hold(pod("a")) == ("10.244.1.1",)
    assert made.hold(pod("b")) == ("10.244.1.2",)
    assert made.hold(pod("c")) == ()
    made.drop("a")
    assert made.hold(pod("d")) == ("10.244.1.1",)


def test_a_pod_that_the_node_cannot_hold_is_refused() -> None:
    made = played()
    made.hold(pod("a", cpu="1500m"))
    assert made.refusal(pod("b", cpu="500m")) is None
    assert made.refusal(pod("b", cpu="1")) == (
        "OutOfcpu",
        "Node didn't have enough resource: cpu, requested: 1000, used: 1500, capacity: 2000",
    )
    made.hold(pod("b"))
    reason, _ = made.refusal(pod("c")) or ("", "")
    assert reason == "OutOfpods"
    made.drop("a")
    assert made.refusal(pod("c", cpu="2")) is None
