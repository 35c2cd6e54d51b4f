"""PATCH of one object: JSON patch, merge patch and strategic merge patch.

A patch is applied to what is stored, and again if someone else wrote meanwhile. The client hears
of a conflict only if its patch names a resourceVersion.
"""

from functools import partial

from pinnace.api.objects import Object
from pinnace.api.wire import Answer
from pinnace.apiserver import bodies, patching
from pinnace.apiserver.answers import answer_item
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.patching import APPLY
from pinnace.apiserver.updates import change, check_names
from pinnace.apiserver.verbs.apply import apply_patch, wrong_option


async def patch(core: Core, call: Call) -> Answer:
    """Patch an object, or the part of it that the subresource of the request is for."""
    if bodies.media_type(call.request) in APPLY:
        return await apply_patch(core, call)
    if call.flag("force"):
        raise wrong_option("force", "Forbidden: may not be specified for non-apply patch")
    reading = await core.apart.run(call.size, partial(patching.read, call, call.row))

    async def make(old: Object) -> Object:
        new = await core.apart.run(call.size, partial(reading.made, old))
        check_names(call, new)
        return new

    item = await change(core, call, make, subresource=call.info.subresource)
    return answer_item(core, call, item)
