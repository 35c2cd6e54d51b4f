"""TaintNodesByCondition: a new node is not ready until its controller says so."""

from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation

_TAINT = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


class TaintNodesByCondition:
    """Taints new nodes."""

    name = "TaintNodesByCondition"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        is_node = row.group == "" and row.plural == "nodes" and not subresource
        return is_node and operation == "CREATE"

    def mutate(self, attributes: Attributes) -> None:
        """Add the taint unless it is there."""
        if attributes.obj is None:
            return
        taints = attributes.obj.setdefault("spec", {}).setdefault("taints", [])
        if not any(
            t.get("key") == _TAINT["key"] and t.get("effect") == _TAINT["effect"] for t in taints
        ):
            taints.append(dict(_TAINT))
