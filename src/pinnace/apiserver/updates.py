"""The way of every change of a stored object: PUT, PATCH, status, scale, binding and the others.

The old object is read from the cache, changed, admitted, validated and committed at the revision
at which it was read. Who lost the race begins again with the newer object, unless the client said
which version it changes; then it is told of the conflict.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from pinnace.api.errors import ApiError, BadRequest, Cause, Conflict, Invalid, conflict, invalid
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.typed import stored as as_stored
from pinnace.api.validation.base import quoted
from pinnace.apiserver import rules
from pinnace.apiserver.adminaccess import admin_access_causes
from pinnace.apiserver.admission.base import Attributes
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.managers import same, tracked
from pinnace.apiserver.owners import without_repeated
from pinnace.apiserver.podcertificates import is_guarded, status_causes
from pinnace.apiserver.services.allocation import allocation
from pinnace.apiserver.versions import with_versions
from pinnace.apiserver.writes import (
    MODIFIED,
    Also,
    attributes,
    check_namespace,
    context,
    current,
    decoded,
    draft,
    put,
    refuse,
    remove,
)
from pinnace.store.base import CompareFailed
from pinnace.store.watchcache.item import Item

Change = Callable[[Object], Awaitable[Object]]
_RETRIES = 20
# What a client cannot change, whatever it sends.
_KEPT = ("generation", "creationTimestamp")
# What a deletion that is under way has set. Only the grace period is compared with what was said.
_KEPT_IF_SET, _KEPT_IF_UNSAID = "deletionTimestamp", "deletionGracePeriodSeconds"


class Part(Protocol):
    """What a subresource shows of an object, where that is an object of its own: a Scale."""

    def asked(self, obj: Object) -> Object:
        """Return what the client made of it, for mutators."""
        ...

    def before(self, obj: Object) -> Object:
        """Return what it was, for mutators."""
        ...

    def of(self, obj: Object) -> Object:
        """Return what is shown."""
        ...

    def into(self, obj: Object, shown: Object) -> None:
        """Put what is shown, and was changed, into the object."""
        ...


async def change(
    core: Core,
    call: Call,
    make: Change,
    *,
    subresource: str = "",
    track: bool = True,
    part: Part | None = None,
) -> Item:
    """Store what `make` makes of the old object and return it; may call `make` several times.

    `make` gets the old object in the version of the request, and returns a new one that shares
    nothing with it. A resourceVersion in that must be the stored one; none means whatever is there.
    `track` notes the writer in managedFields; an apply has done so already. Admission sees the
    `part`, if there is one.
    """
    row = call.row
    for _ in range(_RETRIES):
        item = await current(core, row, call.namespace, call.info.name)
        call.stored_size = len(item.tail)
        old = await core.apart.run(call.size, partial(decoded, core, row, item))
        new = await make(old)
        unconditional = _check_version(call, new, item)
        try:
            changed = _Change(core, call, item, old, new, subresource, part)
            return await _store(changed, track=track)
        except CompareFailed as failed:
            if failed.key != item.key or failed.current is None:
                continue
            if not unconditional:
                raise conflict(row.plural, row.group, item.name, MODIFIED) from failed
    raise conflict(row.plural, row.group, call.info.name, MODIFIED)


def _check_version(call: Call, new: Object, item: Item) -> bool:
    """Return whether the write is unconditional; raises Conflict and Invalid."""
    row, metadata = call.row, new["metadata"]
    uid = metadata.get("uid")
    # A patch has no precondition: validation finds that the uid is another.
    if uid and uid != item.uid and call.info.verb == "update":
        raise other_uid(row, item.key, item.name, uid, item.uid)
    version = metadata.get("resourceVersion") or "0"
    if not version.isdigit():
        why = f"strconv.ParseUint: parsing {quoted(version)}: invalid syntax"
        raise ApiError(why, code=500, reason="")
    if version == "0":
        if not rules.strategy_for(row).allow_unconditional_update:
            why = "Invalid value: 0: must be specified for an update"
            cause = Cause("FieldValueInvalid", "metadata.resourceVersion", why)
            # Upstream names the resource here where it names the kind everywhere else.
            raise invalid(row.plural, row.group, item.name, [cause])
        return True
    if version != str(item.revision):
        raise conflict(row.plural, row.group, item.name, MODIFIED)
    return call.info.verb == "patch"


def other_uid(row: Resource, key: str, name: str, uid: str, held: str) -> Conflict:
    """Return upstream's refusal of a write to an object of another uid than is stored."""
    why = (
        f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, "
        f"AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, "
        f"UID in object meta: {held}"
    )
    return conflict(row.plural, row.group, name, why)


@dataclass(slots=True)
class _Change:
    """One change on its way."""

    core: Core
    call: Call
    item: Item
    old: Object
    new: Object
    subresource: str
    part: Part | None


async def _store(changing: _Change, *, track: bool) -> Item:
    core, call, item = changing.core, changing.call, changing.item
    row, new, old, subresource = call.row, changing.new, changing.old, changing.subresource
    part = changing.part
    version = new["metadata"].pop("resourceVersion", None) or ""
    old["metadata"].pop("resourceVersion", None)
    size = max(call.size, rules.size_of_defaults(row))
    call.filled = await core.apart.run(size, partial(rules.apply_defaults, row, new))
    if call.info.verb == "update":
        without_repeated(call, new, admitted=False)
    if track:
        noted = partial(tracked, core, call, old, new, subresource)
        changing.new = new = await with_versions(core, row, noted, call.size)
    attempt = attributes(core, call, "UPDATE", new, old)
    if part is not None:
        attempt.obj, attempt.old = part.asked(new), part.before(old)
    await _admitted(changing, attempt, core.admission.mutate, version)
    if part is not None and attempt.obj is not None:
        part.into(new, attempt.obj)
    _keep(new["metadata"], old["metadata"])
    without_repeated(call, new, admitted=True)
    given = None if subresource else allocation(core, row, dry_run=call.dry_run)
    if given is not None:
        given.fill(new, old)
    await _prepare(changing)
    also = given.also(new, old) if given is not None else None
    if part is not None:
        attempt.obj, attempt.old = part.of(new), part.of(old)
    await _admitted(changing, attempt, core.admission.validate, str(item.revision))
    return await _commit(changing, also)


