"""What Pinnace's own components may do, where upstream has no role for them."""

from collections.abc import Sequence

from pinnace.api.kinds.rbac import CLUSTERROLEBINDINGS, CLUSTERROLES, ROLEBINDINGS, ROLES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.cluster.pki import IDENTITIES, KUBELET_CLIENT, SIM

_API = "rbac.authorization.k8s.io"
_DNS, _HERE = "system:coredns", "kube-system"


def component_access() -> tuple[tuple[Resource, Object], ...]:
    """Return the roles and bindings of the DNS, the simulated nodes, and who calls kubelets."""
    return (*_dns(), *_sim(), *_kubelet_client())


def _dns() -> Sequence[tuple[Resource, Object]]:
    """CoreDNS's own rights, and to publish where it listens."""
    subject = {"kind": "ServiceAccount", "name": "coredns", "namespace": _HERE}
    rules = [
        _rule("", "services namespaces", "get list watch"),
        _rule("discovery.k8s.io", "endpointslices", "list watch"),
    ]
    publish = [
        _rule("", "services", "create get patch"),
        _rule("discovery.k8s.io", "endpointslices", "create get patch"),
    ]
    return (
        *_granted(_DNS, rules, subject),
        (ROLES, _made("Role", _DNS, _HERE, rules=publish)),
        (
            ROLEBINDINGS,
            _made("RoleBinding", _DNS, _HERE, roleRef=_to("Role", _DNS), subjects=[subject]),
        ),
    )


def _sim() -> Sequence[tuple[Resource, Object]]:
    """Everything that kubelets write of nodes, Pods and Leases, of which it plays many."""
    rules = [
        _rule("", "nodes", "create get list watch"),
        _rule("", "nodes/status", "patch"),
        _rule("", "pods", "delete get list watch"),
        _rule("", "pods/status", "patch"),
        _rule("coordination.k8s.io", "leases", "create patch"),
    ]
    return _granted(SIM, rules, {"apiGroup": _API, "kind": "User", "name": SIM})


def _kubelet_client() -> Sequence[tuple[Resource, Object]]:
    """Upstream's role of those who may use all of a kubelet's API, for the API server itself."""
    name = IDENTITIES[KUBELET_CLIENT].common_name
    subject = {"apiGroup": _API, "kind": "User", "name": name}
    reference = _to("ClusterRole", "system:kubelet-api-admin")
    made = _made("ClusterRoleBinding", name, roleRef=reference, subjects=[subject])
    return ((CLUSTERROLEBINDINGS, made),)


def _granted(name: str, rules: list[Object], subject: Object) -> Sequence[tuple[Resource, Object]]:
    reference = _to("ClusterRole", name)
    return (
        (CLUSTERROLES, _made("ClusterRole", name, rules=rules)),
        (
            CLUSTERROLEBINDINGS,
            _made("ClusterRoleBinding", name, roleRef=reference, subjects=[subject]),
        ),
    )


def _rule(group: str, resources: str, verbs: str) -> Object:
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}


def _made(kind: str, name: str, namespace: str = "", **more: object) -> Object:
    meta = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": f"{_API}/v1", "kind": kind, "metadata": meta, **more}


def _to(kind: str, name: str) -> Object:
    return {"apiGroup": _API, "kind": kind, "name": name}
