"""Server-side apply: a PATCH that says what its sender wants to own."""

from pinnace.api import fieldvalidation
from pinnace.api.codec import yaml
from pinnace.api.errors import ApiError, Cause, Invalid, NotFound, invalid
from pinnace.api.objects import Object
from pinnace.api.patch import apply
from pinnace.api.wire import Answer
from pinnace.apiserver import bodies, writes
from pinnace.apiserver.answers import answer_item
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.services.allocation import allocated, is_service
from pinnace.apiserver.updates import change, check_names
from pinnace.apiserver.writes import Also

APPLY = ("application/apply-patch+yaml",)


def wrong_option(field: str, why: str) -> Invalid:
    """Return the answer to PatchOptions that do not go together."""
    reason = "FieldValueRequired" if why.startswith("Required") else "FieldValueForbidden"
    return invalid("PatchOptions", "meta.k8s.io", "", [Cause(reason, field, why)])


def _refuse_undeclared(call: Call, applied: Object) -> None:
    """An apply cannot be merged by a schema that lacks a field, whatever fieldValidation says."""
    row, namespace = call.row, call.namespace
    if row.custom is not None:
        paths = row.custom.prune(bodies.copy(applied))
        # Nothing has filled in the namespace of what is not typed.
        namespace = applied["metadata"].get("namespace") or ""
    else:
        unknown = fieldvalidation.unknown_fields(applied, row)
        paths = [error.removeprefix('unknown field "').removesuffix('"') for error in unknown]
    if not paths:
        return
    texts = [f".{path}: field not declared in schema" for path in paths]
    why = texts[0] if len(texts) == 1 else "errors:\n" + "\n".join(f"  {one}" for one in texts)
    space = f"{namespace}/" if namespace else "/"
    group_version = row.group_version if row.group else f"/{row.version}"
    raise ApiError(
        f"failed to create typed patch object ({space}{call.info.name}; "
        f"{group_version}, Kind={row.kind}): {why}",
        reason="",
    )


async def apply_patch(core: Core, call: Call) -> Answer:
    """Apply a configuration; create the object if it is not there."""
    manager = call.request.param("fieldManager")
    if not manager:
        raise wrong_option("fieldManager", "Required value: is required for apply patch")
    applied = yaml.decode(call.request.body)
    bodies.expect_kind(applied, call.row.kind, call.row.group_version)
    _refuse_undeclared(call, applied)
    applied = bodies.checked(call, applied)
    applied["metadata"].setdefault("name", call.info.name)
    check_names(call, applied)
    now, force = core.clock.now(), call.flag("force")

    def result(live: Object | None) -> Object:
        made = apply.apply(
            live,
            bodies.copy(applied),
            call.row,
            manager=manager,
            force=force,
            time=now,
            subresource=call.info.subresource,
        )
        return bodies.copy(made)

    async def make(old: Object) -> Object:
        new = result(old)
        version = applied["metadata"].get("resourceVersion")
        new["metadata"]["resourceVersion"] = version or old["metadata"]["resourceVersion"]
        return new

    try:
        item = await change(core, call, make, subresource=call.info.subresource, track=False)
    except NotFound:
        if call.info.subresource or applied["metadata"].get("uid"):
            raise
        core.check_may_create(call)
        return await _create(core, call, result(None))
    return answer_item(core, call, item)


async def _create(core: Core, call: Call, obj: Object) -> Answer:
    def allocate(new: Object) -> Also | None:
        return allocated(core, call.row, new)

    needed = allocate if is_service(call.row) else None
    item = await writes.create(core, call, obj, needed, track=False)
    return answer_item(core, call, item, code=201)
