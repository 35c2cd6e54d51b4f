"""The plug-ins one by one, through the chain that every write passes."""

import base64
from datetime import UTC, datetime

import pytest

from pinnace.api.errors import ApiError
from pinnace.api.kinds.certificates import CERTIFICATESIGNINGREQUESTS
from pinnace.api.kinds.coordination import LEASES
from pinnace.api.kinds.core import (
    CONFIGMAPS,
    LIMITRANGES,
    NAMESPACES,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    SERVICEACCOUNTS,
)
from pinnace.api.kinds.networking import INGRESSCLASSES, INGRESSES
from pinnace.api.kinds.node import RUNTIMECLASSES
from pinnace.api.kinds.rbac import CLUSTERROLES
from pinnace.api.kinds.scheduling import PRIORITYCLASSES
from pinnace.api.kinds.storage import STORAGECLASSES
from pinnace.api.wire import User
from pinnace.apiserver.admission.base import Attributes, Chain
from pinnace.apiserver.admission.service_account import ServiceAccount
from pinnace.apiserver.admission.table import Surroundings, build
from pinnace.apiserver.authz.base import Union
from pinnace.apiserver.authz.rbac import Rbac
from pinnace.kit import x509
from pinnace.testing.lookups import DictLookup

ROOT = User("root", ("system:masters",))
JANE = User("jane", ("system:authenticated",))
KUBELET = User("system:node:n1", ("system:nodes",))
MIRROR = {"kubernetes.io/config.mirror": "x"}


def named(name, namespace="", **more):
    meta = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"metadata": meta, **more}


@pytest.fixture
def lookup():
    return DictLookup(
        {
            NAMESPACES: [
                named("ns", status={"phase": "Active"}),
                named("gone", status={"phase": "Terminating"}),
                named("kube-node-lease"),
            ],
            SERVICEACCOUNTS: [named("default", "ns"), named("quiet", "ns")],
        }
    )


@pytest.fixture
def chain(lookup):
    rbac = Rbac(lookup)
    return build(Union((rbac,)), rbac, around=Surroundings(suffix=lambda: "abcde"))


@pytest.fixture
def admit(chain, lookup):
    async def run(row, obj, *, operation="CREATE", old=None, user=ROOT, **more):
        namespace = more.pop("namespace", "ns" if row.namespaced else "")
        attributes = Attributes(
            row=row, operation=operation, obj=obj, old=old, user=user, lookup=lookup,
            namespace=namespace, **more,
        )  # fmt: skip
        await chain.mutate(attributes)
        await chain.validate(attributes)
        return attributes.obj

    return run


def pod(name="p", **spec):
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c"}], **spec}}


async def refusal(awaitable):
    with pytest.raises(ApiError) as refused:
        await awaitable
    return refused.value


# NamespaceLifecycle


async def test_nothing_is_made_in_a_namespace_that_is_not_there(admit):
    refused = await refusal(admit(CONFIGMAPS, named("a"), namespace="nowhere"))
    assert (refused.code, refused.message) == (404, 'namespaces "nowhere" not found')


async def test_nothing_is_made_in_a_terminating_namespace(admit):
    refused = await refusal(admit(CONFIGMAPS, named("a"), namespace="gone"))
    assert refused.message == (
        'configmaps "a" is forbidden: unable to create new content in namespace gone because it'
        " is being terminated"
    )
    assert refused.details["causes"] == [
        {
            "reason": "NamespaceTerminating",
            "message": "namespace gone is being terminated",
            "field": "metadata.namespace",
        }
    ]
    await admit(CONFIGMAPS, named("a"), old=named("a"), operation="UPDATE", namespace="gone")


async def test_some_namespaces_are_immortal(admit):
    refused = await refusal(admit(NAMESPACES, None, operation="DELETE", name="kube-system"))
    expected = 'namespaces "kube-system" is forbidden: this namespace may not be deleted'
    assert refused.message == expected
    await admit(NAMESPACES, None, operation="DELETE", name="ns")


# ServiceAccount


