"""Nodes, and what load balancers say in a Service's status."""

from pinnace.api.objects import Object
from pinnace.api.validation.balancers import check_service_status
from pinnace.api.validation.base import Report
from pinnace.api.validation.nodes import check_node, check_node_status


def test_features_are_sorted_names() -> None:
    report = Report()
    check_node(report, {"status": {"declaredFeatures": ["B", "A", "A", "x"]}})
    assert [cause.text().partition(": must start")[0] for cause in report.causes] == [
        'status.declaredFeatures[1]: Invalid value: "A": list must be sorted alphabetically',
        'status.declaredFeatures[2]: Duplicate value: "A"',
        'status.declaredFeatures[3]: Invalid value: "x": invalid feature name "x"',
    ]


def test_a_taint_that_is_there_twice_is_shown_as_the_server_has_it() -> None:
    report = Report()
    taint = {"key": "a", "effect": "NoSchedule"}
    check_node(report, {"spec": {"taints": [taint, taint]}})
    assert [cause.text() for cause in report.causes] == [
        'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"","Effect":"NoSchedule",'
        '"TimeAdded":null}: taints must be unique by key and effect pair'
    ]


def test_what_is_given_to_a_node_once_stays() -> None:
    report = Report()
    old: Object = {"spec": {"podCIDRs": ["10.0.0.0/24"], "providerID": "a", "externalID": "x"}}
    check_node_status(report, {"spec": {"podCIDRs": ["10.0.1.0/24"]}}, old)
    assert [cause.field for cause in report.causes] == [
        "spec.podCIDRs", "spec.providerID", "spec.externalID",
    ]  # fmt: skip


def balanced(kind: str, *points: Object) -> list[str]:
    report = Report()
    status = {"loadBalancer": {"ingress": list(points)}}
    check_service_status(report, {"spec": {"type": kind}, "status": status}, {})
    return [cause.text() for cause in report.causes]


def test_only_load_balancers_have_points_of_ingress() -> None:
    assert balanced("LoadBalancer", {"ip": "1.2.3.4", "ipMode": "VIP"}) == []
    assert balanced("ClusterIP", {"ip": "1.2.3.4", "ipMode": "VIP"}) == [
        "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is "
        "'LoadBalancer'"
    ]
    assert balanced("LoadBalancer", {"ip": "1.2.3.4"}, {"hostname": "1.2.3.4"}) == [
        "status.loadBalancer.ingress[0].ipMode: Required value: must be specified when `ip` is set",
        'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, '
        "not an IP address",
    ]
