"""NodeRestriction: a kubelet writes its own objects and those of its own pods, nothing else."""

from pinnace.api.errors import ApiError, not_found
from pinnace.api.kinds.core import NODES, PODS
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver import podrefs
from pinnace.apiserver.admission import node_labels
from pinnace.apiserver.admission.base import Attributes, Operation, Outcome
from pinnace.apiserver.admission.certificate_subject import requested
from pinnace.apiserver.admission.node_certificates import check_for_pod
from pinnace.apiserver.authz.base import Attributes as Attempt
from pinnace.apiserver.authz.base import Authorizer, decided
from pinnace.apiserver.authz.node import LEASE_NAMESPACE, node_name_of
from pinnace.kit.x509 import X509Error

_SIGNERS = ("kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet")
_CONCERNED = (
    ("", "pods"),
    ("", "nodes"),
    ("", "persistentvolumeclaims"),
    ("", "serviceaccounts"),
    ("coordination.k8s.io", "leases"),
    ("storage.k8s.io", "csinodes"),
    ("resource.k8s.io", "resourceslices"),
    ("certificates.k8s.io", "certificatesigningrequests"),
    ("certificates.k8s.io", "podcertificaterequests"),
)


class NodeRestriction:
    """Limits what users in system:nodes may write."""

    name = "NodeRestriction"

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._checks = dict(
            zip(
                _CONCERNED,
                (
                    _check_pods, _check_node, _check_claim, self._check_token,
                    _check_lease, _check_csi_node, _check_slice, _check_request, check_for_pod,
                ),
                strict=True,
            )
        )  # fmt: skip

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        return operation != "CONNECT" and (row.group, row.plural) in _CONCERNED

    def mutate(self, attributes: Attributes) -> Outcome:
        """Refuse; upstream's has this in its mutating half, and changes nothing either."""
        node = node_name_of(attributes.user)
        if node is None:
            return None
        if not node:
            raise attributes.refuse(f'could not determine node from user "{attributes.user.name}"')
        return self._checks[attributes.row.group, attributes.row.plural](node, attributes)

    def _check_token(self, node: str, a: Attributes) -> Outcome:
        if a.operation != "CREATE" or a.subresource != "token":
            return None
        spec = (a.obj or {}).get("spec") or {}
        reference = spec.get("boundObjectRef") or {}
        is_pod = reference.get("apiVersion") == "v1" and reference.get("kind") == "Pod"
        if not is_pod or not reference.get("name"):
            raise a.refuse("node requested token not bound to a pod")
        uid = reference.get("uid")
        if not uid:
            raise a.refuse("node requested token with a pod binding without a uid")
        pod = a.lookup.get(PODS, a.namespace, reference["name"])
        if pod is None:
            raise not_found("pods", "", reference["name"])
        if uid != pod["metadata"].get("uid"):
            raise a.refuse(
                f"the UID in the bound object reference ({uid}) does not match the UID in record."
                " The object might have been deleted and then recreated"
            )
        if pod["spec"].get("nodeName") != node:
            raise a.refuse("node requested token bound to a pod scheduled on a different node")
        return self._check_audience(a, pod, spec.get("audiences") or [])

    async def _check_audience(self, a: Attributes, pod: Object, audiences: list[str]) -> None:
        """Refuse audiences that no volume of the pod asks for, unless RBAC allows them."""
        if len(audiences) > 1:
            raise a.refuse("node may only request 0 or 1 audiences")
        audience = audiences[0] if audiences else ""
        for volume in podrefs.volumes(pod):
            for source in (volume.get("projected") or {}).get("sources") or ():
                token = source.get("serviceAccountToken")
                if token is not None and (token.get("audience") or "") == audience:
                    return
        attempt = Attempt(
            verb="request-serviceaccounts-token-audience",
            version="v1",
            namespace=a.namespace,
            resource=audience,
            name=a.name,
        )
        if not (await decided(self._authorizer, a.user, attempt)).allowed:
            raise a.refuse(
                f'audience "{audience}" not found in pod spec volume, {a.user.name} is not'
                " authorized to request tokens for this audience"
            )


