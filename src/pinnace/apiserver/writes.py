"""The way of every write: defaults, admission, preparation, validation, commit, in that order.

create: default -> mutate -> allocate -> prepare -> validate -> validating admission -> commit
update: old object -> change -> default -> mutate -> prepare -> validate -> validating admission
        -> commit at the revision that was read, again from the start if that may be retried
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from pinnace.api.codec.canonical import canonical_bytes
from pinnace.api.errors import (
    AlreadyExists,
    ApiError,
    BadRequest,
    Cause,
    ServiceUnavailable,
    already_exists,
    forbidden,
    invalid,
    not_found,
    qualified,
)
from pinnace.api.kinds.coordination import LEASES
from pinnace.api.kinds.core import EVENTS, NAMESPACES
from pinnace.api.objects import Object, format_time
from pinnace.api.resources import Resource
from pinnace.api.typed import stored as as_stored
from pinnace.apiserver import rules
from pinnace.apiserver.adminaccess import admin_access_causes
from pinnace.apiserver.admission.base import Attributes, Operation
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.managers import tracked
from pinnace.apiserver.options import written_options
from pinnace.apiserver.owners import without_repeated
from pinnace.apiserver.revisions import names_version
from pinnace.apiserver.versions import is_converted, seen_one, with_versions
from pinnace.kit.uids import new_suffix, new_uid
from pinnace.store.base import Compare, CompareFailed, StoreError, TooLarge
from pinnace.store.encryption.base import TransformError
from pinnace.store.watchcache.item import Item

MODIFIED = (
    "the object has been modified; please apply your changes to the latest version and try again"
)
_LONGEST_BASE = 58
_NAME_TRIES = 8
# What is written often, and soon again: the last of it may go with the power.
_RELAXED = frozenset((EVENTS.prefix, LEASES.prefix))


@dataclass(slots=True)
class Also:
    """What is written in the same commit as an object."""

    compares: list[Compare] = field(default_factory=list)
    puts: list[tuple[str, bytes]] = field(default_factory=list)
    deletes: list[str] = field(default_factory=list)


class Allocates(Protocol):
    """Gives a new object what only the cluster has to give, before it is validated."""

    def fill(self, new: Object) -> None:
        """Fill in what the object needs; raises if it cannot have that."""

    def also(self, new: Object) -> Also:
        """Return what is written with the object, which has been prepared and validated."""


def generated(base: str) -> str:
    """Return a name that begins with the base, as upstream generates it."""
    return base[:_LONGEST_BASE] + new_suffix()


def attributes(
    core: Core, call: Call, operation: Operation, obj: Object | None, old: Object | None
) -> Attributes:
    """Return what admission is told of this call."""
    meta = (obj or old or {}).get("metadata") or {}
    name = call.info.name or meta.get("name") or ""
    namespace = call.info.namespace
    if call.row is NAMESPACES and not namespace:
        # A namespace itself counts as being in itself, even when it is made.
        namespace = name
    return Attributes(
        row=call.row,
        operation=operation,
        obj=obj,
        old=old,
        user=call.user,
        lookup=core.lookup,
        namespace=namespace,
        name=name,
        asked=call.info.name,
        subresource=call.info.subresource,
        dry_run=call.dry_run,
        options=partial(written_options, call.request, operation),
        warnings=call.warnings,
        trail=call.trail,
        apart=core.apart,
    )


def check_namespace(call: Call, metadata: Object) -> None:
    """Fill in the namespace of the request; raises BadRequest if the object has another."""
    given = metadata.get("namespace") or ""
    if given and call.namespace and given != call.namespace:
        raise BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if call.namespace:
        metadata["namespace"] = call.namespace
    else:
        metadata.pop("namespace", None)


def context(core: Core, call: Call) -> rules.Context:
    """Return who writes and when, for strategies."""
    return rules.Context(user=call.user, now=format_time(core.clock.now()))


def refuse(row: Resource, metadata: Object, causes: Sequence[Cause]) -> None:
    """Raise Invalid if there are causes."""
    if causes:
        # Upstream checks events of either group as those of the core group.
        group = "" if row.kind == "Event" and row.custom is None else row.group
        raise invalid(row.kind, group, metadata.get("name") or "", causes)


async def create(
    core: Core,
    call: Call,
    obj: Object,
    allocation: Allocates | None = None,
    *,
    track: bool = True,
) -> Item:
    """Store a new object and return it.

    `allocation` fills in what the cluster gives the object, before validation, and says what is
    written with it.
    """
    metadata = obj["metadata"]
    if call.row.custom is not None and call.row.custom.terminating:
        raise forbidden(
            call.row.plural,
            call.row.group,
            metadata.get("name") or "",
            "create not allowed while custom resource definition is terminating",
        )
    version = metadata.get("resourceVersion") or ""
    for gone in ("uid", "creationTimestamp", "deletionTimestamp", "selfLink"):
        metadata.pop(gone, None)
    metadata.pop("deletionGracePeriodSeconds", None)
    metadata.pop("resourceVersion", None)
    check_namespace(call, metadata)
    size = max(call.size, rules.size_of_defaults(call.row))
    call.filled = await core.apart.run(size, partial(rules.apply_defaults, call.row, obj))
    if track:
        without_repeated(call, obj, admitted=False)
        noted = partial(tracked, core, call, None, obj, "")
        obj = await with_versions(core, call.row, noted, call.size)
    attempt = attributes(core, call, "CREATE", obj, None)
    await core.admission.mutate(attempt)
    without_repeated(call, obj, admitted=True)
    metadata = obj["metadata"]
    base = "" if metadata.get("name") else metadata.get("generateName") or ""
    _identify(core, metadata, base)
    if allocation is not None:
        allocation.fill(obj)
    await prepare_new(core, call, obj)
    also = allocation.also(obj) if allocation is not None else None
    attempt.name = attempt.name or metadata["name"]
    await core.admission.validate(attempt)
    if call.dry_run:
        return await _would_create(core, call, obj, version)
    if names_version(version):
        # Upstream's store finds this, when all others have looked; a dry run does not get there.
        raise ApiError(
            "resourceVersion should not be set on objects to be created", code=500, reason=""
        )
    if call.row.custom is not None:
        # As it is read from the store: a status that was dropped has its defaults, and what was
        # applied where the schema names no fields is gone.
        call.row.custom.settle(obj)
    for _ in range(_NAME_TRIES if base else 1):
        try:
            return await store_new(core, call.row, obj, also, size=call.size)
        except AlreadyExists:
            taken = metadata["name"]
            if base:
                metadata["name"] = generated(base)
    row = call.row
    if not base:
        raise await _taken(core, row, metadata.get("namespace") or "", taken)
    raise AlreadyExists(
        f'{qualified(row.plural, row.group)} "{taken}" already exists, the server was not able to '
        "generate a unique name for the object",
        details={"name": taken, "kind": row.plural, "retryAfterSeconds": 1},
    )


def _identify(core: Core, metadata: Object, base: str) -> None:
    """Give a new object what makes it itself: only validators see that, mutators do not."""
    metadata["creationTimestamp"] = format_time(core.clock.now())
    metadata["uid"] = new_uid()
    if base:
        metadata["name"] = generated(base)


async def _taken(core: Core, row: Resource, namespace: str, name: str) -> AlreadyExists:
    """Return the refusal of a name that is taken; it may be free again soon."""
    error = already_exists(row.plural, row.group, name)
    held = (await core.cache(row)).get(namespace, name)
    if held is not None and held.shared()["metadata"].get("deletionTimestamp"):
        return AlreadyExists(f"object is being deleted: {error.message}", details=error.details)
    return error


async def prepare_new(core: Core, call: Call, obj: Object) -> None:
    """Let the kind prepare and check a new object."""
    row, apart, size = call.row, core.apart, call.size
    strategy = rules.strategy_for(row)
    call.warnings.extend(await apart.run(size, partial(strategy.early_warnings, obj)))
    await apart.run(size, partial(strategy.prepare_create, obj, context(core, call)))
    causes = admin_access_causes(row, obj, None, core.lookup)
    causes += await apart.patiently(size, partial(rules.validate_create, row, obj))
    refuse(row, obj["metadata"], causes)
    call.warnings.extend(await apart.run(size, partial(strategy.warnings, obj, None)))


async def _would_create(core: Core, call: Call, obj: Object, version: str) -> Item:
    cache = await core.cache(call.row)
    metadata = obj["metadata"]
    if names_version(version):
        metadata["resourceVersion"] = version
    name = metadata["name"]
    if cache.get(call.namespace, name) is not None:
        raise await _taken(core, call.row, metadata.get("namespace") or "", name)
    return draft(core, call.row, obj)


def draft(core: Core, row: Resource, obj: Object) -> Item:
    """Return an item that is not stored, as a dry run answers with."""
    metadata = obj["metadata"]
    revision = int(metadata.pop("resourceVersion", None) or 0)
    return Item(
        "",
        namespace=metadata.get("namespace") or "",
        name=metadata["name"],
        value=canonical_bytes(obj) if is_converted(row) else encode(core, row, obj),
        revision=revision,
    )


def encode(core: Core, row: Resource, obj: Object, *, written: bool = False) -> bytes:
    """Return an object as it is stored; `written` says that it is as Go would write it already."""
    stored = core.rows.storage_row(row)
    if stored is not row:
        obj = deepcopy(rules.convert(obj, stored))
        # What another version does not know is filled in by the version that is stored.
        rules.apply_defaults(stored, obj)
    if stored is not row or not written:
        obj = as_stored(obj, stored)
    if "resourceVersion" in obj["metadata"]:
        metadata = {k: v for k, v in obj["metadata"].items() if k != "resourceVersion"}
        obj = {**obj, "metadata": metadata}
    return canonical_bytes(obj)


async def store_new(
    core: Core, row: Resource, obj: Object, also: Also | None = None, *, size: int = 0
) -> Item:
    """Commit a new object; raises AlreadyExists."""
    metadata = obj["metadata"]
    cache = await core.cache(row)
    key = cache.key(metadata.get("namespace") or "", metadata["name"])
    try:
        return await put(core, row, key, obj, expected=0, also=also, size=size)
    except CompareFailed as failed:
        if failed.key != key:
            raise
        raise already_exists(row.plural, row.group, metadata["name"]) from failed


async def put(
    core: Core,
    row: Resource,
    key: str,
    obj: Object,
    *,
    expected: int,
    also: Also | None = None,
    written: bool = False,
    size: int = 0,
) -> Item:
    """Commit an object at an expected revision; raises CompareFailed, ServiceUnavailable.

    What is too large for the store is tried again without managedFields, as upstream does.
    `written` says that the object is as Go would write it already, `size` is as for `Apart.run`.
    """
    if is_converted(row):
        obj = await core.webhooks.convert(obj, core.rows.storage_row(row))
    item = await _put_smaller(
        core, row, key, obj, expected=expected, also=also, written=written, size=size
    )
    return await seen_one(core, row, item)


async def _put_smaller(
    core: Core,
    row: Resource,
    key: str,
    obj: Object,
    *,
    expected: int,
    also: Also | None,
    written: bool,
    size: int,
) -> Item:
    try:
        value = await core.apart.run(size, partial(encode, core, row, obj, written=written))
        return await _put(core, row, key, obj, value, expected=expected, also=also)
    except TooLarge as error:
        metadata = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
        if len(metadata) == len(obj["metadata"]):
            raise ApiError(str(error), code=500, reason="") from error
    slim = {**obj, "metadata": metadata}
    try:
        value = encode(core, row, slim)
        return await _put(core, row, key, slim, value, expected=expected, also=also)
    except TooLarge as error:
        raise ApiError(str(error), code=500, reason="") from error


async def _put(
    core: Core,
    row: Resource,
    key: str,
    obj: Object,
    value: bytes,
    *,
    expected: int,
    also: Also | None,
) -> Item:
    also = also or Also()
    try:
        revision = await core.store.commit(
            compares=(Compare(key, expected), *also.compares),
            puts=((key, value), *also.puts),
            deletes=also.deletes,
            durable=core.config.flush_all or row.prefix not in _RELAXED,
            ttl=core.config.event_ttl if row.prefix == EVENTS.prefix else 0,
        )
    except (CompareFailed, TooLarge, TransformError):
        raise
    except StoreError as error:
        raise ServiceUnavailable(str(error)) from error
    metadata = obj["metadata"]
    return Item(
        key,
        namespace=metadata.get("namespace") or "",
        name=metadata["name"],
        value=value,
        revision=revision,
    )


async def remove(core: Core, item: Item, also: Also | None = None) -> Item:
    """Commit a deletion at the item's revision and return its last state; raises CompareFailed."""
    also = also or Also()
    try:
        revision = await core.store.commit(
            compares=(Compare(item.key, item.revision), *also.compares),
            puts=also.puts,
            deletes=(item.key, *also.deletes),
        )
    except CompareFailed:
        raise
    except StoreError as error:
        raise ServiceUnavailable(str(error)) from error
    return item.at(revision)


async def current(core: Core, row: Resource, namespace: str, name: str) -> Item:
    """Return what is stored; raises NotFound."""
    cache = await core.cache(row)
    item = cache.get(namespace, name)
    if item is None:
        core.check_readable(cache.key(namespace, name))
        raise not_found(row.plural, row.group, name)
    return await seen_one(core, row, item)


def decoded(core: Core, row: Resource, item: Item) -> Object:
    """Return an item as an object of the row's version."""
    obj = item.decode()
    return obj if core.rows.storage_row(row) is row else rules.convert(obj, row)


async def rewrite(
    core: Core, row: Resource, namespace: str, name: str, make: Callable[[Object], Object]
) -> Item:
    """Store what the server itself makes of an object, past strategies and admission.

    `make` gets a private copy with its resourceVersion, and may be called again with a newer one.
    """
    while True:
        item = await current(core, row, namespace, name)
        new = make(decoded(core, row, item))
        new["metadata"].pop("resourceVersion", None)
        try:
            return await put(core, row, item.key, new, expected=item.revision)
        except CompareFailed:
            continue
