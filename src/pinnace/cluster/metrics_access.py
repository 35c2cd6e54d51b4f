"""The rights around the resource metrics API, as metrics-server's manifests grant them."""

from pinnace.api.kinds.rbac import CLUSTERROLES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource

_READ = ["get", "list", "watch"]
_AGGREGATE = "rbac.authorization.k8s.io/aggregate-to"


def metrics_access() -> list[tuple[Resource, Object]]:
    """Return the roles: who may view, edit or administer a namespace sees its Pods' use."""
    reader = {"apiGroups": ["metrics.k8s.io"], "resources": ["pods", "nodes"], "verbs": _READ}
    server = [
        {"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": _READ},
    ]
    labels = {f"{_AGGREGATE}-{role}": "true" for role in ("view", "edit", "admin")}
    return [
        (CLUSTERROLES, _role("system:aggregated-metrics-reader", [reader], labels)),
        (CLUSTERROLES, _role("system:metrics-server", server, {})),
    ]


def _role(name: str, rules: list[Object], labels: dict[str, str]) -> Object:
    metadata: Object = {"name": name} | ({"labels": labels} if labels else {})
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": metadata,
        "rules": rules,
    }
