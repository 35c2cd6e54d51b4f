"""ComponentStatus: probed when asked for, never stored.

Of upstream's three only the store is here: the scheduler and the controllers serve no health
endpoint that could be probed, and are not guessed at.
"""

import asyncio

import orjson

from pinnace.api.errors import not_found
from pinnace.api.objects import Object
from pinnace.api.wire import Answer
from pinnace.apiserver.answers import answer_item, answer_list
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.selection import selected
from pinnace.apiserver.storage import PROBE_KEY
from pinnace.store.base import StoreError
from pinnace.store.watchcache.item import Item

_STORE = "etcd-0"
_PROBE_SECONDS = 20.0


async def get_component(core: Core, call: Call) -> Answer:
    """Answer with the status of one component."""
    if call.info.name != _STORE:
        raise not_found("componentstatus", "", call.info.name)
    return answer_item(core, call, await _probed(core))


async def list_components(core: Core, call: Call) -> Answer:
    """Answer with all of them."""
    test = (await selected(core, call)).test()
    items = [await _probed(core)]
    return answer_list(core, call, [item for item in items if test is None or test(item)], {})


async def _probed(core: Core) -> Item:
    condition: Object = {"type": "Healthy", "status": "True", "message": "ok"}
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            await core.store.get(PROBE_KEY)
    except (StoreError, TimeoutError) as error:
        why = str(error) or "context deadline exceeded"
        condition = {"type": "Healthy", "status": "False", "error": why}
    status: Object = {
        "kind": "ComponentStatus",
        "apiVersion": "v1",
        "metadata": {"name": _STORE, "uid": ""},
        "conditions": [condition],
    }
    item = Item("", namespace="", name=_STORE, value=orjson.dumps(status), revision=0)
    # What is not stored has neither uid nor revision.
    shown = {"metadata": {"name": _STORE}, "conditions": [condition]}
    item.tail = orjson.dumps(shown)[1:]
    return item
