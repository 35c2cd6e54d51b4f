from typing import Any

import pytest

from pinnace.api.objects import Object
from pinnace.proxy.plan import Endpoint, plan, stale_udp


def service(name: str = "web", **spec: Any) -> Object:
    ports = spec.pop("ports", [{"name": "http", "port": 80, "protocol": "TCP"}])
    return {
        "metadata": {"namespace": "default", "name": name},
        "spec": {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"], "ports": ports, **spec},
    }


def endpoints(*entries: Object, name: str = "web", port: int = 8080) -> Object:
    return {
        "metadata": {
            "namespace": "default",
            "name": f"{name}-x",
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
        "endpoints": list(entries),
    }


def endpoint(ip: str, *, node: str = "here", **conditions: bool) -> Object:
    return {"addresses": [ip], "nodeName": node, "conditions": conditions}


def test_a_port_is_matched_to_its_endpoints_by_name() -> None:
    [port] = plan([service()], [endpoints(endpoint("10.0.0.1", ready=True))], node="here")
    assert (port.name, port.protocol, port.port) == ("default/web:http/tcp", "tcp", 80)
    assert port.internal == (Endpoint("10.0.0.1", 8080),)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"clusterIP": "None", "clusterIPs": ["None"]}, id="headless"),
        pytest.param({"type": "ExternalName", "clusterIP": ""}, id="external-name"),
        pytest.param({"clusterIP": "", "clusterIPs": []}, id="not-allocated"),
    ],
)
def test_services_without_an_address_are_left_out(spec: Object) -> None:
    assert plan([service(**spec)], [], node="here") == []


def test_a_service_of_another_proxy_is_left_out() -> None:
    other = service()
    other["metadata"]["labels"] = {"service.kubernetes.io/service-proxy-name": "mesh"}
    assert plan([other], [], node="here") == []


def test_only_ready_endpoints_serve_while_there_is_one() -> None:
    pieces = endpoints(
        endpoint("10.0.0.1", ready=True),
        endpoint("10.0.0.2", ready=False, serving=True, terminating=True),
    )
    [port] = plan([service()], [pieces], node="here")
    assert port.internal == (Endpoint("10.0.0.1", 8080),)


def test_terminating_endpoints_serve_when_none_is_ready() -> None:
    pieces = endpoints(
        endpoint("10.0.0.1", ready=False, serving=False),
        endpoint("10.0.0.2", ready=False, serving=True, terminating=True),
    )
    [port] = plan([service()], [pieces], node="here")
    assert port.internal == (Endpoint("10.0.0.2", 8080),)


def test_local_policies_keep_endpoints_of_this_node() -> None:
    pieces = endpoints(
        endpoint("10.0.0.1", node="here", ready=True),
        endpoint("10.0.0.2", node="there", ready=True),
    )
    local = service(
        type="NodePort",
        externalTrafficPolicy="Local",
        ports=[{"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080}],
    )
    [port] = plan([local], [pieces], node="here")
    assert len(port.internal) == 2
    assert port.external == (Endpoint("10.0.0.1", 8080),)
    assert port.node_port == 30080


def test_affinity_is_three_hours_unless_told() -> None:
    [port] = plan([service(sessionAffinity="ClientIP")], [], node="here")
    assert port.affinity == 10800


def test_udp_flows_are_forgotten_when_an_endpoint_goes_or_the_first_comes() -> None:
    udp = [{"name": "http", "port": 53, "protocol": "UDP"}]

    def ports(*ips: str) -> Any:
        piece = endpoints(*(endpoint(ip, ready=True) for ip in ips))
        piece["ports"][0]["protocol"] = "UDP"
        return plan([service(ports=udp)], [piece], node="here")

    stale = [("10.96.0.7", 53)]
    assert stale_udp(ports("10.0.0.1", "10.0.0.2"), ports("10.0.0.1")) == stale
    assert stale_udp(ports("10.0.0.1"), []) == stale
    assert stale_udp(ports(), ports("10.0.0.1")) == stale
    assert stale_udp(ports("10.0.0.1"), ports("10.0.0.1", "10.0.0.2")) == []
