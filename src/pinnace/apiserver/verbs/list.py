"""LIST: the current objects, or those at a revision, whole or in pages.

A first page comes from the cache. The next one does too if nothing changed since; else the store
is asked for the same revision, until that is compacted.
"""

from pinnace.api.errors import BadRequest
from pinnace.api.objects import Object
from pinnace.api.wire import Answer
from pinnace.apiserver.answers import answer_list
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.fairness.gate import Held
from pinnace.apiserver.numbers import int64
from pinnace.apiserver.revisions import (
    check_list_options,
    check_not_future,
    compacted,
    decode_continue,
    encode_continue,
    expired_continue,
    too_large_version,
)
from pinnace.apiserver.selection import selected
from pinnace.apiserver.versions import is_converted, seen
from pinnace.store.base import Compacted
from pinnace.store.watchcache.cache import WatchCache
from pinnace.store.watchcache.changes import Select
from pinnace.store.watchcache.item import Item

# How many objects are looked at before others get their turn.
_SLICE = 500
# A page, its last item if more follow, and how many do.
Found = tuple[list[Item], Item | None, int]


def limit_of(call: Call) -> int:
    """Return the page size; 0 for all."""
    return max(int64(call.request.param("limit") or "0"), 0)


async def list_objects(core: Core, call: Call) -> Answer:
    """Answer with a list."""
    items, metadata = await page(core, call)
    return answer_list(core, call, items, metadata)


async def page(core: Core, call: Call) -> tuple[list[Item], Object]:
    """Return what a list's options choose, and the metadata of such a list."""
    check_list_options(call)
    selection = await selected(core, call)
    test = selection.test()
    cache = await core.cache(call.row)
    if core.encrypted is not None:
        core.encrypted.check(_scope(cache, call.namespace))
    after, revision, consistent = "", core.caches.revision, True
    token = call.request.param("continue")
    version = call.request.param("resourceVersion")
    if token:
        revision, start = decode_continue(token)
        if revision > core.caches.revision:
            raise too_large_version(core, revision, exact=True)
        if version and version != "0":
            raise BadRequest("specifying resource version is not allowed when using continue")
        after = _scope(cache, call.namespace) + start
        consistent = revision > 0
        revision = revision if consistent else core.caches.revision
    elif version and version != "0":
        exact = _is_exact(call)
        asked = check_not_future(core, version, listing=True, exact=exact)
        if exact:
            revision = asked
    # Whatever the cache has is given as a whole, as upstream does.
    limit = 0 if version == "0" and not token else limit_of(call)
    cut = _Page(cache, call.namespace, test, after, limit, call.held)
    kept = await _is_kept(core, cache.prefix, revision)
    # Asked last: between this and the look into the cache nothing may happen.
    from_cache = kept and (revision == core.caches.revision or revision >= cache.changed)
    if from_cache and is_converted(call.row):
        read = cache.items(call.namespace, after=after)
        fetched, found = len(read), await cut.of(await seen(core, call.row, read))
    elif from_cache:
        fetched, found = await cut.current(selection.only())
    else:
        read = await _at(core, cut, revision, continued=bool(token))
        read = await seen(core, call.row, read) if is_converted(call.row) else read
        fetched, found = len(read), await cut.of(read)
    items, last, remaining = found
    where = call.row.group, call.row.plural
    core.store_metrics.list(where, from_cache=from_cache, fetched=fetched, returned=len(items))
    metadata: Object = {"resourceVersion": str(revision)}
    if last is not None:
        start = last.key.removeprefix(_scope(cache, call.namespace))
        metadata["continue"] = encode_continue(revision if consistent else -1, start)
        if remaining and test is None:
            metadata["remainingItemCount"] = remaining
    return items, metadata


async def _is_kept(core: Core, prefix: str, revision: int) -> bool:
    """Say whether a revision is not compacted: then it is refused even if nothing changed since."""
    if revision == core.caches.revision:
        return True
    try:
        await core.store.range(prefix, limit=1, revision=revision)
    except Compacted:
        return False
    return True


def _is_exact(call: Call) -> bool:
    match = call.request.param("resourceVersionMatch")
    # Without a match, a limit asks for pages at exactly that revision, as upstream's legacy rule.
    return match == "Exact" or (not match and limit_of(call) > 0)


def _scope(cache: WatchCache, namespace: str) -> str:
    """Return with what the keys of a list begin; its tokens say what comes behind that."""
    return f"{cache.prefix}{namespace}/" if namespace else cache.prefix


class _Page:
    """Cuts a page out of ordered items."""

    def __init__(
        self,
        cache: WatchCache,
        namespace: str,
        test: Select | None,
        after: str,
        limit: int,
        held: Held,
    ) -> None:
        self.cache, self.namespace, self.after = cache, namespace, after
        self._test, self._limit, self._held = test, limit, held

    async def current(self, only: tuple[str, str] | None) -> tuple[int, Found]:
        """Cut the page out of what is there, and say how many objects were looked at.

        `only` is a field and its one value that passes.
        """
        cache, limit = self.cache, self._limit
        one = self.namespace or not cache.namespaced
        if one and only is not None and only[0] == "metadata.name" and not self.after:
            # A look-up, as clients that watch one object by name ask for it.
            item = cache.get(self.namespace, only[1])
            held = [item] if item is not None else []
            return len(held), await self.of(held)
        if self._test is None and limit:
            left = cache.count(self.namespace, after=self.after) - limit
            items = cache.items(self.namespace, after=self.after, limit=limit)
            return len(items), (items, items[-1] if left > 0 else None, max(left, 0))
        items = cache.items(self.namespace, after=self.after)
        return len(items), await self.of(items)

    async def of(self, items: list[Item]) -> Found:
        """Cut the page out of these."""
        test, limit = self._test, self._limit
        if test is None:
            left = len(items) - limit if limit else 0
            page = items[:limit] if limit else items
            return page, (items[limit - 1] if left > 0 else None), max(left, 0)
        found: list[Item] = []
        for at, item in enumerate(items, start=1):
            if test(item):
                found.append(item)
                if len(found) == limit:
                    # Whether more of them match is seen when they are asked for.
                    return found, (item if at < len(items) else None), 0
            if at % _SLICE == 0:
                # What is looked at for the first time is decoded: nobody is to wait for all of it.
                await self._held.rest()
        return found, None, 0


async def _at(core: Core, page: _Page, revision: int, *, continued: bool) -> list[Item]:
    cache = page.cache
    scope = _scope(cache, page.namespace)
    try:
        got = await core.store.range(scope, after=page.after, revision=revision)
    except Compacted as gone:
        if not continued:
            raise compacted() from gone
        start = page.after.removeprefix(scope)
        raise expired_continue(encode_continue(-1, start)) from gone
    return cache.items_of(got.entries)
