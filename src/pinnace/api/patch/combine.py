"""Merging what is applied into what is there, and taking fields out of an object."""

from collections.abc import Set
from typing import Any

from pinnace.api.patch.fields import Path
from pinnace.api.patch.shape import Kind, child, element, item_of, splits_list, splits_map

_ABSENT = object()


def merged(live: Any, applied: Any, kind: Kind) -> Any:
    """Return a live value with an applied one merged into it; raises NoElement."""
    if _descends(live, applied, dict) and splits_map(kind):
        below = live if isinstance(live, dict) else {}
        made = dict(below)
        for name, value in applied.items():
            made[name] = merged(below.get(name, _ABSENT), value, child(kind, name))
        return made
    if _descends(live, applied, list) and splits_list(kind):
        return _merged_list(live if isinstance(live, list) else [], applied, kind)
    if applied is None and isinstance(live, (dict, list)) and live:
        # What is null keeps what it would merge with, unless that is owned as one.
        splits = splits_map(kind) if isinstance(live, dict) else splits_list(kind)
        return live if splits else None
    return applied


def _descends(live: Any, applied: Any, form: type) -> bool:
    """Say whether a value is merged into a live one of its form, or into none."""
    if not isinstance(applied, form):
        return False
    if isinstance(live, form):
        return bool(applied or live)
    return bool(applied) and (live is _ABSENT or live is None)


def _merged_list(live: list[Any], applied: list[Any], kind: Kind) -> list[Any]:
    """Merge item by item: the applied order holds, other live items keep their places.

    For example live [a, b, c, d] and applied [c, x, b] give [a, c, d, x, b]. Live items of one name
    are not merged with an applied one: it takes their place.
    """
    left = [element(kind, item) for item in live]
    right = [element(kind, item) for item in applied]
    old: dict[str, Any] = {}
    for name, item in zip(left, live, strict=True):
        old[name] = None if name in old else item
    new = dict(zip(right, applied, strict=True))
    inner = item_of(kind)
    shared = [name for name in right if name in old]
    made: list[Any] = []
    done: set[str] = set()
    at = put = met = 0
    while at < len(left) or put < len(right):
        if at < len(left) and put < len(right):
            name = left[at]
            if name == right[put]:
                made.append(merged(old[name], new[name], inner))
                done.add(name)
                at, put, met = at + 1, put + 1, met + 1
                continue
            if name in new and met < len(shared) and shared[met] != name:
                # Shared, and put where the applied order wants it.
                at += 1
                continue
        if at < len(left):
            name = left[at]
            if name not in new:
                made.append(live[at])
                at += 1
                continue
            if name in done:
                at += 1
        if put < len(right):
            name = right[put]
            made.append(merged(old.get(name, _ABSENT), new[name], inner))
            done.add(name)
            put += 1
            met += met < len(shared) and shared[met] == name
    return made


def without(value: Any, gone: Set[Path], kind: Kind) -> Any:
    """Return a value without some fields; containers that lose their last one stay, empty."""
    if not gone:
        return value
    return _without(value, _tree(gone), kind)


def _tree(paths: Set[Path]) -> dict[str, Any]:
    """Return paths as nested dicts; None stands for a path that ends."""
    root: dict[str, Any] = {}
    for path in paths:
        here: dict[str, Any] | None = root
        for part in path[:-1]:
            assert here is not None
            below = here.setdefault(part, {})
            if below is None:
                here = None
                break
            here = below
        if here is not None:
            here[path[-1]] = None
    return root


def _without(value: Any, gone: dict[str, Any], kind: Kind) -> Any:
    if isinstance(value, dict):
        if not splits_map(kind):
            return {}
        made: dict[str, Any] = {}
        for name, inner in value.items():
            below = gone.get(f"f:{name}", _ABSENT)
            if below is None:
                continue
            kept = inner if below is _ABSENT else _without(inner, below, child(kind, name))
            made[name] = kept
        return made
    if isinstance(value, list):
        if not splits_list(kind):
            return []
        items: list[Any] = []
        for item in value:
            below = gone.get(element(kind, item), _ABSENT)
            if below is None:
                continue
            items.append(item if below is _ABSENT else _without(item, below, item_of(kind)))
        return items
    return value
