import errno

import pytest

from pinnace.api.errors import BadRequest, ServiceUnavailable
from pinnace.api.wire import Request
from pinnace.apiserver.connect.backend import unreachable
from pinnace.apiserver.connect.target import (
    Target,
    container_of,
    pod_target,
    ports_of,
    refuse_local,
    service_target,
)

LOCAL = ["127.0.0.1", "::1", "169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", ""]


def test_a_backend_that_cannot_be_reached_is_told_of_in_gos_words() -> None:
    target = Target("10.0.0.1", 80, "/", tls=False)
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed")
    why = "error trying to reach service: dial tcp 10.0.0.1:80: "
    assert str(unreachable(target, refused)) == why + "connect: connection refused"
    assert str(unreachable(target, TimeoutError())) == why + "i/o timeout"


def pod(ip):
    return {
        "metadata": {"name": "p", "namespace": "a"},
        "spec": {"containers": [{"name": "c", "ports": [{"containerPort": 80}]}]},
        "status": {"podIP": ip, "podIPs": [{"ip": ip}]},
    }


@pytest.mark.parametrize("address", LOCAL)
def test_no_pod_leads_to_the_servers_own_machine(address):
    with pytest.raises(BadRequest, match="address not allowed"):
        pod_target(pod(address), "", "", "/")
    with pytest.raises(BadRequest, match="address not allowed"):
        refuse_local(address)


def test_a_pods_first_port_is_its_usual_one():
    found = pod_target(pod("10.0.0.1"), "", "", "/x")
    assert (found.host, found.port, found.tls, found.kubelet) == ("10.0.0.1", 80, False, False)


@pytest.mark.parametrize("port", ["http", "-1", "1x"])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(BadRequest, match="invalid port"):
        pod_target(pod("10.0.0.1"), "", port, "/")


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ({"ip": "10.0.0.1", "targetRef": {"namespace": "a", "name": "p"}}, True),
        ({"ip": "10.0.0.2", "targetRef": {"namespace": "a", "name": "p"}}, False),
        ({"ip": "10.0.0.1", "targetRef": {"namespace": "b", "name": "p"}}, False),
        ({"ip": "10.0.0.1", "targetRef": {"namespace": "a", "name": "gone"}}, False),
        ({"ip": "10.0.0.1"}, False),
    ],
)
def test_a_service_leads_to_addresses_of_its_own_pods_only(address, reached):
    service = {"metadata": {"name": "s", "namespace": "a"}, "spec": {"ports": [{"port": 80}]}}
    endpoints = {"subsets": [{"addresses": [address], "ports": [{"port": 8080}]}]}
    pods = {"p": pod("10.0.0.1")}
    if reached:
        found = service_target(service, endpoints, "s:80", "/", pod=pods.get)
        assert (found.host, found.port) == ("10.0.0.1", 8080)
    else:
        with pytest.raises(ServiceUnavailable, match='no endpoints available for service "s:80"'):
            service_target(service, endpoints, "s:80", "/", pod=pods.get)


def test_a_port_that_is_too_large_cannot_be_reached():
    why = "error trying to reach service: dial tcp: address 70000: invalid port"
    with pytest.raises(ServiceUnavailable, match=why):
        pod_target(pod("10.0.0.1"), "", "70000", "/")


def test_a_container_has_to_be_named_where_there_are_several():
    one = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a"}]}}
    assert container_of(one, "") == "a"
    two = {
        "metadata": {"name": "p", "annotations": {"kubectl.kubernetes.io/default-container": "b"}},
        "spec": {
            "initContainers": [{"name": "i"}],
            "containers": [{"name": "a"}, {"name": "b"}],
            "ephemeralContainers": [{"name": "e"}],
        },
    }
    assert container_of(two, "e") == "e"
    with pytest.raises(BadRequest) as refused:
        container_of(two, "")
    assert refused.value.message == (
        "a container name must be specified for pod p, choose one of: [i a b e]"
    )
    with pytest.raises(BadRequest, match="container x is not valid for pod p"):
        container_of(two, "x")


@pytest.mark.parametrize(
    ("ports", "found"),
    [(["80", "81"], [80, 81]), (["80,81"], [80, 81]), ([], [])],
)
def test_ports_are_named_one_by_one_or_in_a_list(ports, found):
    assert ports_of(Request(method="GET", path="/", query={"ports": ports})) == found


@pytest.mark.parametrize(
    ("port", "why"), [("x", "invalid syntax"), ("-1", "invalid syntax"), ("65536", "out of range")]
)
def test_what_is_no_port_is_refused(port, why):
    with pytest.raises(BadRequest, match=why):
        ports_of(Request(method="GET", path="/", query={"ports": [port]}))
