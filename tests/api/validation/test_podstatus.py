from typing import Any

import pytest

from pinnace.api.validation.base import Report
from pinnace.api.validation.podstatus import check_pod_status

ENDED: dict[str, Any] = {"terminated": {"exitCode": 1}}
CHANGED = "may not be transitioned to non-terminated state"


def said(status: Any, before: Any = None, **spec: Any) -> list[tuple[str, str]]:
    report = Report()
    pod = {"metadata": {"name": "p"}, "spec": spec, "status": status}
    check_pod_status(report, pod, {**pod, "status": before or {}})
    return [(cause.field, cause.body()) for cause in report.causes]


@pytest.mark.parametrize(
    ("container", "policy", "allowed"),
    [
        ({}, "Always", True),
        ({}, "OnFailure", True),
        ({}, "Never", False),
        ({"restartPolicy": "Always"}, "Never", True),
        ({"restartPolicy": "Never"}, "Always", False),
        (
            {
                "restartPolicy": "Never",
                "restartPolicyRules": [
                    {"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}
                ],
            },
            "Never",
            True,
        ),
        ({"restartPolicyRules": [{"action": "RestartAllContainers"}]}, "Never", True),
    ],
)
def test_a_container_that_ended_runs_again_only_if_its_policy_says_so(
    container: Any, policy: str, allowed: bool
) -> None:
    before = {"containerStatuses": [{"name": "a", "state": ENDED}]}
    now = {"containerStatuses": [{"name": "a", "state": {"running": {}}}]}
    found = said(now, before, containers=[{"name": "a", **container}], restartPolicy=policy)
    refused = [("status.containerStatuses[0].state", f"Forbidden: {CHANGED}")]
    assert found == ([] if allowed else refused)


def test_addresses_are_one_of_each_family() -> None:
    detail = "may specify no more than one IP for each IP family"
    found = said({"podIPs": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]})
    shown = '[{"IP":"10.0.0.1"},{"IP":"10.0.0.2"}]'
    assert found == [("status.podIPs", f"Invalid value: {shown}: {detail}")]
    assert said({"podIPs": [{"ip": "10.0.0.1"}, {"ip": "2001:db8::1"}]}) == []
    first = said({"hostIPs": [{"ip": "x"}, {"ip": "x"}], "hostIP": "x"})[2]
    words = "failed to check for dual stack with error:invalid IP[0]: x"
    assert first == ("status.hostIPs", f"Internal error: {words}")


def test_a_strange_address_that_was_there_may_stay() -> None:
    status = {"podIPs": [{"ip": "010.0.0.1"}]}
    assert said(status, status) == []
    assert [field for field, _ in said(status)] == ["status.podIPs[0]"]


def test_a_bound_pod_is_nominated_no_more() -> None:
    where = "status.nominatedNodeName"
    words = "Forbidden: may not be set on pods that are already bound to a node"
    assert said({"nominatedNodeName": "n"}, nodeName="m") == [(where, words)]
    assert said({"nominatedNodeName": "n"}) == []


def test_claims_are_those_of_the_spec() -> None:
    status = {"resourceClaimStatuses": [{"name": "x", "resourceClaimName": "Bad_"}]}
    fields = [field for field, _ in said(status)]
    entry = "status.resourceClaimStatuses[0]"
    assert fields == [f"{entry}.name", f"{entry}.resourceClaimName"]
    assert said({"resourceClaimStatuses": [{"name": "x"}]}, resourceClaims=[{"name": "x"}]) == []


def test_health_is_told_of_devices_that_were_asked_for() -> None:
    device = {"name": "example.com/gpu", "resources": [{"resourceID": "1", "health": "Odd"}] * 2}
    status = {"containerStatuses": [{"name": "a", "allocatedResourcesStatus": [device]}]}
    at = "status.containerStatuses[0].allocatedResourcesStatus[0]"
    assert [field for field, _ in said(status, containers=[{"name": "a"}])] == [
        f"{at}.name",
        f"{at}.resources[0].health",
        f"{at}.resources[1].health",
        f"{at}.resources[1].resourceID",
    ]


def test_an_extended_claim_maps_requests_of_containers() -> None:
    where = "status.extendedResourceClaimStatus"
    mapping = {"containerName": "b", "resourceName": "r", "requestName": "q"}
    claim = {"requestMappings": [mapping], "resourceClaimName": ""}
    fields = [field for field, _ in said({"extendedResourceClaimStatus": claim})]
    assert fields == [f"{where}.requestMappings[0].containerName", f"{where}.resourceClaimName"]


def test_users_are_those_of_the_system() -> None:
    status = {"containerStatuses": [{"name": "a", "user": {"linux": {"uid": -1, "gid": 0}}}]}
    where = "status.containerStatuses[0].user.linux"
    assert [field for field, _ in said(status)] == [f"{where}.uid"]
    assert [field for field, _ in said(status, os={"name": "windows"})] == [where]
