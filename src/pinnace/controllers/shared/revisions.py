"""ControllerRevisions: what the templates of StatefulSets and DaemonSets were and are.

A revision holds a patch that puts a template back. Two revisions are the same if their templates
are, whatever the order of their fields and whether what is unset is written.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from pinnace.api.errors import AlreadyExists
from pinnace.api.kinds.apps import CONTROLLERREVISIONS
from pinnace.api.objects import Object, copied
from pinnace.api.resources import Resource
from pinnace.controllers.base import Context
from pinnace.controllers.shared import conditions
from pinnace.controllers.shared.pods import controller_ref

# The label of Pods that says by which revision they were made, and of a DaemonSet's revisions.
POD_HASH = "controller-revision-hash"
_OWN_HASH = "controller.kubernetes.io/hash"
_NAME_LENGTH = 223
_SAFE = "bcdfghjklmnpqrstvwxz2456789"


def ordered(revisions: Iterable[Object]) -> list[Object]:
    """Return the revisions, the oldest first."""

    def rank(entry: Object) -> tuple[int, str, str]:
        meta = entry["metadata"]
        return number(entry), meta.get("creationTimestamp", ""), meta["name"]

    return sorted(revisions, key=rank)


def number(entry: Object) -> int:
    """Return the number of a revision."""
    return int(entry.get("revision") or 0)


def data_of(owner: Object) -> Object:
    """Return the patch that puts the owner's template back."""
    return {"spec": {"template": {**copied(owner["spec"]["template"]), "$patch": "replace"}}}


def template_of(entry: Object) -> Object:
    """Return the template that a revision holds."""
    found: Object = copied(entry["data"]["spec"]["template"])
    found.pop("$patch", None)
    return found


def is_same(first: Object, second: Object) -> bool:
    """Whether two revisions' data put the same template back."""
    same: bool = conditions.pruned(first) == conditions.pruned(second)
    return same


def _packed(data: Object) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)


def short_hash(data: Object, collisions: int | None) -> str:
    """Return a short name for a revision's data; the collisions make it another one."""
    packed = _packed(data) + (str(collisions).encode() if collisions is not None else b"")
    value = int.from_bytes(hashlib.sha256(packed).digest()[:4])
    return "".join(_SAFE[ord(digit) % len(_SAFE)] for digit in str(value))


def named(prefix: str, label: str) -> str:
    """Return the name of a revision."""
    return f"{prefix[:_NAME_LENGTH]}-{label}"


def new(owner: Object, row: Resource, revision: int, collisions: int) -> Object:
    """Return the revision of the owner's template as it is now."""
    data: Any = orjson.loads(_packed(data_of(owner)))
    label = short_hash(data, collisions)
    meta = owner["metadata"]
    labels = (owner["spec"]["template"].get("metadata") or {}).get("labels") or {}
    made: Object = {
        "name": named(meta["name"], label),
        "namespace": meta["namespace"],
        "labels": {**labels, _OWN_HASH: label},
        "ownerReferences": [controller_ref(owner, row)],
    }
    if meta.get("annotations"):
        made["annotations"] = dict(meta["annotations"])
    return {"metadata": made, "data": data, "revision": revision}


def find(revisions: Sequence[Object], data: Object) -> Object | None:
    """Return the newest of the ordered revisions with this data."""
    return next((entry for entry in reversed(revisions) if is_same(entry["data"], data)), None)


def surplus(revisions: Sequence[Object], live: Iterable[str], limit: int) -> list[Object]:
    """Return the ordered revisions beyond the history limit; those in use are not counted."""
    used = set(live)
    history = [entry for entry in revisions if entry["metadata"]["name"] not in used]
    return history[: max(len(history) - limit, 0)] if limit >= 0 else []


async def create(ctx: Context, wanted: Object, prefix: str, collisions: int) -> tuple[Object, int]:
    """Create a revision, under another name if the name is taken by different data.

    Returns the revision (one that was there if its data is the same) and the collisions so far.
    """
    wanted = copied(wanted)
    meta = wanted["metadata"]
    while True:
        meta["name"] = named(prefix, short_hash(wanted["data"], collisions))
        try:
            return await ctx.client.create(CONTROLLERREVISIONS, wanted), collisions
        except AlreadyExists:
            there = await ctx.client.get(
                CONTROLLERREVISIONS, meta["name"], namespace=meta["namespace"]
            )
        if is_same(there["data"], wanted["data"]):
            return there, collisions
        collisions += 1


async def renumber(ctx: Context, entry: Object, revision: int) -> Object:
    """Make a revision the one with this number."""
    if number(entry) == revision:
        return entry
    return await ctx.client.update(CONTROLLERREVISIONS, {**copied(entry), "revision": revision})