async def test_a_pod_gets_its_account_and_token(admit):
    made = await admit(PODS, pod(initContainers=[{"name": "i"}]))
    spec = made["spec"]
    mount = {
        "name": "kube-api-access-abcde",
        "readOnly": True,
        "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
    }
    assert (spec["serviceAccountName"], spec["serviceAccount"]) == ("default", "default")
    assert spec["containers"][0]["volumeMounts"] == [mount]
    assert spec["initContainers"][0]["volumeMounts"] == [mount]
    (volume,) = spec["volumes"]
    assert volume["name"] == "kube-api-access-abcde"
    assert volume["projected"]["sources"] == [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [
                    {
                        "path": "namespace",
                        "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                    }
                ]
            }
        },
    ]


@pytest.mark.parametrize(
    ("account", "pods", "mounted"),
    [(None, None, True), (False, None, False), (False, True, True), (True, False, False)],
)
async def test_the_pods_wish_for_a_token_wins_over_its_accounts(
    admit, lookup, account, pods, mounted
):
    lookup.add(SERVICEACCOUNTS, named("default", "ns", automountServiceAccountToken=account))
    made = await admit(PODS, pod(automountServiceAccountToken=pods))
    assert bool(made["spec"].get("volumes")) is mounted


async def test_a_pod_gets_its_accounts_pull_secrets(admit, lookup):
    lookup.add(SERVICEACCOUNTS, named("default", "ns", imagePullSecrets=[{"name": "reg"}]))
    assert (await admit(PODS, pod()))["spec"]["imagePullSecrets"] == [{"name": "reg"}]


async def test_a_missing_account_is_named(admit):
    refused = await refusal(admit(PODS, pod(serviceAccountName="x")))
    assert refused.message == (
        'pods "p" is forbidden: error looking up service account ns/x: serviceaccount "x" not found'
    )


async def test_the_default_account_is_waited_for(lookup):
    lookup.remove(SERVICEACCOUNTS, "ns", "default")
    waits = []

    async def wait(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            lookup.add(SERVICEACCOUNTS, named("default", "ns"))

    chain = Chain((ServiceAccount(lambda: "abcde", wait),))
    made = pod()
    attributes = Attributes(
        row=PODS, operation="CREATE", obj=made, old=None, user=ROOT, lookup=lookup, namespace="ns"
    )
    await chain.mutate(attributes)
    assert len(waits) == 3
    assert made["spec"]["volumes"]


async def test_a_mirror_pod_is_left_alone(admit):
    mirror = pod()
    mirror["metadata"]["annotations"] = MIRROR
    made = await admit(PODS, mirror)
    assert "serviceAccountName" not in made["spec"]
    mirror["spec"]["volumes"] = [{"name": "v", "secret": {"secretName": "s"}}]
    refused = await refusal(admit(PODS, mirror))
    assert "a mirror pod may not reference secrets" in refused.message


async def test_an_account_may_list_the_secrets_its_pods_mount(admit, lookup):
    enforcing = named("default", "ns", secrets=[{"name": "ok"}])
    enforcing["metadata"]["annotations"] = {"kubernetes.io/enforce-mountable-secrets": "true"}
    lookup.add(SERVICEACCOUNTS, enforcing)
    await admit(PODS, pod(volumes=[{"name": "v", "secret": {"secretName": "ok"}}]))
    refused = await refusal(admit(PODS, pod(volumes=[{"secret": {"secretName": "no"}}])))
    assert refused.message == (
        'pods "p" is forbidden: volume with secret.secretName="no" is not allowed because service'
        " account default does not reference that secret"
    )


# Priority, tolerations, runtime classes, nodes


async def test_a_pods_priority_is_its_classes(admit, lookup):
    assert (await admit(PODS, pod()))["spec"]["priority"] == 0
    high = named("high", value=100, preemptionPolicy="Never")
    lookup.add(PRIORITYCLASSES, high)
    spec = (await admit(PODS, pod(priorityClassName="high")))["spec"]
    assert (spec["priority"], spec["preemptionPolicy"]) == (100, "Never")
    refused = await refusal(admit(PODS, pod(priorityClassName="none")))
    assert refused.message == 'pods "p" is forbidden: no PriorityClass with name none was found'
    refused = await refusal(admit(PODS, pod(priority=7)))
    assert "the integer value of priority (7) must not be provided in pod spec" in refused.message


async def test_only_one_priority_class_is_the_default(admit, lookup):
    lookup.add(PRIORITYCLASSES, named("one", value=5, globalDefault=True))
    spec = (await admit(PODS, pod()))["spec"]
    assert (spec["priorityClassName"], spec["priority"]) == ("one", 5)
    refused = await refusal(admit(PRIORITYCLASSES, named("two", globalDefault=True)))
    assert "PriorityClass one is already marked as default" in refused.message
    one = named("one", globalDefault=True)
    await admit(PRIORITYCLASSES, one, old=one, operation="UPDATE")


async def test_pods_tolerate_a_lost_node_for_a_while(admit):
    own = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}
    made = await admit(PODS, pod(tolerations=[own]))
    assert made["spec"]["tolerations"] == [
        own,
        {
            "key": "node.kubernetes.io/unreachable",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 300,
        },
    ]
    assert (await admit(PODS, pod(tolerations=[{"operator": "Exists"}])))["spec"][
        "tolerations"
    ] == [{"operator": "Exists"}]


