"""The escalation check of RBAC writes, as the last of those that may change an object.

Upstream has it in the registries of the four kinds and not as a plug-in; it has no name that a
user could switch off.
"""

from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation
from pinnace.apiserver.authz.base import Authorizer
from pinnace.apiserver.authz.escalation import BINDING_KINDS, ROLE_KINDS, check_write
from pinnace.apiserver.authz.rbac import GROUP, Rbac


class RbacEscalation:
    """Refuses to let anybody grant what they do not hold."""

    name = "RBACEscalation"

    def __init__(self, rbac: Rbac, authorizer: Authorizer) -> None:
        self._rbac = rbac
        self._authorizer = authorizer

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        concerned = row.group == GROUP and row.plural in ROLE_KINDS + BINDING_KINDS
        return concerned and operation in ("CREATE", "UPDATE")

    async def mutate(self, attributes: Attributes) -> None:
        """Refuse an escalating role or binding."""
        if attributes.obj is None:
            return
        refused = await check_write(
            attributes.row, attributes.obj, attributes.old,
            namespace=attributes.namespace, asked=attributes.asked, user=attributes.user,
            rbac=self._rbac, authorizer=self._authorizer,
        )  # fmt: skip
        if refused is not None:
            raise refused
