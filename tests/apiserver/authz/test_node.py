import pytest

from pinnace.api.kinds.core import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS
from pinnace.api.wire import User
from pinnace.apiserver.authz.base import Attributes, no_opinion
from pinnace.apiserver.authz.node import NodeAuthorizer
from pinnace.testing.lookups import DictLookup

KUBELET = User("system:node:n1", ("system:nodes", "system:authenticated"))
OTHER = User("system:node:n2", ("system:nodes", "system:authenticated"))
IMPOSTOR = User("system:node:n1", ("system:authenticated",))


def pod(name="web", node="n1", **spec):
    return {"metadata": {"name": name, "namespace": "ns"}, "spec": {"nodeName": node, **spec}}


POD = pod(
    serviceAccountName="robot",
    imagePullSecrets=[{"name": "pull"}],
    volumes=[
        {"name": "a", "secret": {"secretName": "vol"}},
        {"name": "b", "persistentVolumeClaim": {"claimName": "claim"}},
        {"name": "c", "projected": {"sources": [{"configMap": {"name": "proj"}}]}},
        {"name": "scratch", "ephemeral": {}},
    ],
    containers=[{"name": "c", "env": [{"valueFrom": {"secretKeyRef": {"name": "env"}}}]}],
    initContainers=[{"name": "i", "envFrom": [{"configMapRef": {"name": "from"}}]}],
)


@pytest.fixture
def lookup():
    found = DictLookup({PODS: [POD]})
    meta = {"name": "claim", "namespace": "ns"}
    found.add(PERSISTENTVOLUMECLAIMS, {"metadata": meta, "spec": {"volumeName": "pv"}})
    secret = {"nodePublishSecretRef": {"name": "csi", "namespace": "sys"}}
    claim = {"name": "claim", "namespace": "ns"}
    found.add(
        PERSISTENTVOLUMES, {"metadata": {"name": "pv"}, "spec": {"claimRef": claim, "csi": secret}}
    )
    return found


@pytest.fixture
def authorizer(lookup):
    def pods_on(node):
        return [p for p in lookup.list(PODS) if p["spec"]["nodeName"] == node]

    return NodeAuthorizer(lookup, pods_on)


@pytest.mark.parametrize(
    "attempt",
    [
        {"verb": "get", "resource": "secrets", "namespace": "ns", "name": "vol"},
        {"verb": "watch", "resource": "secrets", "namespace": "ns", "name": "pull"},
        {"verb": "get", "resource": "secrets", "namespace": "ns", "name": "env"},
        {"verb": "get", "resource": "secrets", "namespace": "sys", "name": "csi"},
        {"verb": "get", "resource": "configmaps", "namespace": "ns", "name": "from"},
        {"verb": "get", "resource": "configmaps", "namespace": "ns", "name": "proj"},
        {"verb": "get", "resource": "persistentvolumeclaims", "namespace": "ns", "name": "claim"},
        {
            "verb": "get",
            "resource": "persistentvolumeclaims",
            "namespace": "ns",
            "name": "web-scratch",
        },
        {"verb": "get", "resource": "persistentvolumes", "name": "pv"},
        {
            "verb": "create",
            "resource": "serviceaccounts",
            "subresource": "token",
            "namespace": "ns",
            "name": "robot",
        },
        {"verb": "get", "resource": "pods", "namespace": "ns", "name": "web"},
    ],
    ids=lambda attempt: f"{attempt['verb']}-{attempt['resource']}-{attempt['name']}",
)
def test_only_the_pods_own_node_reaches_what_they_refer_to(authorizer, attempt):
    assert authorizer.authorize(KUBELET, Attributes(**attempt)).allowed
    assert authorizer.authorize(KUBELET, Attributes(**attempt)).allowed
    assert not authorizer.authorize(OTHER, Attributes(**attempt)).allowed
    assert not authorizer.authorize(IMPOSTOR, Attributes(**attempt)).allowed


def test_access_ends_with_the_pod(authorizer, lookup):
    attempt = Attributes(verb="get", resource="secrets", namespace="ns", name="vol")
    assert authorizer.authorize(KUBELET, attempt).allowed
    lookup.remove(PODS, "ns", "web")
    assert authorizer.authorize(KUBELET, attempt) == no_opinion(
        "no relationship found between node 'n1' and this object"
    )


def test_a_mirror_pod_opens_nothing(authorizer, lookup):
    mirror = pod("static", volumes=[{"secret": {"secretName": "mine"}}])
    mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    lookup.add(PODS, mirror)
    attempt = Attributes(verb="get", resource="secrets", namespace="ns", name="mine")
    assert not authorizer.authorize(KUBELET, attempt).allowed


@pytest.mark.parametrize(
    ("attempt", "decision"),
    [
        ({"verb": "list", "resource": "secrets"}, "can only read namespaced object of this type"),
        ({"verb": "list", "resource": "secrets", "namespace": "ns"}, "No Object name found"),
        ({"verb": "delete", "resource": "secrets"}, "can only read resources of this type"),
        ({"verb": "list", "resource": "pods"}, "can only list/watch pods with spec.nodeName field"),
        ({"verb": "get", "resource": "nodes", "name": "n2"}, "node 'n1' cannot read 'n2', only"),
        (
            {
                "verb": "get",
                "group": "coordination.k8s.io",
                "resource": "leases",
                "namespace": "default",
                "name": "n1",
            },
            'can only access leases in the "kube-node-lease" system namespace',
        ),
        ({"verb": "create", "resource": "deployments", "group": "apps"}, ""),
        ({"verb": "update", "resource": "pods", "name": "web"}, ""),
    ],
)
def test_a_kubelet_is_refused_with_the_reason(authorizer, attempt, decision):
    verdict = authorizer.authorize(KUBELET, Attributes(**attempt))
    assert not verdict.allowed
    assert verdict.reason.startswith(decision)


@pytest.mark.parametrize(
    "attempt",
    [
        {"verb": "list", "resource": "pods", "field_selector": (("spec.nodeName", "=", "n1"),)},
        {"verb": "get", "resource": "nodes", "name": "n1"},
        {"verb": "create", "resource": "nodes"},
        {"verb": "patch", "resource": "nodes", "subresource": "status", "name": "n1"},
        {"verb": "patch", "resource": "pods", "subresource": "status", "name": "web"},
        {"verb": "create", "resource": "events", "namespace": "ns"},
        {"verb": "list", "resource": "services"},
        {"verb": "watch", "group": "node.k8s.io", "resource": "runtimeclasses"},
        {
            "verb": "update",
            "group": "coordination.k8s.io",
            "resource": "leases",
            "namespace": "kube-node-lease",
            "name": "n1",
        },
    ],
    ids=lambda attempt: f"{attempt['verb']}-{attempt['resource']}",
)
def test_a_kubelet_may_do_its_work(authorizer, attempt):
    assert authorizer.authorize(KUBELET, Attributes(**attempt)).allowed