def _check_pods(node: str, a: Attributes) -> None:
    if a.subresource == "status":
        _check_pod_status(node, a)
    elif a.subresource == "eviction":
        _check_eviction(node, a)
    elif a.subresource:
        raise a.refuse(
            f"unexpected pod subresource \"{a.subresource}\", only 'status' and 'eviction' are"
            " allowed"
        )
    elif a.operation == "CREATE":
        _check_mirror_pod(node, a)
    elif a.operation == "DELETE":
        pod = a.lookup.get(PODS, a.namespace, a.name)
        if pod is None:
            raise not_found("pods", "", a.name)
        if pod["spec"].get("nodeName") != node:
            raise a.refuse(f'node "{node}" can only delete pods with spec.nodeName set to itself')
    else:
        raise a.refuse(
            f'unexpected operation "{a.operation}", node "{node}" can only create and delete'
            " mirror pods"
        )


def _check_mirror_pod(node: str, a: Attributes) -> None:
    pod = a.obj or {"metadata": {}}
    can_only = f'node "{node}" can only create pods with'
    if not podrefs.is_mirror(pod):
        raise a.refuse(
            f'pod does not have "{podrefs.MIRROR}" annotation, node "{node}" can only create'
            " mirror pods"
        )
    if (pod.get("spec") or {}).get("nodeName") != node:
        raise a.refuse(f"{can_only} spec.nodeName set to itself")
    refused = _check_owner(node, a, pod["metadata"].get("ownerReferences") or [], can_only)
    if refused is not None:
        raise refused
    kind = podrefs.referenced_kind(pod)
    if kind:
        raise a.refuse(f'node "{node}" can not create pods that reference {kind}')


def _check_owner(node: str, a: Attributes, owners: list[Object], can_only: str) -> ApiError | None:
    if len(owners) > 1:
        return a.refuse(f"{can_only} a single owner reference set to itself")
    owner = owners[0] if owners else {}
    named = (owner.get("apiVersion"), owner.get("kind"), owner.get("name"))
    if named != ("v1", "Node", node):
        return a.refuse(f"{can_only} an owner reference set to itself")
    if not owner.get("controller"):
        return a.refuse(f"{can_only} a controller owner reference set to itself")
    if owner.get("blockOwnerDeletion"):
        return a.refuse(f'node "{node}" must not set blockOwnerDeletion on an owner reference')
    found = a.lookup.get(NODES, "", node)
    if found is None:
        return not_found("nodes", "", node)
    uid = found["metadata"].get("uid")
    if owner.get("uid") != uid:
        return a.refuse(f"node {node} UID mismatch: expected {owner.get('uid')} got {uid}")
    return None


def _check_pod_status(node: str, a: Attributes) -> None:
    if a.operation != "UPDATE" or a.old is None or a.obj is None:
        raise a.refuse(f'unexpected operation "{a.operation}"')
    if a.old["spec"].get("nodeName") != node:
        raise a.refuse(
            f'node "{node}" can only update pod status for pods with spec.nodeName set to itself'
        )
    old, new = a.old["metadata"].get("labels") or {}, a.obj["metadata"].get("labels") or {}
    if old != new:
        raise a.refuse(f'node "{node}" cannot update labels through pod status')
    before, after = a.old.get("status") or {}, a.obj.get("status") or {}
    if (before.get("resourceClaimStatuses") or []) != (after.get("resourceClaimStatuses") or []):
        raise a.refuse(f'node "{node}" cannot update resource claim statues')
    field = "extendedResourceClaimStatus"
    if before.get(field) != after.get(field):
        raise a.refuse(f'node "{node}" cannot update extended resource claim status')


def _check_eviction(node: str, a: Attributes) -> None:
    if a.operation != "CREATE":
        raise a.refuse(f"unexpected operation {a.operation}")
    name = a.name or str(((a.obj or {}).get("metadata") or {}).get("name") or "")
    if not name:
        raise a.refuse("could not determine pod from request data")
    pod = a.lookup.get(PODS, a.namespace, name)
    if pod is None:
        raise not_found("pods", "", name)
    if pod["spec"].get("nodeName") != node:
        raise a.refuse(f"node {node} can only evict pods with spec.nodeName set to itself")


