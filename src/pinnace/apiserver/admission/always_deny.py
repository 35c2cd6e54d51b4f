"""AlwaysDeny: nothing is changed, by nobody."""

from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation


class AlwaysDeny:
    """Refuses every write."""

    name = "AlwaysDeny"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        return True

    def mutate(self, attributes: Attributes) -> None:
        """Refuse."""
        raise attributes.refuse("admission control is denying all modifications")
