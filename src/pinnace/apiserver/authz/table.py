"""Every authorization mode, in upstream's order, and the whole of it."""

from pinnace.apiserver.admission.base import Lookup
from pinnace.apiserver.authz.base import Authorizer, Union
from pinnace.apiserver.authz.node import NodeAuthorizer, PodsOn
from pinnace.apiserver.authz.rbac import Rbac


class AlwaysAllow:
    """Allows everything: for clusters inside a test that do not want RBAC."""

    def authorize(self, user: object, attributes: object) -> tuple[bool, str]:
        return True, ""


def build(rbac: Rbac, lookup: Lookup, pods_on: PodsOn) -> Authorizer:
    """Return what a server authorizes by: system:masters, then Node, then RBAC.

    `rbac.changed` has to be called for every change of an RBAC object.
    """
    return Union((NodeAuthorizer(lookup, pods_on), rbac))
