import pytest

from pinnace.api.kinds.rbac import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES
from pinnace.api.wire import User
from pinnace.apiserver.authz.base import Attributes, Decision, Verdict, refusal
from pinnace.apiserver.authz.rbac import Rbac, aggregate
from pinnace.apiserver.bootstrap.builders import account, group, rule, urls, user
from pinnace.testing.lookups import DictLookup

JANE = User("jane", ("devs", "system:authenticated"))
ROBOT = User("system:serviceaccount:ns:robot", ("system:serviceaccounts",))


def role(name, *rules, namespace=""):
    meta = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"metadata": meta, "rules": list(rules)}


def binding(name, kind, to, *subjects, namespace=""):
    meta = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"metadata": meta, "roleRef": {"kind": kind, "name": to}, "subjects": list(subjects)}


@pytest.fixture
def lookup():
    return DictLookup()


@pytest.fixture
def rbac(lookup):
    return Rbac(lookup)


def grant(lookup, *rules, to=None, namespace=""):
    lookup.add(CLUSTERROLES, role("r", *rules))
    if namespace:
        made = binding("b", "ClusterRole", "r", to or user("jane"), namespace=namespace)
        lookup.add(ROLEBINDINGS, made)
    else:
        lookup.add(CLUSTERROLEBINDINGS, binding("b", "ClusterRole", "r", to or user("jane")))


def may(rbac, who=JANE, **attempt):
    return rbac.authorize(who, Attributes(**attempt)).allowed


@pytest.mark.parametrize(
    ("granted", "attempt", "allowed"),
    [
        (rule("get", "", "pods"), {"verb": "get", "resource": "pods"}, True),
        (rule("get", "", "pods"), {"verb": "list", "resource": "pods"}, False),
        (rule("get", "", "pods"), {"verb": "get", "resource": "pods", "group": "apps"}, False),
        (rule("*", "*", "*"), {"verb": "x", "resource": "y", "group": "z"}, True),
        (rule("*", "*", "*"), {"verb": "x", "resource": "y", "subresource": "z"}, True),
        (rule("*", "*", "*"), {"verb": "get", "path": "/healthz"}, False),
        (
            rule("get", "", "pods"),
            {"verb": "get", "resource": "pods", "subresource": "log"},
            False,
        ),
        (
            rule("get", "", "pods/log"),
            {"verb": "get", "resource": "pods", "subresource": "log"},
            True,
        ),
        (rule("get", "", "pods/log"), {"verb": "get", "resource": "pods"}, False),
        (
            rule("get", "*", "*/scale"),
            {"verb": "get", "resource": "deployments", "group": "apps", "subresource": "scale"},
            True,
        ),
        (
            rule("get", "", "pods", names="a b"),
            {"verb": "get", "resource": "pods", "name": "b"},
            True,
        ),
        (
            rule("get", "", "pods", names="a b"),
            {"verb": "get", "resource": "pods", "name": "c"},
            False,
        ),
        (rule("list", "", "pods", names="a"), {"verb": "list", "resource": "pods"}, False),
        (urls("get", "/healthz"), {"verb": "get", "path": "/healthz"}, True),
        (urls("get", "/healthz"), {"verb": "get", "path": "/healthz/x"}, False),
        (urls("get", "/apis/*"), {"verb": "get", "path": "/apis/apps"}, True),
        (urls("get", "/apis/*"), {"verb": "post", "path": "/apis/apps"}, False),
        (urls("*", "*"), {"verb": "put", "path": "/anything"}, True),
    ],
)
def test_a_rule_allows_what_it_names(lookup, rbac, granted, attempt, allowed):
    grant(lookup, granted)
    assert may(rbac, **attempt) is allowed


@pytest.mark.parametrize(
    ("subject", "who", "allowed"),
    [
        (user("jane"), JANE, True),
        (user("devs"), JANE, False),
        (group("devs"), JANE, True),
        (group("jane"), JANE, False),
        (account("robot", "ns"), ROBOT, True),
        (account("robot", "other"), ROBOT, False),
        (user("system:serviceaccount:ns:robot"), ROBOT, True),
    ],
)
def test_a_binding_binds_its_subjects(lookup, rbac, subject, who, allowed):
    grant(lookup, rule("get", "", "pods"), to=subject)
    assert may(rbac, who, verb="get", resource="pods") is allowed