async def _prepare(changing: _Change) -> None:
    """Let the kind prepare and check a changed object."""
    call, subresource = changing.call, changing.subresource
    row, new, old, core = call.row, changing.new, changing.old, changing.core
    strategy, size, now = rules.strategy_for(row), call.size, context(core, call)
    prepare: Callable[[], None] = partial(strategy.prepare_update, new, old, now)
    causes: list[Cause] = []
    if subresource:
        prepare = partial(strategy.prepare_subresource_update, subresource, new, old, now)
    await core.apart.run(size, prepare)
    if subresource:
        causes = admin_access_causes(row, new, old, core.lookup)
    broken = partial(_broken, row, subresource, new, old, call.warnings)
    causes += await core.apart.patiently(size, broken)
    if not causes and is_guarded(row, subresource):
        causes = await status_causes(core, call, new, old)
    refuse(row, new["metadata"], causes)
    warn = partial(strategy.warnings, new, old)
    if subresource == "status":  # what a status write cannot change earns no warning
        warn = partial(strategy.status_warnings, new)
    call.warnings.extend(await core.apart.run(size, warn))


def _broken(
    row: Resource, subresource: str, new: Object, old: Object, warnings: list[str]
) -> list[Cause]:
    own: list[str] = []
    if subresource:
        found = rules.validate_subresource_update(row, subresource, new, old, own)
    else:
        found = rules.validate_update(row, new, old, own)
    warnings.extend(own)
    return found


async def _admitted(
    changing: _Change, attempt: Attributes, ask: Callable[[Attributes], Awaitable[None]], given: str
) -> None:
    """Let admission look at a change, the objects with the versions that clients see."""
    new, old = changing.new, changing.old
    if given:
        new["metadata"]["resourceVersion"] = given
    old["metadata"]["resourceVersion"] = str(changing.item.revision)
    await ask(attempt)
    new["metadata"].pop("resourceVersion", None)
    del old["metadata"]["resourceVersion"]


def _as_stored(changing: _Change) -> Object | None:
    """Return a changed object as it would be read back; None if nothing has changed."""
    new = as_stored(changing.new, changing.call.row, like=changing.old)
    return None if same(new, changing.old) else new


async def _commit(changing: _Change, also: Also | None) -> Item:
    core, call, item = changing.core, changing.call, changing.item
    new = await core.apart.run(call.size, partial(_as_stored, changing))
    if new is None:
        if not await _is_stale(core, item):
            return item
        new = as_stored(changing.new, call.row, like=changing.old)
    row, metadata = call.row, new["metadata"]
    if call.dry_run:
        metadata["resourceVersion"] = str(item.revision)
        return draft(core, row, new)
    if is_finished(new):
        # The last finalizer is gone from what is being deleted: the write is its end.
        written = await put(core, row, item.key, new, expected=item.revision)
        return await remove(core, written)
    if row.custom is not None:
        row.custom.settle(new)
    return await put(
        core, row, item.key, new,
        expected=item.revision, also=also, written=True, size=call.size,
    )  # fmt: skip


async def _is_stale(core: Core, item: Item) -> bool:
    """Say whether even what did not change is to be stored anew: with another key, say."""
    return core.encrypted is not None and await core.encrypted.is_stale(item.key)


def _keep(metadata: Object, before: Object) -> None:
    """Undo what no client may change."""
    metadata["uid"] = metadata.get("uid") or before["uid"]
    for name in _KEPT:
        if name in before:
            metadata[name] = before[name]
        else:
            metadata.pop(name, None)
    metadata.pop("selfLink", None)
    if _KEPT_IF_SET in before:
        metadata[_KEPT_IF_SET] = before[_KEPT_IF_SET]
    if _KEPT_IF_UNSAID in before and metadata.get(_KEPT_IF_UNSAID) is None:
        metadata[_KEPT_IF_UNSAID] = before[_KEPT_IF_UNSAID]


def is_finished(obj: Object) -> bool:
    """Say whether nothing holds back an object that is being deleted."""
    metadata = obj["metadata"]
    if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
        return False
    if metadata.get("deletionGracePeriodSeconds"):
        return False
    return not (obj["kind"] == "Namespace" and (obj.get("spec") or {}).get("finalizers"))


def check_names(call: Call, obj: Object) -> None:
    """Fill in name and namespace of the URL; raises BadRequest if the object has others."""
    metadata = obj["metadata"]
    name = metadata.get("name")
    if name and name != call.info.name:
        raise BadRequest(
            f"the name of the object ({name}) does not match the name on the URL ({call.info.name})"
        )
    if not name:
        raise BadRequest(
            f"the name of the object ({call.info.name} based on URL) was undeterminable: name must "
            "be provided"
        )
    check_namespace(call, metadata)


__all__ = ["ApiError", "Change", "Conflict", "Invalid", "change", "check_names", "is_finished"]
