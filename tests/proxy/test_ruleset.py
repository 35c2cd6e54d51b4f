from dataclasses import replace

from pinnace.proxy.plan import Endpoint, ServicePort
from pinnace.proxy.ruleset import Ruleset, change, remove, ruleset, whole

WEB = ServicePort(
    name="default/web:http/tcp",
    protocol="tcp",
    port=80,
    cluster_ips=("10.96.0.7",),
    node_port=30080,
    internal=(Endpoint("10.244.0.4", 8080), Endpoint("10.244.0.5", 8080)),
    external=(Endpoint("10.244.0.4", 8080), Endpoint("10.244.0.5", 8080)),
)


def render(*ports: ServicePort) -> Ruleset:
    return ruleset(ports, pod_cidr="10.244.0.0/16")


def test_each_address_points_at_the_chain_of_its_service() -> None:
    rules = render(WEB)
    [verdict] = rules.elements["service-ips"].values()
    assert list(rules.elements["service-ips"]) == ["10.96.0.7 . tcp . 80"]
    assert rules.chains[verdict.removeprefix("goto ")] == (
        "ip saddr != 10.244.0.0/16 jump mark-for-masquerade",
        "meta l4proto tcp dnat ip to numgen random mod 2 map "
        "{ 0 : 10.244.0.4 . 8080, 1 : 10.244.0.5 . 8080 }",
    )
    assert list(rules.elements["service-nodeports"]) == ["tcp . 30080"]


def test_a_service_without_endpoints_is_rejected() -> None:
    rules = render(replace(WEB, internal=(), external=()))
    assert rules.elements["service-ips"] == {}
    assert rules.elements["no-endpoint-services"] == {"10.96.0.7 . tcp . 80": "goto reject-chain"}
    assert rules.elements["no-endpoint-nodeports"] == {"tcp . 30080": "goto reject-chain"}
    assert rules.chains == {}


def test_local_external_traffic_keeps_the_client_address() -> None:
    rules = render(replace(WEB, external_local=True))
    [verdict] = rules.elements["service-nodeports"].values()
    assert "jump mark-for-masquerade" not in rules.chains[verdict.removeprefix("goto ")]


def test_affinity_gives_each_endpoint_a_chain_and_a_set() -> None:
    rules = render(replace(WEB, affinity=600, node_port=0, external=()))
    assert sorted(rules.affinities.values()) == [600, 600]
    assert sum(name.startswith("ep-") for name in rules.chains) == 2


def test_nothing_is_said_when_nothing_changed() -> None:
    assert change("t", render(WEB), render(WEB)) == ""


def test_a_changed_endpoint_rewrites_only_its_chains() -> None:
    other = replace(WEB, name="default/other:http/tcp", cluster_ips=("10.96.0.8",), node_port=30081)
    moved = replace(WEB, internal=(Endpoint("10.244.0.9", 8080),))
    text = change("t", render(WEB, other), render(moved, other))
    flushed = [line for line in text.splitlines() if line.startswith("flush chain")]
    assert len(flushed) == 1
    assert "10.96.0.8" not in text
    assert "add element ip t hairpin { 10.244.0.9 . 10.244.0.9 }" in text


def test_a_removed_service_takes_its_elements_before_its_chains() -> None:
    lines = change("t", render(WEB), render()).splitlines()
    assert lines[-1].startswith("delete chain")
    assert any(line.startswith("delete element ip t service-ips") for line in lines)
    positions = [at for at, line in enumerate(lines) if line.startswith("delete chain")]
    elements = [at for at, line in enumerate(lines) if line.startswith("delete element")]
    assert max(elements) < min(positions)


def test_the_whole_table_is_made_anew_and_can_be_removed() -> None:
    text = whole("t", render(WEB), service_cidr="10.96.0.0/16", bridge="br0")
    assert text.startswith("add table ip t\ndelete table ip t\nadd table ip t\n")
    assert remove("t") == "add table ip t\ndelete table ip t\n"