def test_a_role_binding_reaches_only_its_namespace(lookup, rbac):
    grant(lookup, rule("get", "", "pods"), namespace="ns")
    assert may(rbac, verb="get", resource="pods", namespace="ns")
    assert not may(rbac, verb="get", resource="pods", namespace="other")
    assert not may(rbac, verb="get", resource="pods")


def test_the_reason_names_the_binding(lookup, rbac):
    grant(lookup, rule("get", "", "pods"), namespace="ns")
    attempt = Attributes(verb="get", resource="pods", namespace="ns")
    assert rbac.authorize(JANE, attempt) == Verdict(
        Decision.ALLOW, 'RBAC: allowed by RoleBinding "b/ns" of ClusterRole "r" to User "jane"'
    )


def test_a_missing_role_is_the_reason_of_the_refusal(lookup, rbac):
    lookup.add(CLUSTERROLEBINDINGS, binding("b", "ClusterRole", "gone", user("jane")))
    verdict = rbac.authorize(JANE, Attributes(verb="get", resource="pods"))
    assert not verdict.allowed
    assert verdict.reason == 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found'


def test_a_change_counts_once_it_is_told(lookup, rbac):
    attempt = {"verb": "get", "resource": "pods", "namespace": "ns"}
    assert not may(rbac, **attempt)
    lookup.add(ROLES, role("r", rule("get", "", "pods"), namespace="ns"))
    lookup.add(ROLEBINDINGS, binding("b", "Role", "r", user("jane"), namespace="ns"))
    rbac.changed(ROLEBINDINGS, "ns")
    assert may(rbac, **attempt)
    lookup.add(ROLES, role("r", namespace="ns"))
    rbac.changed(ROLES, "ns")
    assert not may(rbac, **attempt)


def test_a_changed_cluster_role_counts_in_every_namespace(lookup, rbac):
    grant(lookup, namespace="ns")
    assert not may(rbac, verb="get", resource="pods", namespace="ns")
    lookup.add(CLUSTERROLES, role("r", rule("get", "", "pods")))
    rbac.changed(CLUSTERROLES)
    assert may(rbac, verb="get", resource="pods", namespace="ns")


def test_an_aggregated_role_has_the_rules_of_those_it_selects():
    selector = {"matchLabels": {"to-view": "true"}}
    view = {
        "metadata": {"name": "view", "labels": {"to-view": "true"}},
        "aggregationRule": {"clusterRoleSelectors": [selector]},
    }
    one = role("one", rule("get", "", "pods"))
    one["metadata"]["labels"] = {"to-view": "true"}
    two = role("two", rule("get", "", "secrets"))
    assert aggregate(view, [view, two, one]) == [rule("get", "", "pods")]


@pytest.mark.parametrize(
    ("attempt", "text", "details"),
    [
        (
            {"verb": "list", "resource": "pods", "namespace": "default"},
            'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the'
            ' namespace "default"',
            {"kind": "pods"},
        ),
        (
            {"verb": "get", "group": "apps", "resource": "deployments", "name": "web"},
            'deployments.apps "web" is forbidden: User "jane" cannot get resource "deployments"'
            ' in API group "apps" at the cluster scope',
            {"name": "web", "group": "apps", "kind": "deployments"},
        ),
        (
            {"verb": "create", "resource": "pods", "subresource": "exec", "name": "p"},
            'pods "p" is forbidden: User "jane" cannot create resource "pods/exec" in API group'
            ' "" at the cluster scope',
            {"name": "p", "kind": "pods"},
        ),
        (
            {"verb": "get", "path": "/x"},
            'forbidden: User "jane" cannot get path "/x"',
            {},
        ),
    ],
)
def test_a_refusal_reads_as_upstreams(attempt, text, details):
    refused = refusal(JANE, Attributes(**attempt))
    assert (refused.message, refused.details, refused.code) == (text, details, 403)
    assert refusal(JANE, Attributes(**attempt), "why").message == f"{text}: why"
