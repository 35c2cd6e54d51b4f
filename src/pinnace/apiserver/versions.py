"""Stored objects in the version that a request wants, where only a webhook can convert them.

All other kinds are converted where they are written out, without waiting. What a webhook made of an
item is kept with it, so that each object is converted once for each version.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from pinnace.api.codec.canonical import canonical_bytes
from pinnace.api.custom.kind import Unconverted
from pinnace.api.errors import internal
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.core import Core
from pinnace.store.watchcache.changes import Change, Select, Told
from pinnace.store.watchcache.item import Item

# Of each of two objects, and of what comes between: more than that nobody serves.
_MOST_VERSIONS = 100
T = TypeVar("T")


def is_converted(row: Resource) -> bool:
    """Say whether objects of a row are converted by a webhook."""
    return row.custom is not None and row.custom.conversion is not None


async def seen(core: Core, row: Resource, items: Sequence[Item]) -> list[Item]:
    """Return items in the version of a row that `is_converted`; raises ApiError."""
    version = row.group_version
    header = f'{{"kind":"{row.kind}","apiVersion":"{version}",'
    foreign = [item for item in items if item.head != header and not _kept(item, version)]
    if foreign:
        objects = [_bare(item.decode()) for item in foreign]
        made = await core.webhooks.convert_all(objects, row)
        for item, obj in zip(foreign, made, strict=True):
            item.views = (item.views or {}) | {version: _view(item, obj)}
    return [_kept(item, version) or item for item in items]


async def seen_one(core: Core, row: Resource, item: Item) -> Item:
    """Return one item in the version of a row, whatever converts it."""
    return (await seen(core, row, [item]))[0] if is_converted(row) else item


async def seen_change(core: Core, row: Resource, told: Told, select: Select | None) -> Told | None:
    """Return what a watcher is told of a change in the version of a row; None for nothing."""
    if told.type == "BOOKMARK" or told.item is None:
        return told
    items = [told.item] if told.previous is None else [told.item, told.previous]
    views = await seen(core, row, items)
    previous = views[1] if told.previous is not None else None
    found = Change(told.type, views[0], previous, 0.0).seen_by(select)
    return None if found is None else replace(found, frames=told.frames)


async def with_versions(core: Core, row: Resource, make: Callable[[], T], size: int) -> T:
    """Return what is made of objects in several versions, asking a webhook for those it needs.

    `make` is called again with each that it was missing, so it may change nothing. `size` is that
    of the objects, as for `Apart.run`.
    """
    for _ in range(_MOST_VERSIONS):
        try:
            return await core.apart.run(size, make)
        except Unconverted as missing:
            custom = missing.row.custom
            assert custom is not None
            assert custom.conversion is not None
            made = await core.webhooks.convert(missing.obj, missing.row)
            custom.conversion.remember(missing.obj, made)
    raise internal(f"{row.plural} have managers in too many versions")


def _kept(item: Item, version: str) -> Item | None:
    return item.views.get(version) if item.views is not None else None


def _bare(obj: Object) -> Object:
    """Return an object as it is stored: its revision is none of the webhook's business."""
    del obj["metadata"]["resourceVersion"]
    return obj


def _view(item: Item, obj: Object) -> Item:
    view = Item(
        item.key,
        namespace=item.namespace,
        name=item.name,
        value=canonical_bytes(obj),
        revision=item.revision,
    )
    view.since = item.since
    return view
