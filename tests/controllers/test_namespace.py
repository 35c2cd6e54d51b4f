from tests.controllers.fake_cluster import running

from pinnace.api.kinds.core import CONFIGMAPS, NAMESPACES, PODS, SERVICEACCOUNTS
from pinnace.controllers.base import Config
from pinnace.controllers.namespace import NAMESPACE, Remains
from pinnace.controllers.root_ca_publisher import ROOT_CA_PUBLISHER
from pinnace.controllers.service_account import SERVICE_ACCOUNT


def namespace():
    spec = {"finalizers": ["kubernetes"]}
    return {"metadata": {"name": "n"}, "spec": spec, "status": {"phase": "Active"}}


def configmap(name, **meta):
    return {"metadata": {"name": name, "namespace": "n", **meta}}


async def test_a_deleted_namespace_is_emptied_and_goes():
    async with running(NAMESPACE) as it:
        await it.cluster.create(NAMESPACES, namespace())
        await it.cluster.create(CONFIGMAPS, configmap("a"))
        await it.cluster.delete(NAMESPACES, "n")
        await it.settle()
        assert it.cluster.all(NAMESPACES) == []
        assert it.cluster.all(CONFIGMAPS) == []


async def test_pods_go_before_all_else():
    async with running(NAMESPACE) as it:
        await it.cluster.create(NAMESPACES, namespace())
        await it.cluster.create(CONFIGMAPS, configmap("a"))
        pod = {"metadata": {"name": "p", "namespace": "n", "finalizers": ["x/hold"]}, "spec": {}}
        pod = await it.cluster.create(PODS, pod)
        await it.cluster.delete(NAMESPACES, "n")
        await it.settle()
        assert len(it.cluster.all(CONFIGMAPS)) == 1
        (found,) = it.cluster.all(NAMESPACES)
        assert found["status"]["phase"] == "Terminating"
        # Totals are told when everything has been looked at.
        assert {c["status"] for c in found["status"]["conditions"]} == {"False"}
        pod = it.cluster.all(PODS)[0]
        pod["metadata"]["finalizers"] = []
        await it.cluster.update(PODS, pod)
        await it.settle()
        assert it.cluster.all(NAMESPACES) == []


async def test_a_namespace_says_what_remains():
    async with running(NAMESPACE) as it:
        await it.cluster.create(NAMESPACES, namespace())
        held = configmap("a")
        held["metadata"]["finalizers"] = ["x/hold"]
        await it.cluster.create(CONFIGMAPS, held)
        await it.cluster.delete(NAMESPACES, "n")
        await it.settle()
        (found,) = it.cluster.all(NAMESPACES)
        told = {c["type"]: c["message"] for c in found["status"]["conditions"]}
        assert told["NamespaceContentRemaining"] == (
            "Some resources are remaining: configmaps. has 1 resource instances"
        )
        assert told["NamespaceFinalizersRemaining"] == (
            "Some content in the namespace has finalizers remaining: x/hold in 1 resource instances"
        )


async def test_other_finalizers_of_the_namespace_are_left():
    async with running(NAMESPACE) as it:
        held = namespace()
        held["spec"]["finalizers"].append("example.com/mine")
        await it.cluster.create(NAMESPACES, held)
        await it.cluster.delete(NAMESPACES, "n")
        await it.settle()
        (found,) = it.cluster.all(NAMESPACES)
        assert found["spec"]["finalizers"] == ["example.com/mine"]


async def test_every_namespace_has_an_account_and_the_ca_again_when_deleted():
    config = Config(root_ca="PEM")
    async with running(SERVICE_ACCOUNT, ROOT_CA_PUBLISHER, config=config) as it:
        await it.cluster.create(NAMESPACES, namespace())
        await it.settle()
        await it.cluster.delete(SERVICEACCOUNTS, "default", namespace="n")
        ca = await it.cluster.get(CONFIGMAPS, "kube-root-ca.crt", namespace="n")
        await it.cluster.update(CONFIGMAPS, {**ca, "data": {"ca.crt": "forged"}})
        await it.settle()
        assert len(it.cluster.all(SERVICEACCOUNTS)) == 1
        ca = await it.cluster.get(CONFIGMAPS, "kube-root-ca.crt", namespace="n")
        assert ca["data"] == {"ca.crt": "PEM"}


def test_what_remains_without_a_finalizer_is_named_as_upstream_does():
    remains = Remains()
    remains.add(PODS, [{"metadata": {"namespace": "n"}}], 0)
    (failure,) = remains.failures
    assert failure.message == (
        "unexpected items still remain in namespace: n for gvr: /v1, Resource=pods"
    )
