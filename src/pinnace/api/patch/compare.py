"""What differs between two objects, and what one object says, as sets of fields.

Values are compared as the schema's list and map types split them. What only one object has is
added or removed with everything that it consists of; between values that both have, only what
differs is told.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pinnace.api.patch.fields import Path
from pinnace.api.patch.shape import (
    Kind,
    child,
    element,
    is_named,
    item_of,
    splits_list,
    splits_map,
)

_ABSENT = object()


class Comparison(NamedTuple):
    """Paths that one object has more than another, with another value, or less."""

    added: set[Path]
    modified: set[Path]
    removed: set[Path]


def compare(old: Any, new: Any, kind: Kind) -> Comparison:
    """Return which paths differ between two objects; raises NoElement."""
    result = Comparison(set(), set(), set())
    _compare(old, new, kind, (), result)
    for paths in result:
        paths.discard(())
    return result


def _compare(old: Any, new: Any, kind: Kind, path: Path, out: Comparison) -> None:
    if old is not _ABSENT and new is not _ABSENT and old == new:
        return
    if _descends(old, new, dict) and splits_map(kind):
        _compare_maps(old, new, kind, path, out)
    elif _descends(old, new, list) and splits_list(kind):
        _compare_lists(old, new, kind, path, out)
    else:
        _note(old, new, path, out, leaf=True)


def _descends(old: Any, new: Any, form: type) -> bool:
    """Say whether there is something in one of two values, and both have this form if any."""
    filled = False
    for one in (old, new):
        if isinstance(one, form):
            filled = filled or bool(one)
        elif one is not _ABSENT and one is not None:
            return False
    return filled


def _note(old: Any, new: Any, path: Path, out: Comparison, *, leaf: bool) -> None:
    if old is _ABSENT:
        out.added.add(path)
    elif new is _ABSENT:
        out.removed.add(path)
    elif leaf:
        out.modified.add(path)


def _compare_maps(old: Any, new: Any, kind: Kind, path: Path, out: Comparison) -> None:
    before: Mapping[str, Any] = old if isinstance(old, dict) else {}
    after: Mapping[str, Any] = new if isinstance(new, dict) else {}
    for name in {**before, **after}:
        one, other = before.get(name, _ABSENT), after.get(name, _ABSENT)
        if one is not _ABSENT and other is not _ABSENT and one == other:
            # Nearly all of an object is as before: spare asking the schema about it.
            continue
        _compare(one, other, child(kind, name), (*path, f"f:{name}"), out)
    _note(old, new, path, out, leaf=False)


def _compare_lists(old: Any, new: Any, kind: Kind, path: Path, out: Comparison) -> None:
    before, after = _named(old, kind), _named(new, kind)
    inner = item_of(kind)
    for name in {**before, **after}:
        was, now = before.get(name, ()), after.get(name, ())
        here = (*path, name)
        if len(was) < 2 and len(now) < 2:
            one = was[0] if was else _ABSENT
            _compare(one, now[0] if now else _ABSENT, inner, here, out)
        elif len(was) > 1 and len(now) > 1:
            # Items of one name are owned together.
            if was != now:
                out.modified.add(here)
        elif len(was) > 1:
            if now:
                _compare(_ABSENT, now[0], inner, here, out)
            out.removed.add(here)
        else:
            if was:
                _compare(was[0], _ABSENT, inner, here, out)
            out.added.add(here)
    _note(old, new, path, out, leaf=False)


def _named(items: Any, kind: Kind) -> dict[str, list[Any]]:
    made: dict[str, list[Any]] = {}
    for item in items if isinstance(items, list) else ():
        made.setdefault(element(kind, item), []).append(item)
    return made


def field_set(value: Any, kind: Kind) -> set[Path]:
    """Return all paths that an object says; raises NoElement."""
    found: set[Path] = set()
    _collect(value, kind, (), found)
    found.discard(())
    return found


def _collect(value: Any, kind: Kind, path: Path, found: set[Path]) -> None:
    if isinstance(value, dict) and splits_map(kind):
        for name, inner in value.items():
            here = (*path, f"f:{name}")
            _collect(inner, child(kind, name), here, found)
            if inner is None or inner == {} or not is_named(kind, name):
                found.add(here)
    elif isinstance(value, list) and splits_list(kind):
        inner_kind = item_of(kind)
        for name, items in _named(value, kind).items():
            if len(items) == 1:
                _collect(items[0], inner_kind, (*path, name), found)
            found.add((*path, name))
    elif value is not None:
        found.add(path)
