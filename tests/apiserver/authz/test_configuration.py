import re
from pathlib import Path

import pytest
import yaml

from pinnace.api.wire import User
from pinnace.apiserver.authz.configuration import AuthzFlags, from_data, from_flags

KUBECONFIG = {
    "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1/"}}],
    "contexts": [{"name": "x", "context": {"cluster": "c"}}],
    "current-context": "x",
}


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(KUBECONFIG))
    return str(file)


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        ({"modes": ()}, "at least one authorization-mode must be passed"),
        ({"modes": ("Magic",)}, 'authorization-mode "Magic" is not a valid mode'),
        ({"modes": ("ABAC",)}, "authorization-mode ABAC's authorization policy file not passed"),
        (
            {"modes": ("Webhook",)},
            "authorization-mode Webhook's authorization config file not passed",
        ),
        (
            {"policy_file": "/x"},
            "cannot specify --authorization-policy-file without mode ABAC",
        ),
        (
            {"webhook_config_file": "/x"},
            "cannot specify --authorization-webhook-config-file without mode Webhook",
        ),
        (
            {"modes": ("RBAC", "RBAC")},
            'authorization-mode ["RBAC" "RBAC"] has mode specified more than once',
        ),
        ({"config_file": "/not/there"}, "open /not/there: no such file or directory"),
        (
            {"modes": ("ABAC",), "policy_file": "/not/there"},
            "open /not/there: no such file or directory",
        ),
    ],
)
def test_flags_that_do_not_fit_are_refused(flags, why):
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        from_flags(AuthzFlags(**flags))


def document(*authorizers, **more):
    return yaml.safe_dump(
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthorizationConfiguration",
            "authorizers": list(authorizers),
            **more,
        }
    ).encode()


def webhook(kubeconfig, **changed):
    settings = {
        "timeout": "3s",
        "authorizedTTL": "1m",
        "subjectAccessReviewVersion": "v1",
        "matchConditionSubjectAccessReviewVersion": "v1",
        "failurePolicy": "Deny",
        "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": kubeconfig},
        **changed,
    }
    given = {key: value for key, value in settings.items() if value is not None}
    return {"type": "Webhook", "name": "hook", "webhook": given}


def test_a_whole_file_is_read(kubeconfig):
    hook = webhook(
        kubeconfig, cacheUnauthorizedRequests=False, matchConditions=[{"expression": "true"}]
    )
    found = from_data(document({"type": "Node", "name": "node"}, hook))
    assert [(one.type, one.name) for one in found] == [("Node", "node"), ("Webhook", "hook")]
    settings = found[1].webhook
    assert settings is not None
    assert (settings.timeout, settings.authorized_ttl, settings.unauthorized_ttl) == (3, 60, 0)
    assert settings.denies_on_failure
    assert settings.conditions == ["true"]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"timeout": None}, "authorizers[0].timeout: Required value"),
        (
            {"timeout": "31s"},
            'authorizers[0].timeout: Invalid value: "31s": must be > 0s and <= 30s',
        ),
        (
            {"unauthorizedTTL": "-1s"},
            'authorizers[0].unauthorizedTTL: Invalid value: "-1s": must be > 0s',
        ),
        (
            {"subjectAccessReviewVersion": "v2"},
            'authorizers[0].subjectAccessReviewVersion: Unsupported value: "v2": supported values:'
            ' "v1", "v1beta1"',
        ),
        (
            {
                "matchConditionSubjectAccessReviewVersion": None,
                "matchConditions": [{"expression": "true"}],
            },
            "authorizers[0].matchConditionSubjectAccessReviewVersion: Required value: required if"
            " match conditions are specified",
        ),
        (
            {"failurePolicy": "Ignore"},
            'authorizers[0].failurePolicy: Unsupported value: "Ignore": supported values:'
            ' "NoOpinion", "Deny"',
        ),
        ({"connectionInfo": {}}, "authorizers[0].connectionInfo.type: Required value"),
        (
            {"connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": "here"}},
            'authorizers[0].connectionInfo.kubeConfigFile: Invalid value: "here": must be an'
            " absolute path",
        ),
        (
            {"matchConditions": [{"expression": "true"}, {"expression": "true"}]},
            'authorizers[0].matchConditions[1].expression: Duplicate value: "true"',
        ),
        (
            {"matchConditions": [{"expression": "request.user"}]},
            'authorizers[0].matchConditions[0].expression: Invalid value: "request.user": must'
            " evaluate to bool but got string",
        ),
    ],
)
def test_a_wrong_webhook_is_refused_as_upstream_refuses_it(kubeconfig, changed, why):
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        from_data(document(webhook(kubeconfig, **changed)))


@pytest.mark.parametrize(
    ("authorizers", "why"),
    [
        ([], "authorizers: Required value: at least one authorization mode must be defined"),
        ([{"name": "x"}], "authorizers[0].type: Required value"),
        ([{"type": "RBAC"}], "authorizers[0].name: Required value"),
        (
            [{"type": "RBAC", "name": "rbac"}] * 2,
            'authorizers[1].type: Duplicate value: "RBAC"',
        ),
        (
            [{"type": "RBAC", "name": "mine"}],
            "expected name rbac for authorizer RBAC instead of mine",
        ),
        ([{"type": "AlwaysDeny", "name": "alwaysdeny"}], "missing required types: [RBAC]"),
        (
            [{"type": "RBAC", "name": "rbac", "webhook": {}}],
            'authorizers[0].webhook: Invalid value: "non-null": may only be specified when'
            " type=Webhook",
        ),
        (
            [{"type": "RBAC", "name": "rbac", "more": 1}],
            "failed to load AuthorizationConfiguration from file: strict decoding error: unknown"
            ' field "authorizers[0].more"',
        ),
    ],
)
def test_a_wrong_file_is_refused_as_upstream_refuses_it(authorizers, why):
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        from_data(document(*authorizers), frozenset({"RBAC"}))


JANE = User("jane", ("system:authenticated",))
ANYBODY = User("system:anonymous", ("system:unauthenticated",))


async def test_policies_of_a_file_allow(serve, tmp_path):
    policies = tmp_path / "policies"
    policies.write_text(
        '# readers\n\n{"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy",'
        '"spec":{"user":"jane","namespace":"default","resource":"pods","readonly":true}}\n'
        '{"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy",'
        '"spec":{"user":"*","nonResourcePath":"/version*"}}\n'
        '{"user":"old"}\n'
    )
    server = await serve(modes=("ABAC",), policy_file=str(policies))
    pods = "/api/v1/namespaces/default/pods"
    old = User("old", ("system:authenticated",))
    for user, method, path, status in (
        (JANE, "GET", pods, 200),
        (JANE, "DELETE", pods, 403),
        (JANE, "GET", "/api/v1/namespaces/other/pods", 403),
        (JANE, "GET", "/version", 200),
        (ANYBODY, "GET", "/version", 403),
        (old, "GET", "/apis/apps/v1/deployments", 200),
        (old, "GET", "/metrics", 200),
    ):
        found, answer = await server.ask(method, path, user=user)
        assert found == status, (user, method, path)
        if status == 403:
            assert answer["message"].endswith(": No policy matched.")


async def test_always_deny_says_so(serve):
    server = await serve(modes=("AlwaysDeny",))
    status, answer = await server.ask("GET", "/version", user=JANE)
    assert (status, answer["message"]) == (
        403,
        'forbidden: User "jane" cannot get path "/version": Everything is forbidden.',
    )
