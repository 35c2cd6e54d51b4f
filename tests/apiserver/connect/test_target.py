import errno

import pytest

from pinnace.api.errors import BadRequest, ServiceUnavailable
from pinnace.apiserver.connect.backend import unreachable
from pinnace.apiserver.connect.target import (
    Target,
    pod_target,
    refuse_local,
    service_target,
    through_proxy,
)

PREFIX = "/api/v1/namespaces/default/services/s/proxy"
HOSTS = ("10.0.0.1:80", "localhost:8001")
LOCAL = ["127.0.0.1", "::1", "169.254.169.254", "fe80::1", "0.0.0.0", "224.0.0.1", ""]


@pytest.mark.parametrize(
    ("location", "seen"),
    [
        ("/a/b?c=d#e", PREFIX + "/a/b?c=d#e"),
        ("http://10.0.0.1:80/a", PREFIX + "/a"),
        ("http://localhost:8001/a/", PREFIX + "/a/"),
        (PREFIX + "/a", PREFIX + "/a"),
        ("a/b", "a/b"),
        ("https://example.com/a", "https://example.com/a"),
    ],
)
def test_redirects_to_the_backend_itself_lead_through_the_proxy(location: str, seen: str) -> None:
    assert through_proxy(location, PREFIX, HOSTS) == seen


def test_a_backend_that_cannot_be_reached_is_told_of_in_gos_words() -> None:
    target = Target("10.0.0.1", 80, "/")
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


@pytest.mark.parametrize("port", ["http", "70000", "-1"])
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
