"""PodTopologyLabels: a pod learns its node's zone and region when it is bound."""

from pinnace.api.kinds.core import NODES
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation

_LABELS = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


class PodTopologyLabels:
    """Puts topology labels on bindings, from where they reach the pod."""

    name = "PodTopologyLabels"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        binding = (row.plural, subresource) in (("pods", "binding"), ("bindings", ""))
        return row.group == "" and binding and operation == "CREATE"

    def mutate(self, attributes: Attributes) -> None:
        """Copy the labels; a node that is not there gives none."""
        binding = attributes.obj
        target = (binding or {}).get("target") or {}
        if binding is None or target.get("kind", "Node") not in ("", "Node"):
            return
        node = attributes.lookup.get(NODES, "", str(target.get("name") or ""))
        labels = ((node or {}).get("metadata") or {}).get("labels") or {}
        found = {key: labels[key] for key in _LABELS if key in labels}
        if found:
            meta = binding.setdefault("metadata", {})
            meta["labels"] = {**(meta.get("labels") or {}), **found}