async def test_a_runtime_class_gives_overhead_and_scheduling(admit, lookup):
    gvisor = named(
        "gvisor",
        overhead={"podFixed": {"cpu": "100m"}},
        scheduling={"nodeSelector": {"sandbox": "yes"}, "tolerations": [{"key": "sandbox"}]},
    )
    lookup.add(RUNTIMECLASSES, gvisor)
    spec = (await admit(PODS, pod(runtimeClassName="gvisor", nodeSelector={"a": "b"})))["spec"]
    assert spec["overhead"] == {"cpu": "100m"}
    assert spec["nodeSelector"] == {"a": "b", "sandbox": "yes"}
    assert {"key": "sandbox"} in spec["tolerations"]
    refused = await refusal(admit(PODS, pod(runtimeClassName="none")))
    assert 'pod rejected: RuntimeClass "none" not found' in refused.message
    refused = await refusal(admit(PODS, pod(overhead={"cpu": "1"})))
    assert "Pod Overhead set without corresponding RuntimeClass" in refused.message


async def test_a_new_node_is_tainted_once(admit):
    taint = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    made = await admit(NODES, named("n"))
    assert made["spec"]["taints"] == [taint]
    assert (await admit(NODES, made))["spec"]["taints"] == [taint]


# Storage and ingress


async def test_a_claim_gets_the_newest_default_class_and_a_finalizer(admit, lookup):
    for name, year in (("old", 2020), ("new", 2021)):
        made = named(name)
        made["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
        made["metadata"]["creationTimestamp"] = f"{year}-01-01T00:00:00Z"
        lookup.add(STORAGECLASSES, made)
    claim = await admit(PERSISTENTVOLUMECLAIMS, named("c", spec={}))
    assert claim["spec"]["storageClassName"] == "new"
    assert claim["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    claim = await admit(PERSISTENTVOLUMECLAIMS, named("c", spec={"storageClassName": ""}))
    assert claim["spec"]["storageClassName"] == ""
    volume = await admit(PERSISTENTVOLUMES, named("v"))
    assert volume["metadata"]["finalizers"] == ["kubernetes.io/pv-protection"]


@pytest.mark.parametrize(
    ("phase", "expands", "says"),
    [
        ("Bound", True, None),
        ("Bound", False, "only dynamically provisioned pvc can be resized"),
        ("Pending", True, "Only bound persistent volume claims can be expanded"),
    ],
)
async def test_a_claim_grows_if_its_class_allows(admit, lookup, phase, expands, says):
    lookup.add(STORAGECLASSES, named("s", allowVolumeExpansion=expands))

    def claim(size):
        spec = {"storageClassName": "s", "resources": {"requests": {"storage": size}}}
        return named("c", spec=spec, status={"phase": phase})

    writing = admit(PERSISTENTVOLUMECLAIMS, claim("2Gi"), old=claim("1Gi"), operation="UPDATE")
    if says is None:
        await writing
    else:
        assert says in (await refusal(writing)).message


async def test_an_ingress_gets_the_default_class(admit, lookup):
    made = named("nginx")
    made["metadata"]["annotations"] = {"ingressclass.kubernetes.io/is-default-class": "true"}
    lookup.add(INGRESSCLASSES, made)
    assert (await admit(INGRESSES, named("i")))["spec"]["ingressClassName"] == "nginx"


# LimitRanger


def limits(**limit):
    return named("l", "ns", spec={"limits": [{"type": "Container", **limit}]})


async def test_containers_get_default_resources(admit, lookup):
    lookup.add(LIMITRANGES, limits(default={"cpu": "1"}, defaultRequest={"cpu": "100m"}))
    made = await admit(PODS, pod())
    (container,) = made["spec"]["containers"]
    assert container["resources"] == {"limits": {"cpu": "1"}, "requests": {"cpu": "100m"}}
    assert made["metadata"]["annotations"] == {
        "kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu request for container c; cpu"
        " limit for container c"
    }


@pytest.mark.parametrize(
    ("limit", "resources", "says"),
    [
        (
            {"min": {"cpu": "200m"}},
            {"requests": {"cpu": "100m"}},
            "minimum cpu usage per Container is 200m, but request is 100m",
        ),
        ({"min": {"cpu": "1"}}, {}, "minimum cpu usage per Container is 1.  No request is"),
        (
            {"max": {"memory": "1Gi"}},
            {"limits": {"memory": "2Gi"}},
            "maximum memory usage per Container is 1Gi, but limit is 2Gi",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "100m"}, "limits": {"cpu": "300m"}},
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
        ),
    ],
)
async def test_containers_keep_within_limits(admit, lookup, limit, resources, says):
    lookup.add(LIMITRANGES, limits(**limit))
    made = pod()
    made["spec"]["containers"][0]["resources"] = resources
    assert says in (await refusal(admit(PODS, made))).message


