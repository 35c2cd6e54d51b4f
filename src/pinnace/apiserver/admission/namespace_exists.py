"""NamespaceExists: nothing is written or deleted in a namespace that is not there."""

from pinnace.api.errors import not_found
from pinnace.api.kinds.core import NAMESPACES
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation


class NamespaceExists:
    """Refuses writes to missing namespaces."""

    name = "NamespaceExists"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        return row.namespaced and operation != "CONNECT"

    def validate(self, attributes: Attributes) -> None:
        """Refuse as if the namespace had been asked for."""
        name = attributes.namespace
        if name and attributes.lookup.get(NAMESPACES, "", name) is None:
            raise not_found("namespaces", "", name)
