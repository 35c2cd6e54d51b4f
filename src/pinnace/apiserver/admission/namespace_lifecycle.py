"""NamespaceLifecycle: nothing is made in a namespace that is not there or is going away."""

from pinnace.api.errors import forbidden, not_found
from pinnace.api.kinds.core import NAMESPACES
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation

IMMORTAL = ("default", "kube-system", "kube-public")
# Reviews of access tell nothing about namespaces, not even that they are missing.
_REVIEWS = ("localsubjectaccessreviews",)


class NamespaceLifecycle:
    """Guards the life of namespaces."""

    name = "NamespaceLifecycle"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        if row.group == "" and row.plural == "namespaces":
            return operation == "DELETE"
        return row.namespaced and operation in ("CREATE", "UPDATE") and row.plural not in _REVIEWS

    def mutate(self, attributes: Attributes) -> None:
        """Refuse; it is a mutator, as upstream's, only to come before everything else."""
        namespace = attributes.namespace
        if attributes.of("", "namespaces"):
            if attributes.name in IMMORTAL:
                why = "this namespace may not be deleted"
                raise forbidden("namespaces", "", attributes.name, why)
            return
        if not namespace:
            return
        found = attributes.lookup.get(NAMESPACES, "", namespace)
        if found is None:
            raise not_found("namespaces", "", namespace)
        phase = (found.get("status") or {}).get("phase")
        if attributes.operation != "CREATE" or phase != "Terminating":
            return
        refused = attributes.refuse(
            f"unable to create new content in namespace {namespace} because it is being terminated"
        )
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {namespace} is being terminated",
            "field": "metadata.namespace",
        }
        refused.details = {**(refused.details or {}), "causes": [cause]}
        raise refused
