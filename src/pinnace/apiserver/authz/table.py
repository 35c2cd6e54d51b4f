"""Every authorization mode, and the authorizers of a server put together in their order."""

from pinnace.apiserver.admission.base import Lookup
from pinnace.apiserver.authz.always import AlwaysAllow
from pinnace.apiserver.authz.node import NodeAuthorizer, PodsOn
from pinnace.apiserver.authz.rbac import Rbac
from pinnace.apiserver.authz.union import Member, Union


def build(rbac: Rbac, lookup: Lookup, pods_on: PodsOn) -> Union:
    """Return what a server authorizes by: system:masters, then Node, then RBAC.

    `rbac.changed` has to be called for every change of an RBAC object.
    """
    return Union(
        (Member("Node", "node", NodeAuthorizer(lookup, pods_on)), Member("RBAC", "rbac", rbac))
    )


def allow_all() -> Union:
    """Return what allows everything."""
    return Union((Member("AlwaysAllow", "alwaysallow", AlwaysAllow()),))
