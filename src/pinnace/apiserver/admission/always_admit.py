"""AlwaysAdmit: lets everything pass; it is there because it may be named."""

from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Operation


class AlwaysAdmit:
    """Looks at nothing."""

    name = "AlwaysAdmit"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        return False
