"""DefaultIngressClass: an ingress that names no class gets the default one."""

from pinnace.api.kinds.networking import INGRESSCLASSES
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation
from pinnace.apiserver.admission.defaults import newest_marked

_ANNOTATIONS = ("ingressclass.kubernetes.io/is-default-class",)
_CLASS_ANNOTATION = "kubernetes.io/ingress.class"


class DefaultIngressClass:
    """Sets the class of new ingresses."""

    name = "DefaultIngressClass"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        is_ingress = row.group == "networking.k8s.io" and row.plural == "ingresses"
        return is_ingress and not subresource and operation == "CREATE"

    def mutate(self, attributes: Attributes) -> None:
        """Set the class unless the ingress has one, as field or as annotation."""
        obj = attributes.obj
        if obj is None:
            return
        spec = obj.setdefault("spec", {})
        annotations = obj["metadata"].get("annotations") or {}
        if spec.get("ingressClassName") is not None or _CLASS_ANNOTATION in annotations:
            return
        default = newest_marked(attributes.lookup.list(INGRESSCLASSES), _ANNOTATIONS)
        if default is not None:
            spec["ingressClassName"] = default["metadata"]["name"]
