import pytest
from tests.controllers.fake_cluster import running

from pinnace.api.kinds.core import ENDPOINTS, NODES, PODS, SERVICES
from pinnace.api.kinds.discovery import ENDPOINTSLICES
from pinnace.controllers.endpoints import ENDPOINTS_CONTROLLER
from pinnace.controllers.endpointslice import ENDPOINTSLICE
from pinnace.controllers.shared.endpoints import PER_SLICE, find_port, plan_slices


def service(**spec):
    ports = [{"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"}]
    spec = {
        "selector": {"app": "web"},
        "clusterIP": "10.0.0.1",
        "ipFamilies": ["IPv4"],
        "ports": ports,
        **spec,
    }
    return {
        "metadata": {"name": "s", "namespace": "n", "uid": "s", "labels": {"x": "y"}},
        "spec": spec,
    }


def pod(number, *, ready=True, node="node", **meta):
    ip = f"10.1.{number // 250}.{number % 250 + 1}"
    state = "True" if ready else "False"
    return {
        "metadata": {
            "name": f"p{number}",
            "namespace": "n",
            "uid": f"u{number}",
            "labels": {"app": "web"},
            **meta,
        },
        "spec": {
            "nodeName": node,
            "containers": [{"name": "c", "ports": [{"name": "web", "containerPort": 8080}]}],
        },
        "status": {
            "phase": "Running",
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "conditions": [{"type": "Ready", "status": state}],
        },
    }


def plan(service, pods, existing=(), nodes=None):
    return plan_slices(service, pods, nodes or {}, existing, manager="me")


def stored(slices):
    return [
        {**entry, "metadata": {**entry["metadata"], "name": f"s{number}"}}
        for number, entry in enumerate(slices)
    ]


def test_an_endpoint_says_where_it_is_and_whether_it_serves():
    node = {"metadata": {"labels": {"topology.kubernetes.io/zone": "z"}}}
    (made,) = plan(service(), [pod(0)], nodes={"node": node}).create
    assert made["endpoints"] == [
        {
            "addresses": ["10.1.0.1"],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "targetRef": {"kind": "Pod", "namespace": "n", "name": "p0", "uid": "u0"},
            "nodeName": "node",
            "zone": "z",
        }
    ]
    assert made["ports"] == [{"name": "http", "protocol": "TCP", "port": 8080}]
    assert made["metadata"]["labels"] == {
        "x": "y",
        "kubernetes.io/service-name": "s",
        "endpointslice.kubernetes.io/managed-by": "me",
    }


@pytest.mark.parametrize(
    ("spec", "made", "expected"),
    [
        ({}, pod(0, ready=False), (False, False, False)),
        ({"publishNotReadyAddresses": True}, pod(0, ready=False), (True, False, False)),
        ({}, pod(0, deletionTimestamp="t"), (False, True, True)),
        ({"publishNotReadyAddresses": True}, pod(0, deletionTimestamp="t"), (True, True, True)),
    ],
)
def test_ready_serving_and_terminating_are_three_things(spec, made, expected):
    (entry,) = plan(service(**spec), [made]).create
    conditions = entry["endpoints"][0]["conditions"]
    assert (conditions["ready"], conditions["serving"], conditions["terminating"]) == expected


def test_a_slice_holds_a_hundred_and_the_next_pods_fill_what_has_room():
    first = plan(service(), [pod(n) for n in range(150)]).create
    assert [len(entry["endpoints"]) for entry in first] == [PER_SLICE, 50]
    second = plan(service(), [pod(n) for n in range(160)], stored(first))
    assert (second.create, second.delete) == ([], [])
    assert [len(entry["endpoints"]) for entry in second.update] == [60]


def test_what_is_right_already_is_left_alone():
    existing = stored(plan(service(), [pod(0)]).create)
    again = plan(service(), [pod(0)], existing)
    assert (again.create, again.update, again.delete) == ([], [], [])


def test_a_service_without_pods_has_one_empty_slice():
    (made,) = plan(service(), []).create
    assert (made["endpoints"], made["ports"]) == ([], [])
    again = plan(service(), [], stored([made]))
    assert (again.create, again.update, again.delete) == ([], [], [])


def test_a_headless_service_is_labelled():
    (made,) = plan(service(clusterIP="None"), [pod(0)]).create
    assert "service.kubernetes.io/headless" in made["metadata"]["labels"]


def test_ended_pods_and_those_without_an_address_are_no_endpoints():
    ended, homeless = pod(0), pod(1)
    ended["status"]["phase"] = "Succeeded"
    homeless["status"] = {"phase": "Pending"}
    (made,) = plan(service(), [ended, homeless]).create
    assert made["endpoints"] == []


def test_a_named_port_that_the_pod_lacks_is_left_out():
    assert find_port(pod(0), {"port": 80, "targetPort": "none"}) is None
    assert find_port(pod(0), {"port": 80, "targetPort": 81}) == 81
    assert find_port(pod(0), {"port": 80}) == 80


async def test_both_forms_follow_the_pods():
    async with running(ENDPOINTSLICE, ENDPOINTS_CONTROLLER) as it:
        await it.cluster.create(NODES, {"metadata": {"name": "node"}, "spec": {}})
        await it.cluster.create(SERVICES, service())
        await it.cluster.create(PODS, pod(0))
        await it.cluster.create(PODS, pod(1, ready=False))
        await it.settle(2)
        (entry,) = it.cluster.all(ENDPOINTSLICES)
        assert [e["conditions"]["ready"] for e in entry["endpoints"]] == [True, False]
        (old,) = it.cluster.all(ENDPOINTS)
        (subset,) = old["subsets"]
        assert [a["ip"] for a in subset["addresses"]] == ["10.1.0.1"]
        assert [a["ip"] for a in subset["notReadyAddresses"]] == ["10.1.0.2"]
        await it.cluster.delete(PODS, "p0", namespace="n")
        await it.settle(2)
        (entry,) = it.cluster.all(ENDPOINTSLICES)
        assert len(entry["endpoints"]) == 1
        await it.cluster.delete(SERVICES, "s", namespace="n")
        await it.settle(2)
        assert it.cluster.all(ENDPOINTS) == []
