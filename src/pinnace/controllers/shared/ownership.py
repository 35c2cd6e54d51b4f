"""Who owns whom, over all resources: the garbage collector's graph, and what follows from changes.

A node is one object; owners that are referred to but have not been seen are in the graph, too, as
virtual nodes, and are looked up at the server before anything is done on their account. Every
change returns the uids to look at: for deletion (an owner may be gone, a dependent may no longer
block) and for orphaning (an owner waits for its dependents to be let go).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pinnace.api.objects import Object

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


@dataclass(frozen=True, slots=True)
class Identity:
    """What is needed to ask the server for an object; the namespace is empty if cluster-wide."""

    group: str
    version: str
    kind: str
    namespace: str
    name: str
    uid: str


@dataclass(slots=True, eq=False)
class Node:
    """One object of the graph."""

    identity: Identity
    owners: list[Object] = field(default_factory=list)
    dependents: dict[str, "Node"] = field(default_factory=dict)
    being_deleted: bool = False
    deleting_dependents: bool = False
    virtual: bool = False

    def blocking(self) -> list["Node"]:
        """Return the dependents that must be gone before this object is."""
        uid = self.identity.uid
        return [
            dependent
            for dependent in self.dependents.values()
            if any(ref["uid"] == uid and ref.get("blockOwnerDeletion") for ref in dependent.owners)
        ]


@dataclass(slots=True)
class Changes:
    """The uids to look at after a change."""

    delete: set[str] = field(default_factory=set)
    orphan: set[str] = field(default_factory=set)


class Graph:
    """All objects and who owns them."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def observe(self, identity: Identity, obj: Object) -> Changes:
        """Take an object as it is now."""
        meta = obj["metadata"]
        changes = Changes()
        node = self.nodes.get(identity.uid)
        if node is None:
            node = self.nodes[identity.uid] = Node(identity)
        elif node.virtual:
            self._check_namespaces(node, identity, changes)
        node.virtual = False
        node.identity = identity
        self._set_owners(node, meta.get("ownerReferences") or [], changes)
        self._follow_deletion(node, meta, changes)
        return changes

    def forget(self, uid: str) -> Changes:
        """Take an object out that is gone: its dependents may have to go, its owners may now."""
        changes = Changes()
        node = self.nodes.pop(uid, None)
        if node is None:
            return changes
        for ref in node.owners:
            owner = self.nodes.get(ref["uid"])
            if owner is None:
                continue
            owner.dependents.pop(uid, None)
            if owner.deleting_dependents:
                changes.delete.add(ref["uid"])
            elif owner.virtual and not owner.dependents:
                del self.nodes[ref["uid"]]
        changes.delete.update(node.dependents)
        if node.dependents:
            # Stays, empty, for as long as somebody names it as an owner.
            self.nodes[uid] = Node(node.identity, dependents=node.dependents, virtual=True)
        return changes

    def _check_namespaces(self, node: Node, identity: Identity, changes: Changes) -> None:
        """The owner turns up; those that look for it in another namespace do not have it."""
        if identity.namespace:
            changes.delete.update(
                uid
                for uid, dependent in node.dependents.items()
                if dependent.identity.namespace != identity.namespace
            )

    def _set_owners(self, node: Node, owners: list[Object], changes: Changes) -> None:
        uid = node.identity.uid
        old = {ref["uid"]: ref for ref in node.owners}
        new = {ref["uid"]: ref for ref in owners}
        node.owners = list(new.values())
        for owner_uid, ref in old.items():
            kept = new.get(owner_uid)
            unblocked = ref.get("blockOwnerDeletion") and not (
                kept is not None and kept.get("blockOwnerDeletion")
            )
            if unblocked and owner_uid in self.nodes:
                changes.delete.add(owner_uid)
            if kept is None and owner_uid in self.nodes:
                self.nodes[owner_uid].dependents.pop(uid, None)
        for owner_uid, ref in new.items():
            owner = self.nodes.get(owner_uid)
            if owner is None:
                owner = Node(_owner_identity(ref, node.identity.namespace), virtual=True)
                self.nodes[owner_uid] = owner
            if owner.virtual:
                changes.delete.add(owner_uid)
            elif owner_uid not in old and _is_elsewhere(owner.identity, node.identity):
                changes.delete.add(uid)
            owner.dependents[uid] = node
            if owner_uid not in old and owner.deleting_dependents:
                changes.delete.add(uid)

    def _follow_deletion(self, node: Node, meta: Object, changes: Changes) -> None:
        if "deletionTimestamp" not in meta:
            return
        node.being_deleted = True
        finalizers = meta.get("finalizers") or ()
        if ORPHAN in finalizers:
            changes.orphan.add(node.identity.uid)
        if FOREGROUND in finalizers:
            if not node.deleting_dependents:
                node.deleting_dependents = True
                changes.delete.update(node.dependents)
            changes.delete.add(node.identity.uid)


def _is_elsewhere(owner: Identity, dependent: Identity) -> bool:
    return bool(owner.namespace) and owner.namespace != dependent.namespace


def _owner_identity(ref: Object, namespace: str) -> Identity:
    group, _, version = ref["apiVersion"].rpartition("/")
    return Identity(group, version, ref["kind"], namespace, ref["name"], ref["uid"])


@dataclass(slots=True)
class Owners:
    """The owners of an object by what the server says of them."""

    solid: list[Object] = field(default_factory=list)
    dangling: list[Object] = field(default_factory=list)
    waiting: list[Object] = field(default_factory=list)

    def useless(self) -> list[str]:
        """Return the uids of the owners that keep nothing alive."""
        return [ref["uid"] for ref in (*self.dangling, *self.waiting)]


def sort_owners(refs: Iterable[Object], found: dict[str, Object | None]) -> Owners:
    """Sort owner references by the owners that were found, by uid; None is an absent one."""
    owners = Owners()
    for ref in refs:
        owner = found.get(ref["uid"])
        if owner is None:
            owners.dangling.append(ref)
            continue
        meta = owner["metadata"]
        if "deletionTimestamp" in meta and FOREGROUND in (meta.get("finalizers") or ()):
            owners.waiting.append(ref)
        else:
            owners.solid.append(ref)
    return owners