def _check_claim(node: str, a: Attributes) -> None:
    if a.subresource != "status":
        raise a.refuse("may only update PVC status")
    if a.operation != "UPDATE" or a.old is None or a.obj is None:
        raise a.refuse(f'unexpected operation "{a.operation}"')
    if _without_sizes(a.old) != _without_sizes(a.obj):
        raise a.refuse(
            f'node "{node}" is not allowed to update fields other than status.quantity and'
            " status.conditions"
        )


def _without_sizes(claim: Object) -> Object:
    """Return a claim without what its kubelet may change, and what changes by itself."""
    free = ("capacity", "conditions", "allocatedResources", "allocatedResourceStatuses")
    status = {k: v for k, v in (claim.get("status") or {}).items() if k not in free}
    ignored = ("resourceVersion", "managedFields")
    meta = {k: v for k, v in claim["metadata"].items() if k not in ignored}
    return {**claim, "metadata": meta, "status": status}


def _check_node(node: str, a: Attributes) -> None:
    name = _named(a)
    if name != node:
        raise a.refuse(f'node "{node}" is not allowed to modify node "{name}"')
    if a.obj is None:
        return
    spec, labels = a.obj.get("spec") or {}, a.obj["metadata"].get("labels") or {}
    if a.operation == "CREATE":
        if spec.get("configSource") is not None:
            raise a.refuse(
                f'node "{node}" is not allowed to create pods with a non-nil configSource'
            )
        wrong = node_labels.forbidden(node_labels.modified(labels, {}))
        if wrong:
            raise a.refuse(
                f'node "{node}" is not allowed to set the following labels: {", ".join(wrong)}'
            )
    elif a.operation == "UPDATE" and a.old is not None:
        _check_node_update(node, a, a.old)


def _check_node_update(node: str, a: Attributes, old: Object) -> None:
    obj = a.obj or {}
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    source = spec.get("configSource")
    if source is not None and source != before.get("configSource"):
        raise a.refuse(
            f'node "{node}" is not allowed to update configSource to a new non-nil configSource'
        )
    if (spec.get("taints") or []) != (before.get("taints") or []):
        raise a.refuse(f'node "{node}" is not allowed to modify taints')
    field = "ownerReferences"
    if (obj["metadata"].get(field) or []) != (old["metadata"].get(field) or []):
        raise a.refuse(f'node "{node}" is not allowed to modify ownerReferences')
    labels = (o["metadata"].get("labels") or {} for o in (obj, old))
    wrong = node_labels.forbidden(node_labels.modified(*labels))
    if wrong:
        raise a.refuse(f"is not allowed to modify labels: {', '.join(wrong)}")


def _check_lease(node: str, a: Attributes) -> None:
    if a.namespace != LEASE_NAMESPACE:
        raise a.refuse(f'can only access leases in the "{LEASE_NAMESPACE}" system namespace')
    if _named(a) != node:
        raise a.refuse("can only access node lease with the same name as the requesting node")


def _check_csi_node(node: str, a: Attributes) -> None:
    if _named(a) != node:
        raise a.refuse("can only access CSINode with the same name as the requesting node")


def _check_slice(node: str, a: Attributes) -> None:
    verb = {"CREATE": "create", "DELETE": "delete"}.get(a.operation)
    if verb is None:
        return
    slice_ = (a.obj if a.operation == "CREATE" else a.old) or {}
    if (slice_.get("spec") or {}).get("nodeName") != node:
        raise a.refuse(
            f"can only {verb} ResourceSlice with the same NodeName as the requesting node"
        )


def _check_request(node: str, a: Attributes) -> None:
    spec = (a.obj or {}).get("spec") or {}
    if a.operation != "CREATE" or spec.get("signerName") not in _SIGNERS:
        return
    try:
        facts = requested(spec)
    except X509Error as error:
        raise a.refuse(f"unable to parse csr: {error}") from error
    if facts.subject.common_name != f"system:node:{node}":
        raise a.refuse(f"can only create a node CSR with CN=system:node:{node}")


def _named(a: Attributes) -> str:
    """Return the object's own name: the URL does not have it on create."""
    return a.name or str(((a.obj or {}).get("metadata") or {}).get("name") or "")
