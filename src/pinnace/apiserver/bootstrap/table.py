"""Everything that a new cluster starts with, in the order in which it can be created."""

from pinnace.api.kinds.core import NAMESPACES
from pinnace.api.kinds.scheduling import PRIORITYCLASSES
from pinnace.api.objects import Object
from pinnace.apiserver.bootstrap.flow_control import bootstrap_flow_control
from pinnace.apiserver.bootstrap.rbac import bootstrap_rbac

SYSTEM_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
_CRITICAL = 2_000_000_000


def bootstrap_objects() -> list[Object]:
    """Return namespaces, priority classes, roles, bindings and flow control of a new cluster."""
    return [
        *(_namespace(name) for name in SYSTEM_NAMESPACES),
        *bootstrap_priority_classes(),
        *bootstrap_rbac(),
        *bootstrap_flow_control(),
    ]


def bootstrap_priority_classes() -> list[Object]:
    """Return the two priority classes of the system."""
    return [
        _priority_class(
            "system-node-critical",
            _CRITICAL + 1000,
            "Used for system critical pods that must not be moved from their current node.",
        ),
        _priority_class(
            "system-cluster-critical",
            _CRITICAL,
            "Used for system critical pods that must run in the cluster, but can be moved to"
            " another node if necessary.",
        ),
    ]


def _namespace(name: str) -> Object:
    return {
        "kind": NAMESPACES.kind,
        "apiVersion": NAMESPACES.group_version,
        "metadata": {"name": name},
    }


def _priority_class(name: str, value: int, description: str) -> Object:
    return {
        "kind": PRIORITYCLASSES.kind,
        "apiVersion": PRIORITYCLASSES.group_version,
        "metadata": {"name": name},
        "value": value,
        "description": description,
        "preemptionPolicy": "PreemptLowerPriority",
    }
