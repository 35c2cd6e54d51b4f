"""DELETE of one object and of a collection."""

import asyncio
from contextlib import suppress
from functools import partial
from types import MappingProxyType

from pinnace.api.errors import NotFound
from pinnace.api.objects import Object
from pinnace.api.wire import Answer
from pinnace.apiserver import bodies, deletes
from pinnace.apiserver.answers import answer_item, answer_list, answer_object
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.verbs.list import page

# As upstream's audit log calls the kind and version of these options.
_OPTIONS = MappingProxyType({"kind": "DeleteOptions", "apiVersion": "meta.k8s.io/__internal"})
# Together they share the store's transactions.
_WORKERS = 8
_PODS_STAY = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background "
    "to remove them or set propagationPolicy=Orphan to suppress this warning"
)


async def _options(core: Core, call: Call) -> deletes.Options:
    return await core.apart.run(call.size, partial(_read_options, call))


def _read_options(call: Call) -> deletes.Options:
    body: Object = {}
    if call.request.body:
        body = bodies.read_options(call.request)
        if call.trail is not None:
            call.trail.sent({"kind": "", "apiVersion": "", **body, **_OPTIONS})
    options = deletes.options_from(body, call.request.query)
    unsaid = not options.propagation and options.orphan is None
    if unsaid and (call.row.group, call.row.plural) == ("batch", "jobs"):
        call.warnings.append(_PODS_STAY)
    return options


async def delete(core: Core, call: Call) -> Answer:
    """Delete an object; answer with it, or with a Status if it is gone."""
    options = await _options(core, call)
    item, gone = await deletes.delete(core, call, call.info.name, call.namespace, options)
    row = call.row
    if not gone:
        return answer_item(core, call, item, code=202 if options.orphan is False else 200)
    if (row.group, row.plural) in deletes.RETURNED:
        return answer_item(core, call, item)
    details: Object = {"name": item.name}
    if row.group:
        details["group"] = row.group
    details |= {"kind": row.plural, "uid": item.uid}
    return answer_object(call.request, success(details))


def success(details: Object | None = None, *, code: int = 0) -> Object:
    """Return a Status that says that all went well."""
    status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details:
        status["details"] = details
    if code:
        status["code"] = code
    return status


async def delete_collection(core: Core, call: Call) -> Answer:
    """Delete what is selected and answer with a list of it, as it was."""
    options = await _options(core, call)
    items, metadata = await page(core, call)
    left = iter(items)

    async def work() -> None:
        for item in left:
            with suppress(NotFound):
                await deletes.delete(core, call, item.name, item.namespace, options)

    # The first that fails is what the client is told of; the others end what they are at.
    for result in await asyncio.gather(*(work() for _ in range(_WORKERS)), return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
    return answer_list(core, call, items, metadata)
