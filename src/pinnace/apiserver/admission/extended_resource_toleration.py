"""ExtendedResourceToleration: who asks for a device tolerates the taint of nodes that have it."""

from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.validation.resources import is_extended
from pinnace.apiserver.admission.base import Attributes, Operation


class ExtendedResourceToleration:
    """Adds a toleration for each extended resource that a Pod requests."""

    name = "ExtendedResourceToleration"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        written = operation in ("CREATE", "UPDATE") and not subresource
        return written and (row.group, row.plural) == ("", "pods")

    def mutate(self, attributes: Attributes) -> None:
        """Add what is missing, by the names of the resources."""
        spec = (attributes.obj or {}).get("spec") or {}
        for name in sorted(_extended(spec)):
            wanted = {"key": name, "operator": "Exists", "effect": "NoSchedule"}
            tolerations = list(spec.get("tolerations") or ())
            if not any(_matches(wanted, each) for each in tolerations):
                spec["tolerations"] = [*tolerations, wanted]


def _extended(spec: Object) -> set[str]:
    return {
        name
        for field in ("containers", "initContainers")
        for container in spec.get(field) or ()
        for name in (container.get("resources") or {}).get("requests") or ()
        if is_extended(name)
    }


def _matches(one: Object, two: Object) -> bool:
    names = ("key", "effect", "operator", "value")
    return all((one.get(name) or "") == (two.get(name) or "") for name in names)
