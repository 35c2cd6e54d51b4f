"""The Node authorizer: a kubelet reads what its own pods need, and no more.

Upstream keeps a graph of all pods and what they refer to. Here the question is asked backwards: of
the pods on that node, does one refer to the object? The server hands in `pods_on`, which has an
index; the pod that gave the last answer is remembered and looked at first.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

from pinnace.api.kinds.certificates import PODCERTIFICATEREQUESTS
from pinnace.api.kinds.core import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS
from pinnace.api.kinds.resource import RESOURCESLICES
from pinnace.api.kinds.storage import VOLUMEATTACHMENTS
from pinnace.api.objects import Key, Object, key_of
from pinnace.api.wire import User
from pinnace.apiserver import podrefs
from pinnace.apiserver.admission.base import Lookup
from pinnace.apiserver.authz.base import (
    ALLOWED,
    NO_OPINION,
    Attributes,
    Rules,
    Verdict,
    no_opinion,
)
from pinnace.apiserver.authz.rules import rule_allows
from pinnace.apiserver.bootstrap.node_rules import NODE_RULES

NODE_PREFIX = "system:node:"
NODES_GROUP = "system:nodes"
NO_NAME = "No Object name found"
LEASE_NAMESPACE = "kube-node-lease"

PodsOn = Callable[[str], Iterable[Object]]
_KEPT = 10_000


def node_name_of(user: User) -> str | None:
    """Return the node that a user is the kubelet of, or None for other users."""
    if user.name.startswith(NODE_PREFIX) and NODES_GROUP in user.groups:
        return user.name.removeprefix(NODE_PREFIX)
    return None


class NodeAuthorizer:
    """Decides for kubelets; has no opinion on others."""

    def __init__(self, lookup: Lookup, pods_on: PodsOn) -> None:
        self._lookup = lookup
        self._pods_on = pods_on
        self._remembered: OrderedDict[tuple[str, str, str, str], Key] = OrderedDict()
        self._special = {
            ("", "secrets"): self._read_namespaced,
            ("", "configmaps"): self._read_namespaced,
            ("", "persistentvolumeclaims"): self._claim,
            ("", "persistentvolumes"): self._get,
            ("resource.k8s.io", "resourceclaims"): self._get,
            ("storage.k8s.io", "volumeattachments"): self._get,
            ("", "serviceaccounts"): self._service_account,
            ("coordination.k8s.io", "leases"): self._lease,
            ("storage.k8s.io", "csinodes"): self._csi_node,
            ("resource.k8s.io", "resourceslices"): self._resource_slice,
            ("certificates.k8s.io", "podcertificaterequests"): self._pod_certificate,
            ("", "nodes"): self._node,
            ("", "pods"): self._pod,
        }

    def authorize(self, user: User, attributes: Attributes) -> Verdict:
        node = node_name_of(user)
        if node is None:
            return NO_OPINION
        if not node:
            return no_opinion(f'unknown node for user "{user.name}"')
        if not attributes.path:
            decide = self._special.get((attributes.group, attributes.resource))
            if decide is not None:
                return decide(node, attributes)
        allowed = any(rule_allows(rule, attributes) for rule in NODE_RULES)
        return ALLOWED if allowed else NO_OPINION

    def rules_for(self, user: User, namespace: str) -> Rules:
        """Tell nothing: what a kubelet may do depends on the Pods of its node."""
        if node_name_of(user) is None:
            return Rules()
        why = "node authorizer does not support user rule resolution"
        return Rules(incomplete=True, errors=[why])

    def _read_namespaced(self, node: str, a: Attributes) -> Verdict:
        if a.verb not in ("get", "list", "watch"):
            return no_opinion("can only read resources of this type")
        if a.subresource:
            return no_opinion("cannot read subresource")
        if not a.namespace:
            return no_opinion("can only read namespaced object of this type")
        return self._related(node, a)

    def _get(self, node: str, a: Attributes) -> Verdict:
        if a.verb != "get":
            return no_opinion("can only get individual resources of this type")
        if a.subresource:
            return no_opinion("cannot get subresource")
        return self._related(node, a)

    def _claim(self, node: str, a: Attributes) -> Verdict:
        if a.subresource != "status":
            return self._get(node, a)
        if a.verb not in ("update", "patch"):
            return no_opinion("can only get/update/patch this type")
        return self._related(node, a)

    def _service_account(self, node: str, a: Attributes) -> Verdict:
        if a.verb == "get" and not a.subresource:
            return self._read_namespaced(node, a)
        if a.verb != "create" or not a.name:
            return no_opinion("can only create tokens for individual service accounts")
        if a.subresource != "token":
            return no_opinion("can only create token subresource of serviceaccount")
        return self._related(node, a)

    def _pod_certificate(self, node: str, a: Attributes) -> Verdict:
        if a.subresource:
            return no_opinion(
                "nodes may not access the status subresource of PodCertificateRequests"
            )
        if a.verb == "create":
            # Which ones is NodeRestriction's to say.
            return ALLOWED
        if a.verb == "get":
            return self._related(node, a)
        if a.verb not in ("list", "watch"):
            return no_opinion(f"nodes may not {a.verb} podcertificaterequests")
        if ("spec.nodeName", "=", node) in a.field_selector:
            return ALLOWED
        return no_opinion("can only list/watch podcertificaterequests with nodeName field selector")

    def _lease(self, node: str, a: Attributes) -> Verdict:
        if a.verb not in ("get", "create", "update", "patch", "delete"):
            return no_opinion("can only get, create, update, patch, or delete a node lease")
        if a.namespace != LEASE_NAMESPACE:
            return no_opinion(f'can only access leases in the "{LEASE_NAMESPACE}" system namespace')
        # The name is not known on create; NodeRestriction checks it then.
        if a.verb != "create" and a.name != node:
            return no_opinion(
                "can only access node lease with the same name as the requesting node"
            )
        return ALLOWED

    def _csi_node(self, node: str, a: Attributes) -> Verdict:
        if a.verb not in ("get", "create", "update", "patch", "delete"):
            return no_opinion("can only get, create, update, patch, or delete a CSINode")
        if a.subresource:
            return no_opinion("cannot authorize CSINode subresources")
        if a.verb != "create" and a.name != node:
            return no_opinion("can only access CSINode with the same name as the requesting node")
        return ALLOWED

    def _resource_slice(self, node: str, a: Attributes) -> Verdict:
        if a.subresource:
            return no_opinion("cannot authorize ResourceSlice subresources")
        if a.verb == "create":
            return ALLOWED
        if a.verb in ("get", "update", "patch", "delete"):
            if not a.name:
                return no_opinion(NO_NAME)
            found = self._lookup.get(RESOURCESLICES, "", a.name)
            if found is not None and (found.get("spec") or {}).get("nodeName") == node:
                return ALLOWED
            return no_opinion(_unrelated(node))
        if a.verb in ("watch", "list", "deletecollection"):
            if ("spec.nodeName", "=", node) in a.field_selector:
                return ALLOWED
            return no_opinion(
                "can only list/watch/deletecollection resourceslices with nodeName field selector"
            )
        return no_opinion(
            "only the following verbs are allowed for a ResourceSlice: get, watch, list, create,"
            " update, patch, delete, deletecollection"
        )

    def _node(self, node: str, a: Attributes) -> Verdict:
        if a.subresource == "status":
            return ALLOWED if a.verb in ("update", "patch") else NO_OPINION
        if a.subresource:
            return NO_OPINION
        # NodeRestriction limits writes to the kubelet's own object.
        if a.verb in ("create", "update", "patch"):
            return ALLOWED
        if a.verb not in ("get", "list", "watch"):
            return NO_OPINION
        if a.name == node:
            return ALLOWED
        if not a.name:
            return no_opinion(f"node '{node}' cannot read all nodes, only its own Node object")
        return no_opinion(f"node '{node}' cannot read '{a.name}', only its own Node object")

    def _pod(self, node: str, a: Attributes) -> Verdict:
        if a.subresource == "status":
            return ALLOWED if a.verb in ("update", "patch") else NO_OPINION
        if a.subresource == "eviction":
            return ALLOWED if a.verb == "create" else NO_OPINION
        if a.subresource:
            return NO_OPINION
        if a.verb == "get":
            return self._related(node, a)
        if a.verb in ("list", "watch"):
            if ("spec.nodeName", "=", node) in a.field_selector:
                return ALLOWED
            if a.name:
                return self._related(node, a)
            return no_opinion("can only list/watch pods with spec.nodeName field selector")
        return ALLOWED if a.verb in ("create", "delete") else NO_OPINION

    def _related(self, node: str, a: Attributes) -> Verdict:
        if not a.name:
            return no_opinion(NO_NAME)
        if self._has_path(node, a):
            return ALLOWED
        return no_opinion(_unrelated(node))

    def _has_path(self, node: str, a: Attributes) -> bool:
        if a.resource == "pods":
            pod = self._lookup.get(PODS, a.namespace, a.name)
            return pod is not None and _node_of(pod) == node
        if a.resource == "volumeattachments":
            attachment = self._lookup.get(VOLUMEATTACHMENTS, "", a.name)
            return attachment is not None and attachment["spec"].get("nodeName") == node
        if a.resource == "podcertificaterequests":
            request = self._lookup.get(PODCERTIFICATEREQUESTS, a.namespace, a.name)
            return request is not None and (request.get("spec") or {}).get("nodeName") == node
        known = (node, a.resource, a.namespace, a.name)
        if self._still_refers(known, a):
            return True
        for pod in self._pods_on(node):
            if self._refers(pod, a):
                self._remembered[known] = key_of(pod)
                if len(self._remembered) > _KEPT:
                    self._remembered.popitem(last=False)
                return True
        return False

    def _still_refers(self, known: tuple[str, str, str, str], a: Attributes) -> bool:
        key = self._remembered.get(known)
        if key is None:
            return False
        pod = self._lookup.get(PODS, key.namespace, key.name)
        if pod is not None and _node_of(pod) == known[0] and self._refers(pod, a):
            return True
        del self._remembered[known]
        return False

    def _refers(self, pod: Object, a: Attributes) -> bool:
        # Mirror pods are made by the kubelet itself and must not open anything to it.
        if podrefs.is_mirror(pod):
            return False
        here = pod["metadata"].get("namespace") == a.namespace
        if a.resource == "configmaps":
            return here and a.name in podrefs.configmap_names(pod)
        if a.resource == "persistentvolumeclaims":
            return here and a.name in podrefs.claim_names(pod)
        if a.resource == "resourceclaims":
            return here and a.name in podrefs.resource_claim_names(pod)
        if a.resource == "serviceaccounts":
            return here and (pod.get("spec") or {}).get("serviceAccountName") == a.name
        if a.resource == "persistentvolumes":
            return any(v["metadata"]["name"] == a.name for v in self._volumes(pod))
        if here and a.name in podrefs.secret_names(pod):
            return True
        return any((a.namespace, a.name) in _volume_secrets(v) for v in self._volumes(pod))

    def _volumes(self, pod: Object) -> Iterator[Object]:
        """Yield the persistent volumes that the pod's claims are bound to."""
        namespace = pod["metadata"].get("namespace", "")
        for name in podrefs.claim_names(pod):
            claim = self._lookup.get(PERSISTENTVOLUMECLAIMS, namespace, name)
            bound = (claim or {}).get("spec", {}).get("volumeName")
            volume = self._lookup.get(PERSISTENTVOLUMES, "", bound) if bound else None
            reference = ((volume or {}).get("spec") or {}).get("claimRef") or {}
            if volume and (reference.get("namespace"), reference.get("name")) == (namespace, name):
                yield volume


def _volume_secrets(volume: Object) -> Iterator[tuple[str, str]]:
    """Yield namespace and name of the secrets that a persistent volume needs on its node."""
    spec = volume.get("spec") or {}
    csi = spec.get("csi") or {}
    for field in ("nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef"):
        reference = csi.get(field) or {}
        if reference.get("name"):
            yield str(reference.get("namespace") or ""), str(reference["name"])
    for source in ("iscsi", "rbd", "cephfs", "flexVolume", "scaleIO", "storageos"):
        reference = (spec.get(source) or {}).get("secretRef") or {}
        if reference.get("name"):
            default = (spec.get("claimRef") or {}).get("namespace")
            yield str(reference.get("namespace") or default or ""), str(reference["name"])


def _node_of(pod: Object) -> str:
    return str((pod.get("spec") or {}).get("nodeName") or "")


def _unrelated(node: str) -> str:
    return f"no relationship found between node '{node}' and this object"
