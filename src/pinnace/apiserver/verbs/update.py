"""PUT of one object."""

from functools import partial

from pinnace.api.errors import NotFound
from pinnace.api.objects import Object
from pinnace.api.wire import Answer
from pinnace.apiserver import bodies, rules, writes
from pinnace.apiserver.answers import answer_item
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.services.allocation import is_service
from pinnace.apiserver.updates import change, check_names, other_uid
from pinnace.apiserver.verbs.create import create_service


async def update(core: Core, call: Call) -> Answer:
    """Replace an object; a few kinds are created if they are not there."""
    return await replace(core, call)


async def replace(core: Core, call: Call) -> Answer:
    """Replace an object, or the part of it that the subresource of the request is for."""
    body = await bodies.read_object(core, call)
    check_names(call, body)

    async def make(old: Object) -> Object:
        return await core.apart.run(call.size, partial(bodies.copy, body))

    try:
        item = await change(core, call, make, subresource=call.info.subresource)
    except NotFound:
        if call.info.subresource or not rules.strategy_for(call.row).allow_create_on_update:
            raise
        core.check_may_create(call)
        body["metadata"].pop("resourceVersion", None)
        name, uid = call.info.name, body["metadata"].get("uid")
        if uid:
            key = (await core.cache(call.row)).key(call.namespace, name)
            raise other_uid(call.row, key, name, uid, "") from None
        if is_service(call.row):
            created = await create_service(core, call, body)
        else:
            created = await writes.create(core, call, body)
        return answer_item(core, call, created, code=201)
    return answer_item(core, call, item)
