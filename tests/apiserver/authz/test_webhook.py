import asyncio

import pytest
import yaml

from pinnace.api.wire import User

JANE = User("jane", ("devs", "system:authenticated"), "u1", {"scopes": ("a", "b")})
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
async def server(serve, service):
    return await serve(
        modes=("Webhook", "RBAC"),
        webhook_config_file=str(service.kubeconfig),
        webhook_version="v1",
    )


def configuration(service, **webhook):
    settings = {
        "timeout": "3s",
        "subjectAccessReviewVersion": "v1",
        "failurePolicy": "NoOpinion",
        "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": str(service.kubeconfig)},
        **webhook,
    }
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthorizationConfiguration",
        "authorizers": [
            {"type": "Webhook", "name": "hook", "webhook": settings},
            {"type": "RBAC", "name": "rbac"},
        ],
    }


@pytest.fixture
async def configured(serve, service, tmp_path):
    file = tmp_path / "authz.yaml"

    async def start(**webhook):
        file.write_text(yaml.safe_dump(configuration(service, **webhook)))
        return await serve(config_file=str(file))

    return start


async def test_the_service_is_asked_as_upstream_asks(server, service):
    service.decide = lambda spec: {"allowed": True}
    status, _ = await server.ask("GET", f"{PODS}?fieldSelector=spec.nodeName=n", user=JANE)
    assert status == 200
    assert service.reviews[0] == {
        "kind": "SubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": {
            "resourceAttributes": {
                "namespace": "default",
                "verb": "list",
                "version": "v1",
                "resource": "pods",
                "fieldSelector": {
                    "requirements": [{"key": "spec.nodeName", "operator": "In", "values": ["n"]}]
                },
            },
            "user": "jane",
            "groups": ["devs", "system:authenticated"],
            "extra": {"scopes": ["a", "b"]},
            "uid": "u1",
        },
        "status": {"allowed": False},
    }
    await server.ask("GET", "/somewhere", user=JANE)
    assert service.specs[1]["nonResourceAttributes"] == {"path": "/somewhere", "verb": "get"}


async def test_the_older_version_names_groups_otherwise(serve, service):
    server = await serve(modes=("Webhook",), webhook_config_file=str(service.kubeconfig))
    await server.ask("GET", PODS, user=JANE)
    assert service.reviews[0]["apiVersion"] == "authorization.k8s.io/v1beta1"
    assert service.specs[0]["group"] == ["devs", "system:authenticated"]
    assert "groups" not in service.specs[0]


async def test_no_opinion_leaves_it_to_the_next_and_denial_does_not(server, service):
    allowed = User("x", ("system:authenticated",))
    assert (await server.ask("GET", "/version", user=allowed))[0] == 200
    service.decide = lambda spec: {"denied": True, "allowed": False, "reason": "not you"}
    status, answer = await server.ask("GET", "/api", user=allowed)
    assert (status, answer["message"]) == (
        403,
        'forbidden: User "x" cannot get path "/api": not you',
    )


async def test_masters_are_not_asked_about(server, service):
    service.decide = lambda spec: {"denied": True}
    assert (await server.ask("GET", PODS))[0] == 200
    assert service.specs == []


async def test_answers_are_kept_for_their_time(server, service):
    service.decide = lambda spec: {"allowed": spec["user"] == "jane"}
    john = User("john")
    for user in (JANE, JANE, john, john):
        await server.ask("GET", PODS, user=user)
    assert len(service.specs) == 2
    await server.clock.advance(31.0)
    for user in (JANE, john):
        await server.ask("GET", PODS, user=user)
    assert [spec["user"] for spec in service.specs[2:]] == ["john"]
    await server.clock.advance(300.0)
    await server.ask("GET", PODS, user=JANE)
    assert len(service.specs) == 4


async def test_what_is_too_long_is_not_kept(server, service):
    path = f"{PODS}/{'x' * 10_000}"
    for _ in range(2):
        assert (await server.ask("GET", path, user=JANE))[0] == 403
    assert len(service.specs) == 2


async def test_a_service_that_hiccups_is_asked_again(server, service):
    service.decide = lambda spec: {"allowed": True}
    service.codes = [500, 504]
    asked = asyncio.ensure_future(server.ask("GET", PODS, user=JANE))
    while not asked.done():
        await asyncio.sleep(0.001)
        await server.clock.advance(0.2)
    assert (await asked)[0] == 200
    assert len(service.specs) == 3


async def test_a_failure_is_told_as_upstreams_filter_tells_it(server, service):
    service.codes = [400]
    status, text = await server.ask("GET", f"{PODS}?a=<b>", user=JANE)
    assert status == 500
    assert text == (
        f'Internal Server Error: "{PODS}?a=&lt;b&gt;": the server rejected our request for an'
        " unknown reason\n"
    )


async def test_a_failure_may_deny(configured, service):
    server = await configured(failurePolicy="Deny")
    service.codes = [400]
    status, _ = await server.ask("GET", "/version", user=JANE)
    assert status == 500


async def test_a_failure_without_opinion_lets_others_allow(configured, service):
    server = await configured()
    service.codes = [400]
    assert (await server.ask("GET", "/version", user=JANE))[0] == 200


async def test_conditions_decide_whether_the_service_is_asked(configured, service):
    conditions = [
        {"expression": "has(request.resourceAttributes)"},
        {"expression": "request.resourceAttributes.namespace == 'default'"},
        {"expression": "!('devs' in request.groups)"},
    ]
    server = await configured(
        matchConditions=conditions, matchConditionSubjectAccessReviewVersion="v1"
    )
    service.decide = lambda spec: {"allowed": True}
    john = User("john", ("system:authenticated",))
    assert (await server.ask("GET", PODS, user=john))[0] == 200
    assert (await server.ask("GET", PODS, user=JANE))[0] == 403
    assert (await server.ask("GET", "/api/v1/pods", user=john))[0] == 403
    assert (await server.ask("GET", "/version", user=john))[0] == 200
    assert len(service.specs) == 1


