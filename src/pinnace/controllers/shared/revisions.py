"""The history of a template, as ControllerRevisions: what StatefulSets and DaemonSets roll through.

A revision holds a patch that puts the template back. A template that was used before gets its old
revision again, with a new number: that is how a roll-back is seen.
"""

from collections.abc import Iterable, Sequence

from pinnace.api.errors import AlreadyExists, Conflict, NotFound
from pinnace.api.kinds.apps import CONTROLLERREVISIONS
from pinnace.api.objects import Key, Object, copied
from pinnace.api.resources import Resource
from pinnace.api.selectors import label_selector_from_object
from pinnace.controllers.base import Context
from pinnace.controllers.shared import conditions, pods
from pinnace.controllers.shared.claims import claim
from pinnace.controllers.shared.pending import Pending
from pinnace.controllers.shared.rollout import template_hash

_PREFIX = 223


def data_of(owner: Object) -> Object:
    """Return the patch that a revision of the owner's template holds."""
    template = {**owner["spec"]["template"], "$patch": "replace"}
    return copied({"spec": {"template": template}})


def template_of(revision: Object) -> Object:
    """Return the template that a revision holds."""
    template = dict(revision["data"]["spec"]["template"])
    template.pop("$patch", None)
    return template


def order(revision: Object) -> tuple[int, str, str]:
    """Sort key: by number, then age, then name."""
    meta = revision["metadata"]
    return revision["revision"], meta.get("creationTimestamp", ""), meta["name"]


async def claimed(ctx: Context, owner: Object, row: Resource) -> list[Object]:
    """Return the owner's revisions in order, after adopting those that nobody has."""
    selector = label_selector_from_object(owner["spec"].get("selector"))
    informer = ctx.informers.informer(CONTROLLERREVISIONS)
    found = await claim(
        ctx,
        owner,
        pods.owned(informer, owner, orphans=True),
        owner_row=row,
        row=CONTROLLERREVISIONS,
        matches=lambda entry: selector.matches(entry["metadata"].get("labels")),
    )
    return sorted(found, key=order)


async def current(
    ctx: Context,
    key: Key,
    owner: Object,
    history: Sequence[Object],
    *,
    row: Resource,
    label: str,
    pending: Pending,
) -> Object:
    """Return the revision of the owner's template, made or numbered anew if need be."""
    data = data_of(owner)
    wanted = conditions.pruned(data)
    equal = [entry for entry in history if conditions.pruned(entry["data"]) == wanted]
    if equal:
        found = equal[-1]
        if found is history[-1]:
            return found
        changed = {**copied(found), "revision": history[-1]["revision"] + 1}
        return _noted(pending, key, await ctx.client.update(CONTROLLERREVISIONS, changed))
    number = history[-1]["revision"] + 1 if history else 1
    collisions = (owner.get("status") or {}).get("collisionCount") or 0
    new = _new(owner, data, number, row=row, label=label, collisions=collisions)
    try:
        made = await ctx.client.create(CONTROLLERREVISIONS, new)
    except AlreadyExists as error:
        name = new["metadata"]["name"]
        there = await ctx.client.get(CONTROLLERREVISIONS, name, namespace=key.namespace)
        if conditions.pruned(there["data"]) == wanted:
            return _noted(pending, key, there)  # its own from before, which the cache lacks
        status = {**(owner.get("status") or {}), "collisionCount": collisions + 1}
        await ctx.client.update(row, {**owner, "status": status}, subresource="status")
        raise Conflict(error.message) from error
    return _noted(pending, key, made)


def _noted(pending: Pending, key: Key, written: Object) -> Object:
    pending.created(key, written)
    return written


def _new(
    owner: Object, data: Object, number: int, *, row: Resource, label: str, collisions: int
) -> Object:
    digest = template_hash(data, collisions)
    meta = owner["metadata"]
    template = owner["spec"]["template"].get("metadata") or {}
    return {
        "metadata": {
            "name": f"{meta['name'][:_PREFIX]}-{digest}",
            "namespace": meta["namespace"],
            "labels": {**(template.get("labels") or {}), label: digest},
            "annotations": dict(meta.get("annotations") or {}),
            "ownerReferences": [pods.controller_ref(owner, row)],
        },
        "data": data,
        "revision": number,
    }


async def truncate(
    ctx: Context, history: Sequence[Object], live: Iterable[str], limit: int
) -> None:
    """Delete the oldest revisions beyond the limit that are not in use (named in `live`)."""
    used = set(live)
    unused = [entry for entry in history if entry["metadata"]["name"] not in used]
    for entry in unused[: max(len(unused) - limit, 0)]:
        meta = entry["metadata"]
        try:
            await ctx.client.delete(CONTROLLERREVISIONS, meta["name"], namespace=meta["namespace"])
        except NotFound:
            continue
