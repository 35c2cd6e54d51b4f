"""Mutating and validating admission webhooks, called over TLS on the loopback."""

from typing import Any

import pytest
from aiohttp import web

CONFIGMAPS = "/api/v1/namespaces/ns/configmaps"
Object = dict[str, Any]


def hook(webhook: Any, path: str = "/", *, name: str = "a.x.io", **more: Any) -> Object:
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["*"]}
    return {
        "name": name,
        "clientConfig": webhook.client(path),
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "rules": [rule],
        **more,
    }


def core_rule(*resources: str, operation: str = "*") -> Object:
    return {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": list(resources),
        "operations": [operation],
    }


def configmap(name: str = "c", **more: Any) -> Object:
    return {"metadata": {"name": name}, "data": {"a": "b"}, **more}


async def test_a_webhook_is_told_of_a_write_as_upstream_tells(api: Any, webhook: Any) -> None:
    await api.hook("Validating", hook(webhook))
    await api.do("POST", f"{CONFIGMAPS}?fieldManager=me", configmap())
    (review,) = webhook.reviews
    request = review["request"]
    assert (review["kind"], review["apiVersion"]) == ("AdmissionReview", "admission.k8s.io/v1")
    assert request["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}
    assert request["requestKind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
    assert (request["name"], request["namespace"]) == ("c", "ns")
    assert (request["operation"], request["dryRun"]) == ("CREATE", False)
    assert request["oldObject"] is None
    assert request["object"]["metadata"]["uid"]
    assert request["options"] == {
        "kind": "CreateOptions",
        "apiVersion": "meta.k8s.io/v1",
        "fieldManager": "me",
    }
    assert request["userInfo"] == {
        "username": "jo",
        "uid": "u1",
        "groups": ["system:masters", "system:authenticated"],
        "extra": {"k": ["v"]},
    }
    assert webhook.paths == ["/?timeout=10s"]


async def test_mutators_see_a_new_object_before_it_has_a_name_and_a_uid(
    api: Any, webhook: Any
) -> None:
    await api.hook("Mutating", hook(webhook))
    await api.do("POST", CONFIGMAPS, {"metadata": {"generateName": "g-"}})
    request = webhook.reviews[0]["request"]
    assert "name" not in request
    assert "uid" not in request["object"]["metadata"]


async def test_a_denial_has_the_status_that_the_webhook_gives(api: Any, webhook: Any) -> None:
    webhook.answers["/"] = lambda review: {
        "allowed": False,
        "status": {"message": "no", "code": 418, "reason": "Pot", "details": {"name": "n"}},
    }
    await api.hook("Validating", hook(webhook))
    status, answer = await api.do("POST", CONFIGMAPS, configmap())
    assert status == 418
    assert answer["message"] == 'admission webhook "a.x.io" denied the request: no'
    assert (answer["reason"], answer["details"]) == ("Pot", {"name": "n"})


async def test_a_patch_is_decoded_defaulted_and_validated(api: Any, webhook: Any) -> None:
    container = {"name": "d", "image": "i:latest", "nope": 1}
    webhook.answers["/"] = webhook.patching(
        {"op": "add", "path": "/spec/template/spec/containers/-", "value": container}
    )
    rules = [
        {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["*"], "operations": ["CREATE"]}
    ]
    await api.hook("Mutating", hook(webhook, rules=rules))
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    path = "/apis/apps/v1/namespaces/ns/deployments"
    status, made = await api.do("POST", path, {"metadata": {"name": "x"}, "spec": spec})
    added = made["spec"]["template"]["spec"]["containers"][1]
    assert (status, added["imagePullPolicy"]) == (201, "Always")
    assert "nope" not in added
    webhook.answers["/"] = webhook.patching({"op": "add", "path": "/spec/replicas", "value": -1})
    status, answer = await api.do("POST", path, {"metadata": {"name": "y"}, "spec": spec})
    assert (status, answer["reason"]) == (422, "Invalid")


async def test_webhooks_are_called_by_name_and_again_if_others_changed_the_object(
    api: Any, webhook: Any
) -> None:
    for key in "abc":
        webhook.answers[f"/{key}"] = webhook.patching(
            {"op": "add", "path": f"/data/{key}", "value": "1"}
        )
    again = {"reinvocationPolicy": "IfNeeded"}
    await api.hook(
        "Mutating", hook(webhook, "/b"), hook(webhook, "/c", name="c.x.io", **again), name="y"
    )
    await api.hook("Mutating", hook(webhook, "/a", **again), name="x")
    status, made = await api.do("POST", CONFIGMAPS, configmap(data={"z": "1"}))
    assert (status, made["data"]) == (201, {"a": "1", "b": "1", "c": "1", "z": "1"})
    assert [path[1] for path in webhook.paths] == ["a", "b", "c", "a"]


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
async def test_the_failure_policy_decides_about_a_webhook_that_cannot_be_called(
    api: Any, webhook: Any, policy: str
) -> None:
    webhook.answers["/"] = lambda review: web.Response(status=500, text="what a mess")
    await api.hook("Validating", hook(webhook, failurePolicy=policy))
    status, answer = await api.do("POST", CONFIGMAPS, configmap())
    if policy == "Ignore":
        assert status == 201
        return
    assert status == 500
    assert answer["message"] == (
        'Internal error occurred: failed calling webhook "a.x.io": failed to call webhook: an '
        'error on the server ("what a mess") has prevented the request from succeeding'
    )


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"uid": "x", "allowed": True}, 'expected response.uid="'),
        ({"allowed": True, "patch": "W10="}, "validating webhook may not return response.patch"),
        ({"allowed": "yes"}, "cannot unmarshal string into Go struct field"),
    ],
)
async def test_an_answer_that_is_none_fails_the_call(
    api: Any, webhook: Any, answer: Object, why: str
) -> None:
    webhook.answers["/"] = lambda review: answer
    await api.hook("Validating", hook(webhook))
    status, told = await api.do("POST", CONFIGMAPS, configmap())
    assert status == 500
    assert why in told["message"]


