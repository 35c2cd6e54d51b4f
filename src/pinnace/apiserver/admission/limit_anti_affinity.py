"""LimitPodHardAntiAffinityTopology: Pods keep apart by host name, and by nothing wider."""

from pinnace.api.errors import forbidden
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation

_HOST = "kubernetes.io/hostname"


class LimitPodHardAntiAffinityTopology:
    """Refuses required anti-affinity with other topology keys."""

    name = "LimitPodHardAntiAffinityTopology"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        written = operation in ("CREATE", "UPDATE") and not subresource
        return written and (row.group, row.plural) == ("", "pods")

    def validate(self, attributes: Attributes) -> None:
        """Look at each required term."""
        pod = attributes.obj or {}
        affinity = ((pod.get("spec") or {}).get("affinity") or {}).get("podAntiAffinity") or {}
        for term in affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ():
            key = term.get("topologyKey") or ""
            if key != _HOST:
                why = (
                    "affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey "
                    f"{key} but only key {_HOST} is allowed"
                )
                raise forbidden("pods", "", (pod.get("metadata") or {}).get("name") or "", why)
