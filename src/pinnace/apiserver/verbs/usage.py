"""GET and LIST of the resource metrics API: made of what is used now."""

import asyncio
from collections.abc import AsyncIterator

from pinnace.api.errors import not_found
from pinnace.api.kinds.core import NODES, PODS
from pinnace.api.wire import Answer
from pinnace.apiserver.answers import answer_item, answer_list
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.resourcemetrics.objects import node_item, pod_item
from pinnace.apiserver.selection import selected
from pinnace.store.watchcache.item import Item

# How many objects are looked at before others get their turn.
_SLICE = 200


async def list_node_metrics(core: Core, call: Call) -> Answer:
    """Answer with what Nodes use; those of which nothing is known are not in it."""
    return await _listed(core, call)


async def list_pod_metrics(core: Core, call: Call) -> Answer:
    """Answer with what Pods use; those of which nothing is known are not in it."""
    return await _listed(core, call)


async def _listed(core: Core, call: Call) -> Answer:
    selection = await selected(core, call)
    test = selection.test()
    await core.usage.ready()
    row = PODS if call.row.namespaced else NODES
    wanted = [
        item
        for item in (await core.cache(row)).items(call.namespace)
        if selection.labels.matches(item.labels)
    ]
    found = [item async for item in _made(core, call, wanted)]
    return answer_list(core, call, [each for each in found if test is None or test(each)], {})


async def get_node_metrics(core: Core, call: Call) -> Answer:
    """Answer with what one Node uses."""
    return await _one(core, call, ("node", ""), ("nodemetrics", call.info.name))


async def get_pod_metrics(core: Core, call: Call) -> Answer:
    """Answer with what one Pod uses."""
    where = f"{call.namespace}/{call.info.name}"
    return await _one(core, call, ("pods", ""), ("podmetrics", where))


async def _one(
    core: Core, call: Call, without: tuple[str, str], unmeasured: tuple[str, str]
) -> Answer:
    """Answer with one object; what is not there, and what is not measured, are told apart."""
    row = PODS if call.row.namespaced else NODES
    item = (await core.cache(row)).get(call.namespace, call.info.name)
    if item is None:
        raise not_found(without[0], "", call.info.name)
    await core.usage.ready()
    async for made in _made(core, call, [item]):
        return answer_item(core, call, made)
    raise not_found(unmeasured[0], call.row.group, unmeasured[1])


async def _made(core: Core, call: Call, items: list[Item]) -> AsyncIterator[Item]:
    """Yield the metrics of stored Pods or Nodes, as far as they are known."""
    now = core.clock.now()
    simulated = core.usage.simulated_nodes() if call.row.namespaced else set()
    for at, item in enumerate(items, 1):
        if at % _SLICE == 0:
            await asyncio.sleep(0)
        if not call.row.namespaced:
            used = core.usage.node(item.shared())
            if used is not None:
                yield node_item(item.name, item.labels, used, now)
            continue
        parts = core.usage.pod(item.namespace, item.name)
        if parts is None and simulated:
            pod = item.shared()
            if pod["spec"].get("nodeName") in simulated:
                parts = core.usage.simulated(pod)
        if parts:
            yield pod_item(item.namespace, item.name, item.labels, parts, now)
