"""Who controls what: adopting orphans that match, releasing what matches no longer.

Adoption is refused by everybody but the one that wins: the patch carries the object's uid, and
the API server lets no object have two controllers.
"""

from collections.abc import Callable, Iterable, Sequence

from pinnace.api.errors import ApiError, Conflict, Invalid, NotFound
from pinnace.api.objects import Key, Object, controller_of
from pinnace.api.resources import Resource
from pinnace.api.selectors import LabelSelector
from pinnace.controllers.base import Context, Route
from pinnace.controllers.shared.pods import controller_ref, owner_keys


async def claim(
    ctx: Context,
    owner: Object,
    objects: Iterable[Object],
    *,
    owner_row: Resource,
    row: Resource,
    matches: Callable[[Object], bool],
    finalizers: Sequence[str] = (),
) -> list[Object]:
    """Return the objects that the owner controls now, after adopting and releasing."""
    claimer = _Claimer(ctx, owner, owner_row, row, finalizers)
    claimed: list[Object] = []
    failure: ApiError | None = None
    for obj in objects:
        try:
            if await claimer.claim(obj, matches=matches(obj)):
                claimed.append(obj)
        except ApiError as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return claimed


class _Claimer:
    def __init__(
        self,
        ctx: Context,
        owner: Object,
        owner_row: Resource,
        row: Resource,
        finalizers: Sequence[str],
    ) -> None:
        self._ctx = ctx
        self._owner = owner
        self._owner_row = owner_row
        self._row = row
        self._finalizers = list(finalizers)
        self._checked = False

    async def claim(self, obj: Object, *, matches: bool) -> bool:
        ref = controller_of(obj)
        leaving = "deletionTimestamp" in self._owner["metadata"]
        if ref is not None:
            if ref["uid"] != self._owner["metadata"]["uid"]:
                return False
            if not matches and not leaving:
                await self._release(obj)
            return matches
        if leaving or not matches or "deletionTimestamp" in obj["metadata"]:
            return False
        return await self._adopt(obj)

    async def _adopt(self, obj: Object) -> bool:
        await self._check_owner()
        meta: Object = {
            "uid": obj["metadata"]["uid"],
            "ownerReferences": [controller_ref(self._owner, self._owner_row)],
        }
        if self._finalizers:
            meta["finalizers"] = self._finalizers
        try:
            await self._patch(obj, meta)
        except NotFound:
            return False
        return True

    async def _check_owner(self) -> None:
        """Ask the server, not the cache, that the owner is there and stays: it may be stale."""
        if self._checked:
            return
        mine = self._owner["metadata"]
        fresh = await self._ctx.client.get(
            self._owner_row, mine["name"], namespace=mine["namespace"]
        )
        meta = fresh["metadata"]
        named = f"{self._owner_row.kind} {mine['namespace']}/{mine['name']}"
        if meta["uid"] != mine["uid"]:
            raise Conflict(f"original {named} is gone: got uid {meta['uid']}, wanted {mine['uid']}")
        if "deletionTimestamp" in meta:
            raise Conflict(f"{named} has just been deleted at {meta['deletionTimestamp']}")
        self._checked = True

    async def _release(self, obj: Object) -> None:
        meta: Object = {
            "uid": obj["metadata"]["uid"],
            "ownerReferences": [{"$patch": "delete", "uid": self._owner["metadata"]["uid"]}],
        }
        if self._finalizers:
            meta["$deleteFromPrimitiveList/finalizers"] = self._finalizers
        try:
            await self._patch(obj, meta)
        except (NotFound, Invalid):
            return  # it is gone, or has no such owner any more

    async def _patch(self, obj: Object, meta: Object) -> None:
        where = obj["metadata"]
        await self._ctx.client.patch(
            self._row,
            where["name"],
            {"metadata": meta},
            namespace=where["namespace"],
            type="strategic",
        )


def route_to_owner(row: Resource, selector_of: Callable[[Object], LabelSelector | None]) -> Route:
    """Return the route from an object to its controller, or to all that might adopt it."""

    def route(obj: Object, ctx: Context) -> Iterable[Key]:
        if controller_of(obj) is not None:
            yield from owner_keys(obj, row.kind)
            return
        labels = obj["metadata"].get("labels") or {}
        for owner in ctx.informers.informer(row).list(obj["metadata"].get("namespace", "")):
            selector = selector_of(owner)
            if selector is not None and selector.matches(labels):
                yield Key(owner["metadata"].get("namespace", ""), owner["metadata"]["name"])

    return route