async def test_a_condition_that_cannot_be_told_is_a_failure(configured, service):
    server = await configured(
        matchConditions=[{"expression": "request.resourceAttributes.verb == 'get'"}],
        matchConditionSubjectAccessReviewVersion="v1",
        failurePolicy="Deny",
    )
    status, text = await server.ask("GET", "/version", user=JANE)
    assert status == 500
    assert text == (
        'Internal Server Error: "/version": cel evaluation error: expression'
        " 'request.resourceAttributes.verb == 'get'' resulted in error: no such key:"
        " resourceAttributes\n"
    )
    assert service.specs == []


async def test_reviews_are_answered_by_the_service_too(server, service):
    service.decide = lambda spec: {"denied": True, "allowed": False, "reason": "no"}
    asked = {"verb": "get", "resource": "pods", "labelSelector": {"rawSelector": "a in (b,c),!d"}}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": "jane", "resourceAttributes": asked},
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    _, answer = await server.ask("POST", path, review)
    assert answer["status"] == {"allowed": False, "denied": True, "reason": "no"}
    assert service.specs[-1]["resourceAttributes"]["labelSelector"]["requirements"] == [
        {"key": "a", "operator": "In", "values": ["b", "c"]},
        {"key": "d", "operator": "DoesNotExist"},
    ]
    service.codes = [400]
    review["spec"]["user"] = "john"
    _, answer = await server.ask("POST", path, review)
    assert answer["status"] == {
        "allowed": False,
        "evaluationError": "the server rejected our request for an unknown reason",
    }


async def test_own_rules_are_incomplete(server):
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": "default"},
    }
    _, answer = await server.ask(
        "POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", review
    )
    assert answer["status"]["incomplete"] is True
    told = answer["status"]["evaluationError"]
    assert told == "webhook authorizer does not support user rule resolution"


async def test_impersonation_and_granting_ask_the_service(server, service):
    service.decide = lambda spec: {"allowed": True}
    status, answer = await server.ask(
        "POST",
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
        user=JANE,
        impersonate_user="someone",
    )
    assert (status, answer["status"]["userInfo"]["username"]) == (201, "someone")
    assert service.specs[0]["resourceAttributes"]["verb"].startswith("impersonate")
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "r"},
        "rules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
    }
    roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    assert (await server.ask("POST", roles, role, user=JANE))[0] == 201
    service.decide = lambda spec: {
        "allowed": spec.get("resourceAttributes", {}).get("verb") != "escalate"
    }
    role["metadata"] = {"name": "other"}
    assert (await server.ask("POST", roles, role, user=User("john")))[0] == 403


async def test_expressions_of_policies_wait_for_the_service(server, service):
    group = "admissionregistration.k8s.io"
    check = "authorizer.group('').resource('pods').labelSelector('a=b').check('frob')"
    policy = {
        "apiVersion": f"{group}/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "p"},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                     "resources": ["configmaps"]},
                ]
            },
            "variables": [{"name": "may", "expression": f"{check}.allowed()"}],
            "validations": [{"expression": "variables.may && variables.may"}],
        },
    }  # fmt: skip
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "b"},
        "spec": {"policyName": "p", "validationActions": ["Deny"]},
    }
    base = f"/apis/{group}/v1"
    assert (await server.ask("POST", f"{base}/validatingadmissionpolicies", policy))[0] == 201
    assert (await server.ask("POST", f"{base}/validatingadmissionpolicybindings", binding))[
        0
    ] == 201
    maps = "/api/v1/namespaces/default/configmaps"
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}}
    service.decide = lambda spec: {"allowed": spec["resourceAttributes"]["verb"] != "frob"}
    assert (await server.ask("POST", maps, made, user=JANE))[0] == 422
    assert service.specs[-1]["resourceAttributes"]["labelSelector"]["requirements"] == [
        {"key": "a", "operator": "In", "values": ["b"]}
    ]
    service.decide = lambda spec: {"allowed": True}
    assert (await server.ask("POST", maps, made, user=User("john")))[0] == 201


async def test_a_changed_file_is_taken_over_and_a_wrong_one_is_not(
    serve, configured, service, tmp_path
):
    server = await configured()
    service.decide = lambda spec: {"denied": True}
    assert (await server.ask("GET", "/version", user=JANE))[0] == 403
    file = tmp_path / "authz.yaml"
    authorizers = server.app.core.auth.authorizers
    file.write_text("apiVersion: nothing")
    await authorizers.look()
    assert (await server.ask("GET", "/version", user=JANE))[0] == 403
    found = configuration(service)
    found["authorizers"].pop(0)
    file.write_text(yaml.safe_dump(found))
    await authorizers.look()
    assert (await server.ask("GET", "/version", user=JANE))[0] == 200
    file.write_text(
        yaml.safe_dump({**found, "authorizers": [{"type": "AlwaysAllow", "name": "alwaysallow"}]})
    )
    await authorizers.look()
    assert (await server.ask("GET", PODS, user=JANE))[0] == 403
    _, metrics = await server.ask("GET", "/metrics")
    assert 'automatic_reloads_total{apiserver_id_hash="sha256:' in metrics
    assert 'status="failure"} 2.0' in metrics
    assert 'status="success"} 1.0' in metrics
    counted = 'decisions_total{decision="denied",name="hook",type="Webhook"} 2.0'
    assert f"apiserver_authorization_{counted}" in metrics
