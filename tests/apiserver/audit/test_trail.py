"""What the audit log has of a request: levels, stages, fields."""

from typing import Any

import pytest

from pinnace.api.wire import ANONYMOUS, Response, Stream, User
from pinnace.apiserver.audit.trail import duration_text

MAPS = "/api/v1/namespaces/default/configmaps"
ALL = {"level": "RequestResponse"}
QUIET = {"level": "Metadata", "omitStages": ["RequestReceived"]}
# A disk without room.
FULL = {"path": "/dev/full", "max_size": 0}
MAP = {"metadata": {"name": "a"}, "data": {"k": "v"}}


async def test_a_request_has_an_event_when_it_comes_and_one_when_it_is_answered(
    audited: Any,
) -> None:
    server = await audited({"level": "Metadata"})
    await server.ask("GET", f"{MAPS}/none?x=1", audit_id="mine", user_agent="me")
    first, last = server.events()
    assert first == {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": "mine",
        "stage": "RequestReceived",
        "requestURI": f"{MAPS}/none?x=1",
        "verb": "get",
        "user": {"username": "admin", "groups": ["system:masters", "system:authenticated"]},
        "sourceIPs": ["192.0.2.7"],
        "userAgent": "me",
        "objectRef": {
            "resource": "configmaps",
            "namespace": "default",
            "name": "none",
            "apiVersion": "v1",
        },
        "requestReceivedTimestamp": "2030-01-01T00:00:00.000000Z",
        "stageTimestamp": "2030-01-01T00:00:00.000000Z",
    }
    assert last["stage"] == "ResponseComplete"
    assert last["responseStatus"] == {
        "metadata": {},
        "status": "Failure",
        "message": 'configmaps "none" not found',
        "reason": "NotFound",
        "details": {"name": "none", "kind": "configmaps"},
        "code": 404,
    }
    assert last["annotations"] == {
        "authorization.k8s.io/decision": "allow",
        "authorization.k8s.io/reason": "",
    }


async def test_levels_say_which_objects_are_noted(audited: Any) -> None:
    server = await audited(
        {"level": "None", "users": ["nobody"]},
        {"level": "Request", "verbs": ["create"], "omitStages": ["RequestReceived"]},
        {**ALL, "omitStages": ["RequestReceived"]},
    )
    await server.ask("POST", MAPS, MAP)
    [created] = server.events()
    assert created["requestObject"]["data"] == {"k": "v"}
    assert "responseObject" not in created
    assert created["objectRef"]["name"] == "a"
    assert created["responseStatus"] == {"metadata": {}, "code": 201}
    await server.ask("GET", f"{MAPS}/a")
    [got] = server.events()
    assert got["responseObject"]["metadata"]["name"] == "a"
    await server.ask("GET", f"{MAPS}/a", user=User("nobody"))
    assert server.events() == []


async def test_managed_fields_can_be_left_out(audited: Any) -> None:
    server = await audited({**ALL, "omitManagedFields": True})
    await server.ask("POST", MAPS, MAP)
    assert "managedFields" not in server.events()[-1]["responseObject"]["metadata"]
    await server.ask("GET", MAPS)
    [item] = server.events()[-1]["responseObject"]["items"]
    assert "managedFields" not in item["metadata"]


@pytest.mark.parametrize(
    ("body", "media", "noted"),
    [
        (b'{"data": {"k":"w"}}', "application/merge-patch+json", {"data": {"k": "w"}}),
        (b"data: {k: w}", "application/apply-patch+yaml", {"data": {"k": "w"}}),
        (b"{no", "application/merge-patch+json", None),
    ],
)
async def test_a_patch_is_noted_as_it_was_sent(
    audited: Any, body: bytes, media: str, noted: Any
) -> None:
    server = await audited(ALL)
    path = f"{MAPS}/a?fieldManager=me"
    await server.ask("PATCH", path, body, content_type=media)
    assert server.events()[-1].get("requestObject") == noted


async def test_options_of_a_deletion_are_noted_as_upstream_does(audited: Any) -> None:
    server = await audited({**ALL, "omitStages": ["RequestReceived"]})
    await server.ask("POST", MAPS, MAP)
    await server.ask("DELETE", f"{MAPS}/a", {"gracePeriodSeconds": 0})
    noted = server.events()[-1]
    assert noted["requestObject"] == {
        "kind": "DeleteOptions",
        "apiVersion": "meta.k8s.io/__internal",
        "gracePeriodSeconds": 0,
    }
    assert noted["responseStatus"]["status"] == "Success"


async def test_a_watch_has_an_event_when_it_begins_and_one_when_it_ends(audited: Any) -> None:
    server = await audited(QUIET)
    answer = await server.ask("GET", f"{MAPS}?watch=1&resourceVersion=0")
    assert isinstance(answer, Stream)
    assert [event["stage"] for event in server.events()] == ["ResponseStarted"]
    await answer.frames.aclose()  # type: ignore[attr-defined]
    assert [event["stage"] for event in server.events()] == ["ResponseComplete"]


