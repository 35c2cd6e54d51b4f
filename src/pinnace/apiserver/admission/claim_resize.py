"""PersistentVolumeClaimResize: a claim grows only if its storage class allows that."""

from pinnace.api import quantity
from pinnace.api.kinds.storage import STORAGECLASSES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation
from pinnace.apiserver.admission.default_storage_class import CLASS_ANNOTATION


class PersistentVolumeClaimResize:
    """Guards the size of claims."""

    name = "PersistentVolumeClaimResize"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        is_claim = row.group == "" and row.plural == "persistentvolumeclaims" and not subresource
        return is_claim and operation == "UPDATE"

    def validate(self, attributes: Attributes) -> None:
        """Refuse to grow a claim that is not bound, or whose class does not expand volumes."""
        new, old = attributes.obj, attributes.old
        if new is None or old is None or _size(new) <= _size(old):
            return
        if (old.get("status") or {}).get("phase") != "Bound":
            raise attributes.refuse("Only bound persistent volume claims can be expanded")
        name = _class_of(new)
        found = None
        if name and name == _class_of(old):
            found = attributes.lookup.get(STORAGECLASSES, "", name)
        if found is None or not found.get("allowVolumeExpansion"):
            raise attributes.refuse(
                "only dynamically provisioned pvc can be resized and the storageclass that"
                " provisions the pvc must support resize"
            )


def _size(claim: Object) -> int:
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    try:
        return quantity.parse(requests.get("storage") or "0").value()
    except ValueError:
        return 0


def _class_of(claim: Object) -> str:
    annotations = claim["metadata"].get("annotations") or {}
    name = annotations.get(CLASS_ANNOTATION) or (claim.get("spec") or {}).get("storageClassName")
    return str(name or "")
