from typing import Any

from pinnace.apiserver.services.unsaid import fill_unsaid

HELD = {
    "type": "NodePort",
    "clusterIP": "10.0.0.1",
    "clusterIPs": ["10.0.0.1"],
    "ports": [{"name": "web", "port": 80, "protocol": "TCP", "nodePort": 30000}],
}


def filled(old: Any = None, **spec: Any) -> Any:
    new = {"spec": spec}
    fill_unsaid(new, {"spec": old} if old else None)
    return new["spec"]


def test_what_was_allocated_stays_when_the_client_leaves_it_out() -> None:
    ports = [{"name": "web", "port": 80, "protocol": "TCP"}]
    assert filled(HELD, type="NodePort", ports=ports) == HELD


def test_a_port_keeps_its_node_port_by_its_name() -> None:
    ports = [{"name": "web", "port": 81}, {"name": "other", "port": 80}]
    now = filled(HELD, type="NodePort", ports=ports)["ports"]
    assert [port.get("nodePort") for port in now] == [30000, None]


def test_a_node_port_that_another_port_asks_for_is_not_given_twice() -> None:
    ports = [{"name": "web", "port": 80}, {"name": "other", "port": 81, "nodePort": 30000}]
    now = filled(HELD, type="NodePort", ports=ports)["ports"]
    assert [port.get("nodePort") for port in now] == [None, 30000]


def test_who_knows_one_address_only_may_change_that_one() -> None:
    assert filled(**{**HELD, "clusterIPs": []})["clusterIPs"] == ["10.0.0.1"]
    assert filled(HELD, **{**HELD, "clusterIP": "None"})["clusterIPs"] == ["None"]
    gone = {**HELD, "type": "ExternalName", "clusterIP": ""}
    assert "clusterIPs" not in filled(HELD, **gone)