async def test_a_caller_whom_nobody_knows_has_one_event(audited: Any) -> None:
    server = await audited(ALL)
    answer = await server.ask("GET", MAPS, user=None, authorization="Bearer wrong")
    assert isinstance(answer, Response)
    assert answer.status == 401
    [event] = server.events()
    assert (event["stage"], event["user"]) == ("ResponseStarted", {})
    assert event["responseStatus"]["message"] == "Unauthorized"


async def test_who_may_not_is_noted_with_the_decision(audited: Any) -> None:
    server = await audited(QUIET)
    await server.ask("GET", MAPS, user=ANONYMOUS)
    [event] = server.events()
    assert event["responseStatus"]["code"] == 403
    assert event["annotations"]["authorization.k8s.io/decision"] == "forbid"


async def test_impersonation_is_noted(audited: Any) -> None:
    server = await audited(QUIET)
    await server.ask("GET", MAPS, impersonate_user="bob", impersonate_group="system:masters")
    [event] = server.events()
    assert event["user"]["username"] == "admin"
    groups = ["system:masters", "system:authenticated"]
    assert event["impersonatedUser"] == {"username": "bob", "groups": groups}


async def test_proxies_say_where_a_request_comes_from(audited: Any) -> None:
    server = await audited(QUIET)
    await server.ask("GET", MAPS, x_forwarded_for="1.2.3.4, none", x_real_ip="9.9.9.9")
    assert server.events()[0]["sourceIPs"] == ["1.2.3.4", "9.9.9.9", "192.0.2.7"]


async def test_a_panic_is_a_stage_of_its_own(audited: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = await audited(QUIET)

    async def fail(*_: object) -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr(server.server, "_resource", fail)
    answer = await server.ask("GET", MAPS)
    assert answer.status == 500
    [event] = server.events()
    assert event["stage"] == "Panic"
    assert event["responseStatus"]["message"] == "APIServer panic'd: oops"


async def test_pod_security_notes_what_it_would_warn_of(audited: Any) -> None:
    server = await audited(QUIET, admission=True)
    labels = {"pod-security.kubernetes.io/audit": "restricted"}
    await server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "n", "labels": labels}})
    account = {"metadata": {"name": "default"}}
    await server.ask("POST", "/api/v1/namespaces/n/serviceaccounts", account)
    server.events()
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    await server.ask("POST", "/api/v1/namespaces/n/pods", pod)
    noted = server.events()[0]["annotations"]
    assert noted["pod-security.kubernetes.io/enforce-policy"] == "privileged:latest"
    found = noted["pod-security.kubernetes.io/audit-violations"]
    assert found.startswith('would violate PodSecurity "restricted:latest": allowPrivilege')


async def test_policies_note_what_they_refuse_and_their_own_annotations(audited: Any) -> None:
    server = await audited(QUIET, admission=True)
    group = "admissionregistration.k8s.io/v1"
    rules = [
        {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}
    ]
    policy = {
        "metadata": {"name": "p.io"},
        "spec": {
            "matchConstraints": {"resourceRules": rules},
            "validations": [{"expression": "true"}, {"expression": "false", "message": "no"}],
            "auditAnnotations": [{"key": "who", "valueExpression": "'it is ' + object.data.k"}],
        },
    }
    binding = {
        "metadata": {"name": "b"},
        "spec": {"policyName": "p.io", "validationActions": ["Audit"]},
    }
    await server.ask("POST", f"/apis/{group}/validatingadmissionpolicies", policy)
    await server.ask("POST", f"/apis/{group}/validatingadmissionpolicybindings", binding)
    server.events()
    answer = await server.ask("POST", MAPS.replace("default", "kube-system"), MAP)
    assert answer.status == 201
    noted = server.events()[0]["annotations"]
    assert noted["p.io/who"] == "it is v"
    assert noted["validation.policy.admission.k8s.io/validation_failure"] == (
        '[{"message":"no","policy":"p.io","binding":"b","expressionIndex":1,'
        '"validationActions":["Audit"]}]'
    )


async def test_a_strict_log_that_cannot_be_written_refuses_requests(audited: Any) -> None:
    server = await audited({"level": "Metadata"}, mode="blocking-strict", **FULL)
    answer = await server.ask("GET", MAPS)
    assert (answer.status, answer.body) == (
        500,
        f'Internal Server Error: "{MAPS}": failed to store audit event\n'.encode(),
    )
    counted = server.server.core.tallies
    assert counted.audit_rejected.values == {(): 1}
    assert counted.audit_errors.values == {("log",): 1}


async def test_a_log_that_cannot_be_written_fails_no_request_unless_it_is_strict(
    audited: Any,
) -> None:
    server = await audited({"level": "Metadata"}, **FULL)
    assert (await server.ask("GET", MAPS)).status == 200


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0000005, "500ns"), (0.00011948, "119.48µs"), (0.5, "500ms"), (61.5, "1m1.5s"),
     (3661, "1h1m1s"), (1.165909578, "1.165909578s")],
)  # fmt: skip
def test_durations_are_written_as_go_writes_them(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