async def test_a_pods_sum_counts_its_largest_init_container(admit, lookup):
    maximum = {"type": "Pod", "max": {"cpu": "2"}}
    lookup.add(LIMITRANGES, named("l", "ns", spec={"limits": [maximum]}))

    def wants(init):
        limit = {"resources": {"limits": {"cpu": init}}}
        made = pod(initContainers=[{"name": "i", **limit}])
        made["spec"]["containers"][0] |= {"resources": {"limits": {"cpu": "1"}}}
        return made

    await admit(PODS, wants("2"))
    refused = await refusal(admit(PODS, wants("3")))
    assert "maximum cpu usage per Pod is 2, but limit is 3" in refused.message


# NodeRestriction


def owned(node="n1", uid="u"):
    made = pod(nodeName=node)
    made["metadata"]["annotations"] = MIRROR
    made["metadata"]["ownerReferences"] = [
        {"apiVersion": "v1", "kind": "Node", "name": node, "uid": uid, "controller": True}
    ]
    return made


async def test_a_kubelet_makes_only_its_own_mirror_pods(admit, lookup):
    node = named("n1")
    node["metadata"]["uid"] = "u"
    lookup.add(NODES, node)
    await admit(PODS, owned(), user=KUBELET)
    for made, says in (
        (pod(nodeName="n1"), 'node "n1" can only create mirror pods'),
        (owned("n2"), "spec.nodeName set to itself"),
        (owned(uid="other"), "node n1 UID mismatch: expected other got u"),
    ):
        assert says in (await refusal(admit(PODS, made, user=KUBELET))).message


@pytest.mark.parametrize(
    ("row", "obj", "more", "says"),
    [
        (NODES, named("n2"), {"name": "n2"}, 'node "n1" is not allowed to modify node "n2"'),
        (
            NODES,
            {"metadata": {"name": "n1", "labels": {"node-restriction.kubernetes.io/a": "b"}}},
            {"name": "n1"},
            "is not allowed to set the following labels: node-restriction.kubernetes.io/a",
        ),
        (
            NODES,
            named("n1", spec={"taints": []}),
            {
                "name": "n1",
                "operation": "UPDATE",
                "old": named("n1", spec={"taints": [{"key": "a", "effect": "NoSchedule"}]}),
            },
            'node "n1" is not allowed to modify taints',
        ),
        (
            LEASES,
            named("n2"),
            {"namespace": "kube-node-lease"},
            "can only access node lease with the same name as the requesting node",
        ),
        (
            LEASES,
            named("n1"),
            {},
            'can only access leases in the "kube-node-lease" system namespace',
        ),
        (
            PODS,
            pod(),
            {"old": pod(nodeName="n2"), "operation": "UPDATE", "subresource": "status"},
            'node "n1" can only update pod status for pods with spec.nodeName set to itself',
        ),
        (
            SERVICEACCOUNTS,
            {"spec": {}},
            {"name": "default", "subresource": "token"},
            "node requested token not bound to a pod",
        ),
    ],
)
async def test_a_kubelet_is_kept_to_its_own(admit, row, obj, more, says):
    assert says in (await refusal(admit(row, obj, user=KUBELET, **more))).message


