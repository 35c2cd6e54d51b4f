"""OwnerReferencesPermissionEnforcement: who makes owners must be allowed to.

To give an object owners takes the right to delete it, since they take it along; to keep an owner
from being deleted takes the right to set its finalizers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation
from pinnace.apiserver.authz import base as authz

_ANYTHING = authz.Attributes(
    verb="update", group="*", version="*", resource="*", subresource="finalizers", name="*"
)


class OwnerReferencesPermissionEnforcement:
    """Asks the authorizer about new owners; `rows` are what is served."""

    name = "OwnerReferencesPermissionEnforcement"

    def __init__(self, authorizer: authz.Authorizer, rows: Iterable[Resource]) -> None:
        self._authorizer = authorizer
        self._rows = rows

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        # The status of a Pod cannot change its owners.
        is_pod_status = (row.group, row.plural, subresource) == ("", "pods", "status")
        return operation in ("CREATE", "UPDATE") and not is_pod_status

    def validate(self, attributes: Attributes) -> None:
        """Refuse owners that the user may not set."""
        new, old = _owners(attributes.obj), _owners(attributes.old)
        if new == old:
            return
        row, user = attributes.row, attributes.user
        if attributes.operation == "UPDATE":
            asked = authz.Attributes(
                verb="delete",
                group=row.group,
                version=row.version,
                resource=row.plural,
                subresource=attributes.subresource,
                namespace=attributes.namespace,
                name=attributes.name,
            )
            allowed, why = self._authorizer.authorize(user, asked)
            if not allowed:
                text = "cannot set an ownerRef on a resource you can't delete"
                raise attributes.refuse(f"{text}: {why}, <nil>")
        blocking = list(_newly_blocking(new, old))
        if not blocking or self._authorizer.authorize(user, _ANYTHING)[0]:
            return
        for reference in blocking:
            self._check_owner(attributes, reference)

    def _check_owner(self, attributes: Attributes, reference: Object) -> None:
        version, kind = reference.get("apiVersion") or "", reference.get("kind") or ""
        rows = [row for row in self._rows if (row.group_version, row.kind) == (version, kind)]
        if not rows:
            text = "cannot set blockOwnerDeletion in this case because cannot find RESTMapping"
            raise attributes.refuse(
                f'{text} for APIVersion {version} Kind {kind}: no matches for kind "{kind}" '
                f'in version "{version}"'
            )
        for row in rows:
            asked = replace(
                _ANYTHING,
                group=row.group,
                version=row.version,
                resource=row.plural,
                name=reference.get("name") or "",
                namespace=attributes.namespace if row.namespaced else "",
            )
            allowed, why = self._authorizer.authorize(attributes.user, asked)
            if not allowed:
                text = (
                    "cannot set blockOwnerDeletion if an ownerReference refers to a resource you "
                    "can't set finalizers on"
                )
                raise attributes.refuse(f"{text}: {why}, <nil>")


def _owners(obj: Object | None) -> list[Object]:
    return ((obj or {}).get("metadata") or {}).get("ownerReferences") or []


def _newly_blocking(new: Iterable[Object], old: Iterable[Object]) -> Iterator[Object]:
    blocked = {each.get("uid") for each in old if each.get("blockOwnerDeletion")}
    for each in new:
        if each.get("blockOwnerDeletion") and each.get("uid") not in blocked:
            yield each
