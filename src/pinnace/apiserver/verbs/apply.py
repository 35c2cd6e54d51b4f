"""Server-side apply: a PATCH that says what its sender wants to own."""

from functools import partial

from pinnace.api import fieldvalidation
from pinnace.api.codec import yaml
from pinnace.api.errors import ApiError, BadRequest, Cause, Invalid, NotFound, conflict, invalid
from pinnace.api.fits import fits
from pinnace.api.objects import Object
from pinnace.api.patch import apply
from pinnace.api.resources import Resource
from pinnace.api.typed import normalized, unlike
from pinnace.api.wire import Answer
from pinnace.apiserver import bodies, writes
from pinnace.apiserver.answers import answer_item
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.managers import scope_of
from pinnace.apiserver.services.allocation import allocation
from pinnace.apiserver.updates import change, check_names
from pinnace.apiserver.versions import with_versions


def wrong_option(field: str, why: str) -> Invalid:
    """Return the answer to PatchOptions that do not go together."""
    reason = "FieldValueRequired" if why.startswith("Required") else "FieldValueForbidden"
    return invalid("PatchOptions", "meta.k8s.io", "", [Cause(reason, field, why)])


def read_applied(call: Call) -> tuple[Object, list[str]]:
    """Return what is applied and what a strict decoder has against it; raises ApiError."""
    if not call.request.param("fieldManager"):
        raise wrong_option("fieldManager", "Required value: is required for apply patch")
    try:
        return yaml.decode_document(call.request.body)
    except BadRequest as error:
        raise BadRequest(f"error decoding YAML: {error.message}") from None


def check_strict(call: Call, repeated: list[str]) -> None:
    """Refuse or warn of keys that came twice, as the request wants it."""
    directive = call.request.param("fieldValidation") or "Warn"
    if not repeated or directive == "Ignore":
        return
    if directive == "Strict":
        listed = "".join(f"\n  {one}" for one in repeated)
        why = f"error converting YAML to JSON: yaml: unmarshal errors:{listed}"
        raise BadRequest(f"error strict decoding YAML: {why}")
    call.warnings.extend(repeated)


def apply_to(core: Core, call: Call, live: Object | None, applied: Object, row: Resource) -> Object:
    """Return an object of a row's kind with a configuration applied, as Go would write it."""
    made = bodies.copy(
        apply.apply(
            live,
            applied,
            row,
            manager=call.request.param("fieldManager"),
            force=call.flag("force"),
            time=core.clock.now(),
            scope=scope_of(row, call.info.subresource),
            subresource=call.info.subresource,
        )
    )
    like = live if live is not None else {}
    good = row.custom is None and fits(unlike(made, like), row)
    wrong = [] if good else fieldvalidation.restore_errors(made, row)
    if wrong:
        kind = f"{row.group_version}, Kind={row.kind}"
        raise ApiError(
            f"failed to convert new object ({apply.named(applied)}) to proper version: unable to "
            f"convert unstructured object to {kind}: {wrong[0]}",
            reason="",
        )
    return normalized(made, row, live)


async def apply_patch(core: Core, call: Call) -> Answer:
    """Apply a configuration; create the object if it is not there."""
    applied, repeated = await core.apart.run(call.size, partial(read_applied, call))

    async def make(old: Object) -> Object:
        made = partial(apply_to, core, call, old, applied, call.row)
        new = await with_versions(core, call.row, made, call.size)
        check_strict(call, repeated)
        check_names(call, new)
        return new

    try:
        item = await change(core, call, make, subresource=call.info.subresource, track=False)
    except NotFound:
        if call.info.subresource:
            raise
        made = partial(apply_to, core, call, None, applied, call.row)
        new = await core.apart.run(call.size, made)
        check_strict(call, repeated)
        return await _create(core, call, new)
    return answer_item(core, call, item)


async def _create(core: Core, call: Call, obj: Object) -> Answer:
    row, uid = call.row, obj["metadata"].get("uid")
    if uid:
        why = (
            f"uid mismatch: the provided object specified uid {uid}, and no existing object was "
            "found"
        )
        raise conflict(row.plural, row.group, call.info.name, why)
    check_names(call, obj)
    obj["metadata"].pop("resourceVersion", None)
    core.check_may_create(call)
    given = allocation(core, row, dry_run=call.dry_run)
    item = await writes.create(core, call, obj, given, track=False)
    return answer_item(core, call, item, code=201)