async def test_a_kubelet_gets_tokens_for_its_pods_with_their_audiences_only(admit, lookup):
    source = {"serviceAccountToken": {"audience": "vault"}}
    made = pod(nodeName="n1", volumes=[{"name": "v", "projected": {"sources": [source]}}])
    made["metadata"] |= {"namespace": "ns", "uid": "u"}
    lookup.add(PODS, made)

    def asks(*audiences, uid="u"):
        reference = {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": uid}
        request = {"spec": {"audiences": list(audiences), "boundObjectRef": reference}}
        return admit(SERVICEACCOUNTS, request, user=KUBELET, name="default", subresource="token")

    await asks("vault")
    assert "not found in pod spec volume" in (await refusal(asks("other"))).message
    assert "node may only request 0 or 1 audiences" in (await refusal(asks("a", "b"))).message
    assert "does not match the UID in record" in (await refusal(asks("vault", uid="x"))).message


# Certificates and RBAC


def csr(signer, *organizations, name="jane"):
    now = datetime(2030, 1, 1, tzinfo=UTC)
    key = x509.issue(x509.make_authority("ca", now=now), x509.Subject("k"), now=now).key
    request = x509.make_request(key, x509.Subject(name, organizations))
    return named("r", spec={"signerName": signer, "request": base64.b64encode(request).decode()})


async def test_nobody_requests_a_certificate_for_masters(admit):
    signer = "kubernetes.io/kube-apiserver-client"
    await admit(CERTIFICATESIGNINGREQUESTS, csr(signer, "devs"))
    refused = await refusal(admit(CERTIFICATESIGNINGREQUESTS, csr(signer, "system:masters")))
    assert f"use of {signer} signer with system:masters group is not allowed" in refused.message


async def test_a_kubelet_requests_certificates_for_itself_only(admit):
    signer = "kubernetes.io/kubelet-serving"
    made = csr(signer, "system:nodes", name="system:node:n1")
    await admit(CERTIFICATESIGNINGREQUESTS, made, user=KUBELET)
    made = csr(signer, "system:nodes", name="system:node:n2")
    refused = await refusal(admit(CERTIFICATESIGNINGREQUESTS, made, user=KUBELET))
    assert "can only create a node CSR with CN=system:node:n1" in refused.message


@pytest.mark.parametrize(("sub", "verb"), [("approval", "approve"), ("status", "sign")])
async def test_approving_and_signing_need_the_verb_on_the_signer(admit, sub, verb):
    old = named("r", spec={"signerName": "example.com/x"})
    new = {**old, "status": {"certificate": "x"}}
    more = {"old": old, "operation": "UPDATE", "subresource": sub, "name": "r"}
    await admit(CERTIFICATESIGNINGREQUESTS, new, **more)
    refused = await refusal(admit(CERTIFICATESIGNINGREQUESTS, new, user=JANE, **more))
    assert refused.message.endswith(
        f'user not permitted to {verb} requests with signerName "example.com/x"'
    )


async def test_nobody_escalates_by_writing_roles(admit):
    rules = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    refused = await refusal(admit(CLUSTERROLES, named("r", rules=rules), user=JANE))
    assert "is attempting to grant RBAC permissions not currently held" in refused.message
    await admit(CLUSTERROLES, named("r", rules=rules))


async def test_a_binding_takes_its_nodes_topology(admit, lookup):
    node = named("n1")
    node["metadata"]["labels"] = {"topology.kubernetes.io/zone": "z", "other": "x"}
    lookup.add(NODES, node)
    binding = {"metadata": {}, "target": {"kind": "Node", "name": "n1"}}
    made = await admit(PODS, binding, name="p", subresource="binding")
    assert made["metadata"]["labels"] == {"topology.kubernetes.io/zone": "z"}
