"""Audit policies: which rule fits, and what is said of a wrong file."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from pinnace.api.wire import Request, User
from pinnace.apiserver.audit.policy import Level
from pinnace.apiserver.audit.policy_file import PolicyError, load_policy, read_policy
from pinnace.apiserver.routes import parse

TIM = User("tim", ("humans",))
HEAD = "apiVersion: audit.k8s.io/v1\nkind: Policy\n"


def policy(*rules: Any, **more: Any) -> Any:
    given = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules, **more}
    return read_policy(orjson.dumps(given))


def level(rule: Any, path: str, method: str = "GET", user: User | None = TIM) -> Level:
    found: Level = (
        policy({"level": "Request", **rule})
        .decide(user, parse(Request(method=method, path=path)))
        .level
    )
    return found


LOG = "/api/v1/namespaces/default/pods/busybox/log"
POD = "/api/v1/namespaces/default/pods/busybox"
ROLE = "/apis/rbac.authorization.k8s.io/v1/clusterroles/edit"


@pytest.mark.parametrize(
    ("rule", "path", "fits"),
    [
        ({}, POD, True),
        ({"users": ["tim"]}, POD, True),
        ({"users": ["bob"]}, POD, False),
        ({"userGroups": ["dogs", "humans"]}, POD, True),
        ({"verbs": ["list"]}, POD, False),
        ({"resources": [{"resources": ["pods"]}]}, POD, True),
        ({"resources": [{"resources": ["pods"]}]}, LOG, False),
        ({"resources": [{"resources": ["pods/log"]}]}, LOG, True),
        ({"resources": [{"resources": ["pods/*"]}]}, LOG, True),
        ({"resources": [{"resources": ["*/log"]}]}, LOG, True),
        ({"resources": [{"resources": ["*/exec"]}]}, LOG, False),
        ({"resources": [{"resources": ["*"]}]}, LOG, True),
        ({"resources": [{"group": ""}]}, LOG, True),
        ({"resources": [{"group": "apps"}]}, LOG, False),
        ({"resources": [{"group": "*", "resources": ["clusterroles"]}]}, ROLE, True),
        ({"resources": [{"resources": ["pods"], "resourceNames": ["x"]}]}, POD, False),
        ({"namespaces": [""]}, ROLE, True),
        ({"namespaces": ["default"]}, ROLE, False),
        ({"namespaces": ["default"]}, "/healthz", False),
        ({"nonResourceURLs": ["/healthz*"]}, "/healthz/etcd", True),
        ({"nonResourceURLs": ["/healthz"]}, "/healthz/etcd", False),
        ({"nonResourceURLs": ["*"]}, "/metrics", True),
        ({"nonResourceURLs": ["*"]}, POD, False),
    ],
)
def test_a_rule_fits_what_all_of_its_fields_fit(rule: Any, path: str, fits: bool) -> None:
    assert (level(rule, path) is Level.REQUEST) is fits


def test_nobody_is_known_of_a_request_that_is_not_authenticated() -> None:
    assert level({"users": ["tim"]}, POD, user=None) is Level.NONE
    assert level({}, POD, user=None) is Level.REQUEST


def test_the_first_rule_counts_and_stages_of_policy_and_rule_are_omitted() -> None:
    rules = ({"level": "Metadata", "omitStages": ["Panic"]}, {"level": "Request"})
    found = policy(*rules, omitStages=["RequestReceived"], omitManagedFields=True)
    decision = found.decide(TIM, parse(Request(method="GET", path=POD)))
    assert decision.level is Level.METADATA
    assert decision.omitted == {"Panic", "RequestReceived"}
    assert decision.omit_managed_fields


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "unknown group version field audit.k8s.io/__internal, Kind=Policy in policy"),
        (HEAD, "loaded illegal policy with 0 rules"),
        (
            HEAD + "rules:\n- level: Foo\n",
            'rules[0].level: Unsupported value: "Foo": supported values: "None", "Metadata", '
            '"Request", "RequestResponse"',
        ),
        (HEAD + "rules:\n- users: [a]\n", "rules[0].level: Required value"),
        (
            "apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules:\n- level: None\n",
            'failed decoding: no kind "Policy" is registered for version "audit.k8s.io/v1beta1" '
            'in scheme "k8s.io/apiserver/pkg/audit/scheme.go:30"',
        ),
        ("a: [", "failed decoding: yaml: line 1: did not find expected node content"),
        (
            HEAD + "rules:\n- level: 3\n",
            "failed decoding: json: cannot unmarshal number into Go struct field "
            "PolicyRule.rules.level of type v1.Level",
        ),
        (
            HEAD + "rules: x\n",
            "failed decoding: json: cannot unmarshal string into Go struct field Policy.rules of "
            "type []v1.PolicyRule",
        ),
        (
            HEAD + "rules:\n- level: None\n  omitStages: [Y]\n",
            "failed decoding: json: cannot unmarshal bool into Go struct field "
            "PolicyRule.rules.omitStages of type v1.Stage",
        ),
        (
            HEAD + "omitStages: [Foo]\nrules:\n- level: None\n",
            'omitStages[0]: Invalid value: "Foo": allowed stages are '
            "RequestReceived,ResponseStarted,ResponseComplete,Panic",
        ),
        (
            HEAD + "rules:\n- level: None\n  nonResourceURLs: ['abc','/a*b','*']\n"
            "  namespaces: [a]\n",
            "[rules[0].nonResourceURLs[0]: Invalid value: \"abc\": non-resource URL rules must "
            "begin with a '/' character, rules[0].nonResourceURLs[1]: Invalid value: \"/a*b\": "
            "non-resource URL wildcards '*' must be the final character of the rule, "
            'rules[0].nonResourceURLs: Invalid value: ["abc","/a*b","*"]: rules cannot apply to '
            "both regular resources and non-resource URLs]",
        ),
        (
            HEAD + "rules:\n- level: None\n  resources:\n  - resourceNames: [x]\n",
            'rules[0].resources.resourceNames: Invalid value: ["x"]: using resourceNames requires '
            "at least one resource",
        ),
    ],
)  # fmt: skip
def test_a_wrong_policy_is_refused_in_the_words_of_upstream(body: str, why: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read_policy(body.encode())
    assert str(caught.value) == why


def test_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    with pytest.raises(PolicyError) as caught:
        load_policy(str(path))
    assert str(caught.value) == (
        f'failed to read file path "{path}": open {path}: no such file or directory'
    )
    path.write_text(HEAD)
    with pytest.raises(PolicyError, match=f"0 rules: from file {path}"):
        load_policy(str(path))


def test_unknown_fields_are_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    found = read_policy((HEAD + "foo: 1\nrules:\n- level: Metadata\n  baz: 1\n").encode())
    assert len(found.rules) == 1
    assert 'unknown field "foo", unknown field "rules[0].baz"' in caplog.text
