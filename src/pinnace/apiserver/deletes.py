"""The way of every deletion: at once, or announced and then waited for.

An object goes at once if nothing holds it. Else a deletionTimestamp is stored, and what holds it
ends the matter: the last finalizer's removal, or for Pods the kubelet's delete with grace period 0.
What a propagation policy asks for is written into the finalizers, for the garbage collector.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from pinnace.api.errors import ApiError, Cause, conflict, invalid
from pinnace.api.kinds.core import NAMESPACES
from pinnace.api.objects import Object, format_time, parse_time
from pinnace.api.resources import Resource
from pinnace.apiserver import rules
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.numbers import int64
from pinnace.apiserver.options import unsupported
from pinnace.apiserver.services.allocation import released
from pinnace.apiserver.updates import is_finished
from pinnace.apiserver.writes import attributes, current, decoded, draft, put, remove
from pinnace.store.base import CompareFailed
from pinnace.store.watchcache.item import Item

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
_RETRIES = 20
_POLICIES = ("Foreground", "Background", "Orphan")
# Kinds whose deletion answers with the object itself; the others answer with a Status.
RETURNED = frozenset(
    {
        ("", "pods"), ("", "services"), ("", "podtemplates"), ("", "resourcequotas"),
        ("", "serviceaccounts"), ("", "persistentvolumes"), ("", "persistentvolumeclaims"),
        ("policy", "podsecuritypolicies"), ("storage.k8s.io", "storageclasses"),
        ("storage.k8s.io", "csinodes"), ("storage.k8s.io", "volumeattachments"),
        ("storage.k8s.io", "volumeattributesclasses"), ("storage.k8s.io", "csidrivers"),
        ("resource.k8s.io", "resourceclaims"), ("resource.k8s.io", "resourceclaimtemplates"),
        ("resource.k8s.io", "resourceslices"), ("resource.k8s.io", "deviceclasses"),
        ("resource.k8s.io", "devicetaintrules"),
        ("resource.k8s.io", "resourcepoolstatusrequests"), ("", "namespaces"),
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """DeleteOptions as far as deletion heeds them."""

    grace: int | None = None
    uid: str = ""
    version: str = ""
    propagation: str = ""
    orphan: bool | None = None
    dry_run: bool = False


def options_from(body: Object, query: dict[str, list[str]]) -> Options:
    """Read DeleteOptions from the body or, without a body, from the query; raises Invalid."""

    def value(name: str) -> Any:
        return query[name][0] if not body and name in query else body.get(name)

    grace, orphan = value("gracePeriodSeconds"), value("orphanDependents")
    if isinstance(orphan, str):
        orphan = orphan.lower() not in ("false", "0")
    propagation = value("propagationPolicy")
    conditions = body.get("preconditions") or {}
    dry_run = body.get("dryRun") if body else query.get("dryRun")
    if isinstance(grace, str):
        grace = int64(grace) if grace else None
    grace = None if grace is None else max(int(grace), -1)
    _check(propagation, orphan, dry_run or [])
    return Options(
        grace=1 if grace == -1 else grace,
        uid=conditions.get("uid") or "",
        version=conditions.get("resourceVersion") or "",
        propagation=propagation or "",
        orphan=orphan,
        dry_run=bool(dry_run),
    )


def _check(propagation: str | None, orphan: bool | None, dry_run: list[str]) -> None:
    causes = []
    if propagation is not None and orphan is not None:
        why = (
            f'Invalid value: "{propagation}": orphanDependents and deletionPropagation cannot be '
            "both set"
        )
        causes.append(Cause("FieldValueInvalid", "propagationPolicy", why))
    if propagation is not None and propagation not in _POLICIES:
        why = (
            f'Unsupported value: "{propagation}": supported values: "Foreground", "Background", '
            '"Orphan", "nil"'
        )
        causes.append(Cause("FieldValueNotSupported", "propagationPolicy", why))
    if any(value != "All" for value in dry_run):
        causes.append(unsupported("dryRun", dry_run, ("All",)))
    if causes:
        raise invalid("DeleteOptions", "meta.k8s.io", "", causes)


def check_preconditions(row: Resource, item: Item, options: Options) -> None:
    """Raise Conflict if the object is not the one that the client means to delete."""
    uid = item.uid
    if options.uid and options.uid != uid:
        raise conflict(
            row.kind,
            row.group,
            item.name,
            f"the UID in the precondition ({options.uid}) does not match the UID in record "
            f"({uid}). The object might have been deleted and then recreated",
        )
    if options.version and options.version != str(item.revision):
        raise conflict(
            row.kind,
            row.group,
            item.name,
            f"the ResourceVersion in the precondition ({options.version}) does not match the "
            f"ResourceVersion in record ({item.revision}). The object might have been modified",
        )


async def delete(
    core: Core, call: Call, name: str, namespace: str, options: Options, *, admit: bool = True
) -> tuple[Item, bool]:
    """Delete an object, or begin to; return its last state and whether it is gone.

    Without `admit` admission has been asked already, about what the deletion follows from.
    """
    row = call.row
    for _ in range(_RETRIES):
        item = await current(core, row, namespace, name)
        check_preconditions(row, item, options)
        old = decoded(core, row, item)
        if admit:
            await _admit(core, call, old, options)
        try:
            return await _delete(core, row, item, old, options)
        except CompareFailed:
            continue
    raise ApiError(
        f"{row.plural} {name} changes too fast to be deleted", code=409, reason="Conflict"
    )


async def _admit(core: Core, call: Call, old: Object, options: Options) -> None:
    attempt = attributes(core, call, "DELETE", None, old)
    # Whoever deletes a collection names nothing in it, as upstream.
    attempt.name = "" if call.info.verb == "deletecollection" else call.info.name
    attempt.dry_run = options.dry_run
    if call.row is NAMESPACES:
        attempt.options = partial(_for_uid, attempt.options, old["metadata"]["uid"])
    await core.admission.mutate(attempt)
    await core.admission.validate(attempt)


def _for_uid(options: Callable[[], Object], uid: str) -> Object:
    """Return the options of the deletion of exactly one object."""
    found = options()
    return found | {"preconditions": {"uid": uid} | (found.get("preconditions") or {})}


async def discard(core: Core, row: Resource, item: Item) -> None:
    """Delete an object, or begin to, as the server itself: nobody is asked for leave."""
    old = decoded(core, row, item)
    with suppress(CompareFailed):
        await _delete(core, row, item, old, Options())


async def _delete(
    core: Core, row: Resource, item: Item, old: Object, options: Options
) -> tuple[Item, bool]:
    new = decoded(core, row, item)
    new["metadata"].pop("resourceVersion", None)
    old["metadata"].pop("resourceVersion", None)
    if _is_emptied(new):
        return item, False
    pending = _announce(core, row, new, options)
    if pending:
        return item, False
    _mark_finalizers(row, new, options)
    graceful = new["metadata"].get("deletionTimestamp") and new != old
    if not new["metadata"].get("deletionTimestamp"):
        rules.strategy_for(row).prepare_delete(new, format_time(core.clock.now()))
    held = not _is_free(new, options)
    if held and not new["metadata"].get("deletionTimestamp"):
        _stamp(core, new)
    if held:
        if new == old:
            return item, False
        return await _written(core, row, item, new, options), False
    if graceful:
        # Whoever watches is told of the end's beginning first, however short the time between is.
        item = await _written(core, row, item, new, options)
    if options.dry_run:
        return item, True
    return await remove(core, item, released(row, new)), True


async def _written(core: Core, row: Resource, item: Item, new: Object, options: Options) -> Item:
    if options.dry_run:
        new["metadata"]["resourceVersion"] = str(item.revision)
        return draft(core, row, new)
    return await put(core, row, item.key, new, expected=item.revision)


def _is_emptied(new: Object) -> bool:
    """Say whether a namespace waits for its content to go: nothing changes that any more."""
    finalizers = (new.get("spec") or {}).get("finalizers")
    deleted = new["metadata"].get("deletionTimestamp")
    return bool(new["kind"] == "Namespace" and deleted and finalizers)


def _stamp(core: Core, new: Object) -> None:
    metadata = new["metadata"]
    metadata["deletionTimestamp"] = format_time(core.clock.now())
    metadata.setdefault("deletionGracePeriodSeconds", 0)
    if new["kind"] == "CustomResourceDefinition":
        del metadata["deletionGracePeriodSeconds"]
        return
    if metadata.get("generation"):
        metadata["generation"] += 1
    if new["kind"] == "Namespace":
        metadata.pop("deletionGracePeriodSeconds")
        new["status"] = {**(new.get("status") or {}), "phase": "Terminating"}


def _announce(core: Core, row: Resource, new: Object, options: Options) -> bool:
    """Set or shorten the grace period; return whether a longer wait is under way already."""
    metadata = new["metadata"]
    now = core.clock.now()
    stamp = metadata.get("deletionTimestamp")
    if stamp:
        running = metadata.get("deletionGracePeriodSeconds")
        if not running:
            return False
        if options.grace is None or options.grace >= running:
            return True
        end = parse_time(stamp) - timedelta(seconds=running - options.grace)
        period = options.grace
        if end < now:
            end, period = now, min(period, 1)
        metadata["deletionTimestamp"] = format_time(end)
        metadata["deletionGracePeriodSeconds"] = period
        return False
    grace = rules.strategy_for(row).grace_period(new, options.grace)
    if grace is not None:
        metadata["deletionTimestamp"] = format_time(now + timedelta(seconds=grace))
        metadata["deletionGracePeriodSeconds"] = grace
        if metadata.get("generation"):
            metadata["generation"] += 1
    return False


def _mark_finalizers(row: Resource, new: Object, options: Options) -> None:
    """Write what the propagation policy asks for into the finalizers."""
    metadata = new["metadata"]
    have = metadata.get("finalizers") or []
    orphan = FOREGROUND not in have and (
        ORPHAN in have or rules.strategy_for(row).propagation == "Orphan"
    )
    foreground = FOREGROUND in have and ORPHAN not in have
    if options.orphan is not None:
        orphan, foreground = options.orphan, False
    elif options.propagation:
        orphan, foreground = options.propagation == "Orphan", options.propagation == "Foreground"
    wanted = [name for name in have if name not in (ORPHAN, FOREGROUND)]
    wanted += [ORPHAN] * orphan + [FOREGROUND] * foreground
    if set(wanted) == set(have):
        return
    if wanted:
        metadata["finalizers"] = wanted
    else:
        metadata.pop("finalizers", None)


def _is_free(new: Object, options: Options) -> bool:
    """Say whether nothing holds the object any more."""
    metadata = new["metadata"]
    if metadata.get("deletionTimestamp"):
        return is_finished(new)
    if metadata.get("finalizers"):
        return False
    return not (new["kind"] == "Namespace" and (new.get("spec") or {}).get("finalizers"))