async def test_who_presents_a_certificate_of_another_authority_is_not_told(
    api: Any, webhook: Any
) -> None:
    asked = hook(webhook)
    del asked["clientConfig"]["caBundle"]
    await api.hook("Validating", asked)
    _, told = await api.do("POST", CONFIGMAPS, configmap())
    assert told["message"].endswith(
        "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    )
    assert webhook.reviews == []


async def test_a_certificate_that_is_in_the_bundle_itself_is_trusted(
    api: Any, webhook: Any
) -> None:
    # Go's roots may be any certificates; test environments of operators trust the leaf alone.
    trusted = hook(webhook)
    trusted["clientConfig"]["caBundle"] = webhook.own
    await api.hook("Validating", trusted)
    status, _ = await api.do("POST", CONFIGMAPS, configmap())
    assert (status, len(webhook.reviews)) == (201, 1)


async def test_a_path_is_cleaned_before_it_is_called(api: Any, webhook: Any) -> None:
    await api.hook("Validating", hook(webhook, "//a//b/"))
    await api.do("POST", CONFIGMAPS, configmap())
    assert webhook.paths == ["/a/b?timeout=10s"]


async def test_a_service_is_met_at_a_ready_endpoint_by_its_own_name(api: Any, webhook: Any) -> None:
    service = {"name": "hook", "namespace": "ns", "path": "/p", "port": 8443}
    client = {"service": service, "caBundle": webhook.client()["caBundle"]}
    rules = [
        {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}
    ]
    await api.hook("Validating", hook(webhook, rules=rules) | {"clientConfig": client})
    start = 'failed to call webhook: Post "https://hook.ns.svc:8443/p?timeout=10s": '
    _, told = await api.do("POST", CONFIGMAPS, configmap())
    assert told["message"].endswith(start + 'service "hook" not found')
    spec = {"ports": [{"name": "x", "port": 8443}]}
    await api.do(
        "POST", "/api/v1/namespaces/ns/services", {"metadata": {"name": "hook"}, "spec": spec}
    )
    _, told = await api.do("POST", CONFIGMAPS, configmap())
    assert told["message"].endswith(start + 'no endpoints available for service "hook"')
    # Validation keeps endpoints off the loopback; the cache does not.
    await api.server.core.store.commit(puts=[_slice(webhook.port)])
    status, _ = await api.do("POST", CONFIGMAPS, configmap())
    assert (status, webhook.paths) == (201, ["/p?timeout=10s"])


def _slice(port: int) -> tuple[str, bytes]:
    text = (
        '{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1","metadata":{"name":"s",'
        '"namespace":"ns","uid":"1","labels":{"kubernetes.io/service-name":"hook"}},'
        '"addressType":"IPv4","endpoints":[{"addresses":["127.0.0.1"],"conditions":{}}],'
        f'"ports":[{{"name":"x","port":{port},"protocol":"TCP"}}]}}'
    )
    return "/registry/endpointslices/ns/s", text.encode()


async def test_selectors_decide_whom_a_write_concerns(api: Any, webhook: Any) -> None:
    webhook.answers["/"] = lambda review: {"allowed": False}
    only = {"matchLabels": {"guarded": "yes"}}
    await api.hook("Validating", hook(webhook, objectSelector=only))
    assert (await api.do("POST", CONFIGMAPS, configmap()))[0] == 201
    guarded = {"metadata": {"name": "g", "labels": {"guarded": "yes"}}}
    assert (await api.do("POST", CONFIGMAPS, guarded))[0] == 400
    await api.hook("Validating", hook(webhook, namespaceSelector=only), name="other")
    assert (await api.do("POST", CONFIGMAPS, configmap("d")))[0] == 201


async def test_a_rule_for_another_version_sees_the_object_in_that_version(
    api: Any, webhook: Any
) -> None:
    rules = [
        {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["events"], "operations": ["*"]}
    ]
    webhook.answers["/"] = webhook.patching({"op": "add", "path": "/message", "value": "changed"})
    await api.hook("Mutating", hook(webhook, rules=rules))
    event = {
        "metadata": {"name": "e"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "a.b/c",
        "reportingInstance": "i",
        "action": "x",
        "reason": "r",
        "type": "Normal",
        "regarding": {"namespace": "ns"},
    }
    status, made = await api.do("POST", "/apis/events.k8s.io/v1/namespaces/ns/events", event)
    assert (status, made.get("note")) == (201, "changed")
    request = webhook.reviews[0]["request"]
    assert (request["kind"]["group"], request["requestKind"]["group"]) == ("", "events.k8s.io")
    assert request["object"]["apiVersion"] == "v1"


async def test_side_effects_bar_a_dry_run(api: Any, webhook: Any) -> None:
    await api.hook("Validating", hook(webhook, sideEffects="NoneOnDryRun"))
    assert (await api.do("POST", f"{CONFIGMAPS}?dryRun=All", configmap()))[0] == 201
    assert webhook.reviews[0]["request"]["dryRun"] is True


async def test_warnings_reach_the_client(api: Any, webhook: Any) -> None:
    webhook.answers["/"] = lambda review: {"allowed": True, "warnings": ["mind the gap"]}
    await api.hook("Validating", hook(webhook))
    await api.do("POST", CONFIGMAPS, configmap())
    assert api.headers["warning"] == '299 - "mind the gap"'


async def test_deletions_of_a_collection_are_asked_about_one_by_one(api: Any, webhook: Any) -> None:
    for name in ("one", "two"):
        await api.do("POST", CONFIGMAPS, configmap(name))
    await api.hook("Validating", hook(webhook))
    await api.do("DELETE", CONFIGMAPS)
    requests = [review["request"] for review in webhook.reviews]
    assert sorted(r["oldObject"]["metadata"]["name"] for r in requests) == ["one", "two"]
    assert all(r["object"] is None and "name" not in r for r in requests)
    assert requests[0]["options"]["kind"] == "DeleteOptions"


async def test_a_connection_is_asked_about_with_what_it_asks_for(api: Any, webhook: Any) -> None:
    webhook.answers["/"] = lambda review: {"allowed": False}
    rules = [
        {
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "resources": ["pods/*"],
            "operations": ["CONNECT"],
        }
    ]
    await api.hook("Validating", hook(webhook, rules=rules))
    status, _ = await api.do("POST", "/api/v1/namespaces/ns/pods/p/exec?command=ls&stdout=true")
    request = webhook.reviews[0]["request"]
    assert status == 400
    assert (request["operation"], request["subResource"]) == ("CONNECT", "exec")
    assert request["object"] == {
        "kind": "PodExecOptions",
        "apiVersion": "v1",
        "stdout": True,
        "command": ["ls"],
    }


async def test_a_scale_is_shown_and_changed_as_a_scale(api: Any, webhook: Any) -> None:
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    path = "/apis/apps/v1/namespaces/ns/deployments"
    await api.do("POST", path, {"metadata": {"name": "x"}, "spec": spec})
    webhook.answers["/"] = webhook.patching({"op": "replace", "path": "/spec/replicas", "value": 5})
    await api.hook("Mutating", hook(webhook))
    merge = "application/merge-patch+json"
    _, made = await api.do("PATCH", f"{path}/x/scale", {"spec": {"replicas": 3}}, merge)
    request = webhook.reviews[0]["request"]
    assert (request["kind"]["kind"], request["object"]["spec"]) == ("Scale", {"replicas": 3})
    assert made["spec"] == {"replicas": 5}


async def test_configurations_are_exempt_so_that_they_can_be_mended(api: Any, webhook: Any) -> None:
    webhook.answers["/"] = lambda review: {"allowed": False}
    await api.hook("Validating", hook(webhook))
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/conf"
    assert (await api.do("DELETE", path))[0] == 200
    assert (await api.do("POST", CONFIGMAPS, configmap()))[0] == 201
    assert webhook.reviews == []


async def test_reviews_of_the_older_version_are_sent_to_who_asks_for_them(
    api: Any, webhook: Any
) -> None:
    await api.hook("Validating", hook(webhook, admissionReviewVersions=["v2", "v1beta1", "v1"]))
    assert (await api.do("POST", CONFIGMAPS, configmap()))[0] == 201
    assert webhook.reviews[0]["apiVersion"] == "admission.k8s.io/v1beta1"


async def test_calls_of_webhooks_are_counted_by_what_came_of_them(api: Any, webhook: Any) -> None:
    answers = iter(
        [
            {"allowed": True},
            {"allowed": False, "status": {"code": 418}},
            {"allowed": False, "status": {"code": 999}},
            web.Response(status=500),
            {"uid": "x", "allowed": True},
        ]
    )
    webhook.answers["/"] = lambda review: next(answers)
    condition = {"name": "c", "expression": "object.metadata.name != 'not'"}
    await api.hook("Validating", hook(webhook, matchConditions=[condition]))
    for name in ("a", "b", "c", "d", "e", "not"):
        await api.do("POST", CONFIGMAPS, configmap(name))
    webhook.answers["/"] = lambda review: web.Response(status=500)
    await api.hook("Mutating", hook(webhook, failurePolicy="Ignore"), name="mutating")
    await api.do("POST", CONFIGMAPS, configmap("not"))
    counts = api.server.core.admission.counts
    where = "a.x.io", "validating", "CREATE"
    assert counts.webhook_requests.values == {
        (*where, "200", "false"): 1,
        (*where, "418", "true"): 1,
        (*where, "600", "true"): 1,
        (*where, "500", "true"): 1,
        (*where, "503", "true"): 1,
        ("a.x.io", "admit", "CREATE", "500", "false"): 1,
    }
    assert counts.webhook_rejections.values == {
        (*where, "no_error", "418"): 1,
        (*where, "no_error", "600"): 1,
        (*where, "calling_webhook_error", "500"): 1,
        (*where, "calling_webhook_error", "503"): 1,
    }
    assert counts.webhook_ignored.values == {("a.x.io", "admit"): 1}
    assert counts.match_exclusions.values == {("a.x.io", "webhook", "validate", "CREATE"): 2}
