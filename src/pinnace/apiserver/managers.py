"""Who wrote which field: managedFields of every write that is no apply."""

from datetime import datetime
from typing import Any

from pinnace.api.objects import Object
from pinnace.api.patch import apply
from pinnace.api.patch.fields import ANY, Scope
from pinnace.api.resources import Resource
from pinnace.api.typed import normalized
from pinnace.apiserver import rules
from pinnace.apiserver.core import Call, Core

_LONGEST = 128
# The name under which the server writes.
SERVER = "kube-apiserver"


def manager_of(call: Call) -> str:
    """Return the name of the writer: what it says, or the program in its User-Agent."""
    given = call.request.param("fieldManager")
    if given:
        return given
    agent = call.request.headers.get("user-agent", "").split("/", 1)[0]
    text = "".join(letter for letter in agent if letter.isprintable())
    return text.encode()[:_LONGEST].decode(errors="ignore")


def scope_of(row: Resource, subresource: str) -> Scope:
    """Return which fields the writers of an endpoint can own."""
    strategy = rules.strategy_for(row)
    only = strategy.written_fields(subresource)
    but = () if only else strategy.reset_fields(subresource)
    return Scope(but=tuple(map(_path, but)), only=tuple(map(_path, only)))


def _path(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name if name == ANY else f"f:{name}" for name in names)


def tracked(core: Core, call: Call, old: Object | None, new: Object, subresource: str) -> Object:
    """Return a written object with its managedFields brought up to date."""
    return apply.track(
        old,
        new,
        call.row,
        manager=manager_of(call) or "unknown",
        time=core.clock.now(),
        scope=scope_of(call.row, subresource),
        subresource=subresource,
    )


def tracked_as_own(
    core: Core,
    row: Resource,
    obj: Object,
    manager: str = SERVER,
    *,
    old: Object | None = None,
) -> Object:
    """Return an object that the server itself makes or changes, with its manager noted."""
    return apply.track(
        old,
        normalized(obj, row),
        row,
        manager=manager,
        time=core.clock.now(),
        scope=scope_of(row, ""),
    )


def same(new: Object, old: Object) -> bool:
    """Say whether two objects differ at most in when their managers wrote."""
    if new == old:
        return True
    if any(new.get(name) != old.get(name) for name in {*new, *old} if name != "metadata"):
        return False
    return _timeless(new["metadata"]) == _timeless(old["metadata"])


def _timeless(metadata: dict[str, Any]) -> dict[str, Any]:
    entries = metadata.get("managedFields") or ()
    bare = [{k: v for k, v in entry.items() if k != "time"} for entry in entries]
    return {**metadata, "managedFields": bare}


def applied_status(
    obj: Object, row: Resource, status: Object, *, manager: str, now: datetime
) -> Object:
    """Return an object with a status that a part of the server itself applies to it."""
    applied = {
        "apiVersion": row.group_version,
        "kind": row.kind,
        "metadata": {"name": obj["metadata"]["name"]},
        "status": status,
    }
    made = apply.apply(
        obj, applied, row, manager=manager, force=True, time=now,
        scope=scope_of(row, "status"), subresource="status",
    )  # fmt: skip
    return normalized(made, row)
