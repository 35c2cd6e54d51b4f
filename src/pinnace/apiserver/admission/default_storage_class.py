"""DefaultStorageClass: a claim that names no class gets the default one."""

from pinnace.api.kinds.storage import STORAGECLASSES
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation
from pinnace.apiserver.admission.defaults import newest_marked

_ANNOTATIONS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


class DefaultStorageClass:
    """Sets the class of new claims."""

    name = "DefaultStorageClass"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        is_claim = row.group == "" and row.plural == "persistentvolumeclaims" and not subresource
        return is_claim and operation == "CREATE"

    def mutate(self, attributes: Attributes) -> None:
        """Set the class unless the claim has one; the empty name counts as having one."""
        obj = attributes.obj
        if obj is None:
            return
        annotations = obj["metadata"].get("annotations") or {}
        spec = obj.setdefault("spec", {})
        if CLASS_ANNOTATION in annotations or spec.get("storageClassName") is not None:
            return
        default = newest_marked(attributes.lookup.list(STORAGECLASSES), _ANNOTATIONS)
        if default is not None:
            spec["storageClassName"] = default["metadata"]["name"]
