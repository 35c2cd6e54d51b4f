"""NamespaceAutoProvision: a namespace is made when something is first made in it."""

from collections.abc import Awaitable, Callable

from pinnace.api.kinds.core import NAMESPACES
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation, Outcome


class NamespaceAutoProvision:
    """Makes missing namespaces through `make`, which is told their names."""

    name = "NamespaceAutoProvision"

    def __init__(self, make: Callable[[str], Awaitable[None]]) -> None:
        self._make = make

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        is_namespace = (row.group, row.plural) == ("", "namespaces")
        return operation == "CREATE" and row.namespaced and not is_namespace

    def mutate(self, attributes: Attributes) -> Outcome:
        """Make the namespace, unless nothing is to be stored."""
        name = attributes.namespace
        if attributes.dry_run or not name:
            return None
        if attributes.lookup.get(NAMESPACES, "", name) is not None:
            return None
        return self._make(name)
