"""StorageObjectInUseProtection: storage objects get the finalizer that delays their deletion."""

from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation

_FINALIZERS = {
    ("", "persistentvolumes"): "kubernetes.io/pv-protection",
    ("", "persistentvolumeclaims"): "kubernetes.io/pvc-protection",
    ("storage.k8s.io", "volumeattributesclasses"): "kubernetes.io/vac-protection",
}


class StorageObjectInUseProtection:
    """Adds protection finalizers; the controllers of that name take them off."""

    name = "StorageObjectInUseProtection"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        concerned = (row.group, row.plural) in _FINALIZERS
        return concerned and not subresource and operation == "CREATE"

    def mutate(self, attributes: Attributes) -> None:
        """Add the finalizer unless it is there."""
        if attributes.obj is None:
            return
        finalizer = _FINALIZERS[attributes.row.group, attributes.row.plural]
        meta = attributes.obj["metadata"]
        present = meta.get("finalizers") or []
        if finalizer not in present:
            meta["finalizers"] = [*present, finalizer]
