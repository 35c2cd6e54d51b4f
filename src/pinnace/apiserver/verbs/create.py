"""POST to a collection."""

from pinnace.api.objects import Object
from pinnace.api.wire import Answer
from pinnace.apiserver import bodies, writes
from pinnace.apiserver.answers import answer_item
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.services.allocation import Allocation, is_service
from pinnace.store.base import CompareFailed
from pinnace.store.watchcache.item import Item

_TRIES = 10


async def create(core: Core, call: Call) -> Answer:
    """Store a new object and answer with it."""
    obj = await bodies.read_object(core, call)
    if is_service(call.row):
        item = await create_service(core, call, obj)
    else:
        item = await writes.create(core, call, obj)
    return answer_item(core, call, item, code=201)


async def create_service(core: Core, call: Call, obj: Object) -> Item:
    """Store a new Service, choosing again if another server took the same address meanwhile."""
    allocation = Allocation(core, call.dry_run)
    for attempt in range(_TRIES):
        try:
            return await writes.create(core, call, bodies.copy(obj), allocation)
        except CompareFailed:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError("the loop returns or raises")
