"""PATCH of one object: JSON patch, merge patch and strategic merge patch.

A patch is applied to what is stored, and again if someone else wrote meanwhile. The client hears
of a conflict only if its patch names a resourceVersion.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import orjson

from pinnace.api import fieldvalidation
from pinnace.api.errors import ApiError, BadRequest, Cause, invalid
from pinnace.api.objects import Object
from pinnace.api.patch import json as json_patch
from pinnace.api.patch import merge, strategic
from pinnace.api.resources import Resource
from pinnace.api.wire import Answer
from pinnace.apiserver import bodies
from pinnace.apiserver.answers import answer_item
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.updates import change, check_names
from pinnace.apiserver.verbs.apply import APPLY, apply_patch, wrong_option

JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"

Apply = Callable[[Object, Any, Resource], Object]
TYPES: Mapping[str, Apply] = MappingProxyType(
    {
        JSON_PATCH: lambda doc, patch, row: json_patch.apply(doc, patch),
        MERGE: lambda doc, patch, row: merge.apply(doc, patch),
        STRATEGIC: strategic.apply,
    }
)


# Nobody says of custom resources how their lists are merged strategically.
CUSTOM_TYPES = {media: apply for media, apply in TYPES.items() if media != STRATEGIC}


def patcher(call: Call, row: Resource) -> Callable[[Object], Object]:
    """Read the patch of a request; return what applies it to an object of a row's kind."""
    media = bodies.media_type(call.request)
    types = TYPES if call.row.custom is None else CUSTOM_TYPES
    apply = types.get(media)
    if apply is None:
        raise bodies.unsupported((*types, *APPLY))
    try:
        patch = orjson.loads(call.request.body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"error decoding patch: {error}") from error

    def patched(old: Object) -> Object:
        return bodies.copy(apply(old, patch, row))

    return patched


def _refusal(call: Call, new: Object, why: str) -> ApiError:
    """Return what a patch is told that makes an object no object of its kind."""
    if bodies.media_type(call.request) == STRATEGIC:
        given = strategic.printed(orjson.loads(call.request.body))
        why = fieldvalidation.restored(why)
    else:
        given = orjson.dumps(new).decode()
    shown = json.dumps(given, ensure_ascii=False)
    return invalid(
        "", "", "", [Cause("FieldValueInvalid", "patch", f"Invalid value: {shown}: {why}")]
    )


async def patch(core: Core, call: Call) -> Answer:
    """Patch an object, or the part of it that the subresource of the request is for."""
    if bodies.media_type(call.request) in APPLY:
        return await apply_patch(core, call)
    if call.flag("force"):
        raise wrong_option("force", "Forbidden: may not be specified for non-apply patch")
    patched = patcher(call, call.row)

    async def make(old: Object) -> Object:
        new = patched(old)
        bodies.expect_kind(new, call.row.kind, call.row.group_version)
        new = bodies.checked(call, new, lambda why: _refusal(call, new, why))
        check_names(call, new)
        return new

    item = await change(core, call, make, subresource=call.info.subresource)
    return answer_item(core, call, item)
