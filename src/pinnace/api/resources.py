"""Every built-in resource, one row each: the only list of kinds in Pinnace.

Routes, discovery, storage keys, RBAC checks, the client and the informers are all derived from this
table. Behaviour does not live here; it is attached by resource in the rooms that own it (admission,
printers, controllers). The API server's `Rows` can take more of them at run time.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pinnace.api.custom.kind import CustomKind

READ_WRITE = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subresource:
    """One subresource: its name, the kind that it speaks, its verbs as discovery publishes them."""

    name: str
    kind: str = ""
    group: str = ""
    version: str = ""
    verbs: tuple[str, ...] = ("get", "patch", "update")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """What the wire needs to know about one resource in one version.

    `prefix` is the storage key prefix (upstream's layout: `/registry/pods`, `/registry/minions`),
    the same for all versions of one resource and for groups that are views of one another;
    `storage` is the group/version in which it is stored. An empty prefix means that nothing is
    stored (TokenReview ...). `custom` is what a CustomResourceDefinition says, for its rows.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str = ""
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    namespaced: bool = True
    verbs: tuple[str, ...] = READ_WRITE
    subresources: tuple[Subresource, ...] = ()
    prefix: str = ""
    storage: str = ""
    custom: "CustomKind | None" = None

    @property
    def group_version(self) -> str:
        """The apiVersion of objects of this row."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """The URL prefix of this resource's group and version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    @property
    def list_kind(self) -> str:
        """The kind of a list of these."""
        return f"{self.kind}List"

    def url(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of the collection, of one object, or of its subresource."""
        parts = [self.path]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name:
            parts.append(name)
        if subresource:
            parts.append(subresource)
        return "/".join(parts)

    def subresource(self, name: str) -> Subresource | None:
        """Return the named subresource, or None."""
        for sub in self.subresources:
            if sub.name == name:
                return sub
        return None


def status(kind: str) -> Subresource:
    """Return the usual status subresource."""
    return Subresource(name="status", kind=kind)
