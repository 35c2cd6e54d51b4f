"""Lists of status conditions."""

from collections.abc import Sequence
from typing import Any

from pinnace.api.objects import Object


def find(conditions: Sequence[Object] | None, kind: str) -> Object | None:
    """Return the condition of a type, or None."""
    for entry in conditions or ():
        if entry.get("type") == kind:
            return entry
    return None


def is_true(conditions: Sequence[Object] | None, kind: str) -> bool:
    """Whether the condition is there and True."""
    found = find(conditions, kind)
    return found is not None and found.get("status") == "True"


def without(conditions: Sequence[Object] | None, kind: str) -> list[Object]:
    """Return the conditions but the one of a type."""
    return [entry for entry in conditions or () if entry.get("type") != kind]


def put(conditions: Sequence[Object] | None, new: Object) -> list[Object]:
    """Return the conditions with this one, which goes to the end if status or reason changed.

    Nothing changes if both are the same; the transition time stays if the status is.
    """
    old = find(conditions, new["type"])
    if old is None:
        return [*(conditions or ()), new]
    if old.get("status") == new["status"] and old.get("reason") == new.get("reason"):
        return list(conditions or ())
    if old.get("status") == new["status"] and "lastTransitionTime" in old:
        new = {**new, "lastTransitionTime": old["lastTransitionTime"]}
    return [*without(conditions, new["type"]), new]


def pruned(value: Any) -> Any:
    """Return a value without what Go takes for unset (null, empty lists and maps), to compare."""
    if isinstance(value, dict):
        kept = {name: pruned(entry) for name, entry in value.items()}
        return {name: entry for name, entry in kept.items() if entry not in (None, {}, [])}
    if isinstance(value, list):
        return [pruned(entry) for entry in value]
    return value
