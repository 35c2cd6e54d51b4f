"""Keeps the priority levels and flow schemas that every cluster has.

Once a minute: what is missing is written again. What is mandatory gets its specification back, and
so does a suggested object that still follows ours: its annotation says so, or nobody has changed
its specification since it was made. An object that was ours and is no more is deleted.
"""

import logging

from pinnace.api.errors import ApiError, NotFound
from pinnace.api.kinds.flowcontrol import FLOWSCHEMAS, PRIORITYLEVELCONFIGURATIONS
from pinnace.api.objects import Object
from pinnace.api.patch import apply
from pinnace.api.resources import Resource
from pinnace.api.typed import normalized
from pinnace.apiserver import rules
from pinnace.apiserver.bootstrap.flow_control import (
    ANNOTATION,
    MANDATORY,
    bootstrap_flow_control,
)
from pinnace.apiserver.bootstrap.objects import ensure
from pinnace.apiserver.core import Core
from pinnace.apiserver.deletes import discard
from pinnace.apiserver.managers import scope_of
from pinnace.apiserver.writes import rewrite
from pinnace.store.base import CompareFailed, StoreError

MANAGER = "api-priority-and-fairness-config-producer-v1"
_SECONDS = 60.0
_ROWS = {row.kind: row for row in (PRIORITYLEVELCONFIGURATIONS, FLOWSCHEMAS)}
# What strconv.ParseBool takes for which.
_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")
_OWN_SHARES = ("nominalConcurrencyShares", "lendablePercent")
_log = logging.getLogger(__name__)


async def maintain_for_ever(core: Core) -> None:
    """Look after the objects once a minute."""
    while True:
        await core.clock.sleep(_SECONDS)
        try:
            await maintain(core)
        except (ApiError, StoreError, CompareFailed) as error:
            _log.warning("cannot maintain the objects of priority and fairness: %s", error)


async def maintain(core: Core) -> None:
    """Look after the objects; raises ApiError, StoreError or CompareFailed."""
    wanted = bootstrap_flow_control()
    for ours in wanted:
        row = _ROWS[ours["kind"]]
        held = core.lookup.get(row, "", ours["metadata"]["name"])
        if held is None:
            await ensure(core, row, ours)
        elif revised(held, ours, row) is not None:
            await _revise(core, row, ours)
    names = {(ours["kind"], ours["metadata"]["name"]) for ours in wanted}
    for row in _ROWS.values():
        cache = await core.cache(row)
        for item in list(cache.items()):
            follows = _follows(item.shared())
            if follows and (row.kind, item.name) not in names:
                await discard(core, row, item)


def _follows(obj: Object) -> bool | None:
    """Return what the annotation says; None if it says nothing."""
    value = (obj["metadata"].get("annotations") or {}).get(ANNOTATION)
    if value in _TRUE:
        return True
    return False if value in _FALSE else None


def revised(held: Object, ours: Object, row: Resource) -> Object | None:
    """Return what a stored object is to become; None if it may stay as it is."""
    metadata = held["metadata"]
    follows = _follows(held)
    ours_to_write = metadata["name"] in MANDATORY or (
        metadata.get("generation") == 1 if follows is None else follows
    )
    spec = held["spec"]
    if ours_to_write:
        # Ours are made anew each time they are asked for.
        rules.apply_defaults(row, ours)
        wanted, exempt = ours["spec"], spec.get("exempt")
        if "exempt" in wanted and exempt is not None:
            # How much the exempt level lends is the cluster's own affair.
            own = {key: exempt[key] for key in _OWN_SHARES if key in exempt}
            wanted = {**wanted, "exempt": {**wanted["exempt"], **own}}
        spec = wanted
    if spec == held["spec"] and follows is ours_to_write:
        return None
    if follows is not ours_to_write:
        told = "true" if ours_to_write else "false"
        annotations = {**(metadata.get("annotations") or {}), ANNOTATION: told}
        metadata = {**metadata, "annotations": annotations}
    return {**held, "metadata": metadata, "spec": spec}


async def _revise(core: Core, row: Resource, ours: Object) -> None:
    strategy = rules.strategy_for(row)

    def make(held: Object) -> Object:
        new = revised(held, ours, row)
        if new is None:
            return held
        new["metadata"] = dict(new["metadata"])
        strategy.count(new, held)
        return apply.track(
            held,
            normalized(new, row),
            row,
            manager=MANAGER,
            time=core.clock.now(),
            scope=scope_of(row, ""),
        )

    try:
        await rewrite(core, row, "", ours["metadata"]["name"], make)
    except NotFound:
        return  # deleted meanwhile; written again in a minute
