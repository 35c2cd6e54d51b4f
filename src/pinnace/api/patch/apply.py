"""Server-side apply, and the bookkeeping of field owners that it rests on.

Every write is compared with what was there; who changes a field owns it from then on (`track`).
An apply says all that its manager wants: it is merged by the schema's list types, takes those
fields, fails if another manager owns one of them with another value unless forced, and removes what
the manager wanted last time, wants no longer, and nobody else owns.
"""

from collections.abc import Set
from datetime import datetime
from functools import cache
from typing import Any

from pinnace.api.codec.json import check_depth
from pinnace.api.errors import BadRequest, Conflict
from pinnace.api.objects import Object, format_time
from pinnace.api.patch import lastapplied, managers
from pinnace.api.patch.fields import Comparison, Fields, Kind, Path, Shape, shown
from pinnace.api.patch.managers import APPLY, BEFORE_FIRST_APPLY, UPDATE, Entry, Managed, Manager
from pinnace.api.patch.whole import Unclear, Whole
from pinnace.api.resources import Resource
from pinnace.api.schema.load import schema_of
from pinnace.api.schema.types import FieldDef

_META = ("f:metadata",)
_UNOWNED = frozenset(
    {
        "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation",
        "managedFields", "resourceVersion",
    }
)  # fmt: skip
_STRIPPED = frozenset(
    [("f:apiVersion",), ("f:kind",), _META] + [(*_META, f"f:{name}") for name in _UNOWNED]
)


def track(
    old: Object | None,
    new: Object,
    row: Resource,
    *,
    manager: str,
    time: datetime,
    operation: str = UPDATE,
    subresource: str = "",
) -> Object:
    """Return a written object with its managedFields brought up to date.

    `old` is None for a create. An object that has lost all its managers stays without.
    """
    if old is None and not subresource and not new["metadata"].get("managedFields"):
        made = _first(new, row, managers.manager(manager, operation, row.group_version, ""), time)
        if made is not None:
            return made
    try:
        managed = _managed_of_write(old, new, subresource)
    except ValueError:
        return managers.write(new, {})
    if not managed and old is not None:
        return managers.write(new, {})
    shape, kind = Shape(schema_of(row)), _kind(row)
    added, changed, removed = _compare(shape, old, new, kind)
    who = managers.manager(manager, operation, row.group_version, subresource)
    managed = managers.without(managed, added | changed | removed)
    taken = frozenset(_kept(added | changed, row, subresource))
    if taken:
        # The owner had lost these a moment ago, and has them back with what it took.
        managed = managers.took(managed, who, row.group_version, taken, time)
    return managers.write(new, managed)


def apply(
    live: Object | None,
    applied: Object,
    row: Resource,
    *,
    manager: str,
    force: bool,
    time: datetime,
    subresource: str = "",
) -> Object:
    """Return the object after an apply; raises Conflict naming every owner, or BadRequest.

    `live` is None when there is no such object yet.
    """
    _check(applied, row)
    shape, kind = Shape(schema_of(row)), _kind(row)
    base = live or {}
    managed = _managed_before(base, shape, kind, row, time)
    who = managers.manager(manager, APPLY, row.group_version, subresource)
    last = managed.get(who)
    said = _fields(shape, applied, kind)
    wanted = frozenset(_kept(said, row, subresource))
    managed[who] = Entry(
        fields=wanted, api_version=row.group_version, time=last.time if last else ""
    )
    merged = _merge(shape, _without_managers(base), applied, kind)
    if last is not None:
        # Nobody owns the name, but it holds what it stands in: metadata stays.
        merged = _prune(shape, merged, kind, last.fields, managed, _STRIPPED & said.keys())
    added, changed, removed = _compare(shape, base, merged, kind)
    of_kubectl = manager == lastapplied.MANAGER
    if not force:
        own = lastapplied.owned(base, row, shape, kind) if of_kubectl else set()
        _refuse_conflicts(managed, who, (added | changed) - own)
    managed = managers.without(managed, added | changed, but=who)
    managed = managers.without(managed, removed, but=who)
    if who in managed and (not live or merged != _without_managers(base)):
        entry = managed[who]
        stamp = format_time(time)
        managed[who] = Entry(fields=entry.fields, api_version=entry.api_version, time=stamp)
    merged = lastapplied.renew(merged, applied) if of_kubectl else merged
    return managers.write(merged, managed)


def _kind(row: Resource) -> Kind:
    return schema_of(row).type_for(row.group, row.version, row.kind)


def _check(applied: Object, row: Resource) -> None:
    check_depth(applied)
    version = applied.get("apiVersion", "")
    if version != row.group_version:
        raise BadRequest(
            "Incorrect version specified in apply patch. "
            f"Specified patch version: {version}, expected: {row.group_version}"
        )
    if (applied.get("metadata") or {}).get("managedFields") is not None:
        raise BadRequest("metadata.managedFields must be nil")


@cache
def _whole(row: Resource) -> Whole:
    return Whole(Shape(schema_of(row)), _kind(row))


def _first(new: Object, row: Resource, who: Manager, time: datetime) -> Object | None:
    """Return a new object that its writer owns wholly, or None if that takes a closer look."""
    unowned = {"apiVersion", "kind"}
    if row.subresource("status") is not None:
        unowned.add("status")
    parts = {name: value for name, value in new.items() if name not in unowned}
    parts["metadata"] = {
        name: value for name, value in new["metadata"].items() if name not in _UNOWNED
    }
    try:
        fields = _whole(row).fields(parts)
    except Unclear:
        return None
    if not parts["metadata"]:
        fields.pop("f:metadata", None)
    return managers.write_first(new, who, row.group_version, fields, time) if fields else None


def _without_managers(obj: Object) -> Object:
    metadata = obj.get("metadata") or {}
    if "managedFields" not in metadata:
        return obj
    kept = {name: value for name, value in metadata.items() if name != "managedFields"}
    return {**obj, "metadata": kept}


def _fields(shape: Shape, obj: Object | None, kind: Kind) -> Fields:
    return shape.fields(_without_managers(obj), kind) if obj else {}


def _managed_of_write(old: Object | None, new: Object, subresource: str) -> Managed:
    """A write may set managedFields itself, but not through a subresource."""
    if not subresource:
        if managers.is_reset(new):
            return {}
        managed = managers.read(new)
        if managed:
            return managed
    return managers.read(old)


def _managed_before(
    base: Object, shape: Shape, kind: Kind, row: Resource, time: datetime
) -> Managed:
    """Return the managers before an apply; fields that nobody tracked get an owner first."""
    try:
        managed = managers.read(base)
    except ValueError as error:
        raise BadRequest(f"failed to decode managed fields: {error}") from None
    found = frozenset() if managed else frozenset(_fields(shape, base, kind)) - _STRIPPED
    if managed or not found:
        return managed
    who = managers.manager(BEFORE_FIRST_APPLY, UPDATE, row.group_version, "")
    return managers.took({}, who, row.group_version, found, time)


def _kept(paths: Any, row: Resource, subresource: str) -> set[Path]:
    """Leave out what nobody owns, and what this endpoint does not write."""
    reset = ""
    if subresource == "status":
        reset = "f:spec"
    elif not subresource and row.subresource("status") is not None:
        reset = "f:status"
    return {path for path in paths if path not in _STRIPPED and path[0] != reset}


def _compare(shape: Shape, old: Object | None, new: Object, kind: Kind) -> Comparison:
    return shape.compare(_without_managers(old or {}), _without_managers(new), kind)


def _refuse_conflicts(managed: Managed, who: Manager, paths: set[Path]) -> None:
    found = {
        other: sorted(shown(path) for path in entry.fields & paths)
        for other, entry in managed.items()
        if other != who and entry.fields & paths
    }
    if not found:
        return
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f"conflict with {other.shown()}",
            "field": path,
        }
        for other, fields in found.items()
        for path in fields
    ]
    if len(causes) == 1:
        text = f"1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        lines = []
        for other in sorted(found):
            lines.append(f"conflicts with {other.shown()}:")
            lines += [f"- {path}" for path in found[other]]
        text = f"{len(causes)} conflicts: " + "\n".join(lines)
    raise Conflict(f"Apply failed with {text}", details={"causes": causes})


def _merge(shape: Shape, live: Any, applied: Any, kind: Kind) -> Any:
    if isinstance(live, dict) and isinstance(applied, dict) and shape.splits_map(kind):
        merged = dict(live)
        for name, value in applied.items():
            merged[name] = _merge(shape, live.get(name), value, shape.child(kind, name))
        return merged
    both = isinstance(live, list) and isinstance(applied, list)
    if both and shape.splits_list(kind) and isinstance(kind, FieldDef):
        return _merge_list(shape, live, applied, kind)
    return applied


def _merge_list(shape: Shape, live: list[Any], applied: list[Any], kind: FieldDef) -> list[Any]:
    """Merge item by item: the applied order holds, other live items keep their places.

    For example live [a, b, c, d] and applied [c, x, b] give [a, c, d, x, b].
    """
    old = {shape.element(kind, item): item for item in live}
    new = {shape.element(kind, item): item for item in applied}
    if len(new) != len(applied):
        raise BadRequest("failed to create typed patch object: duplicate entries in a keyed list")
    shared = [name for name in new if name in old]
    left, right = list(old), list(new)
    merged: list[Any] = []
    at = done = met = 0
    while at < len(left) or done < len(right):
        if at < len(left) and left[at] not in new:
            merged.append(old[left[at]])
            at += 1
            continue
        if done == len(right) or (
            at < len(left) and met < len(shared) and left[at] != shared[met]
            and left[at] != right[done]
        ):  # fmt: skip
            # Shared, and put where the applied order wants it.
            at += 1
            continue
        name = right[done]
        done += 1
        item = new[name]
        merged.append(_merge(shape, old[name], item, kind.item) if name in old else item)
        if at < len(left) and left[at] == name:
            at += 1
        if met < len(shared) and shared[met] == name:
            met += 1
    return merged


def _prune(
    shape: Shape, merged: Object, kind: Kind, last: Any, managed: Managed, kept: Set[Path]
) -> Object:
    """Remove what was applied last time, is not any more, and has no other owner."""
    owned = {path for entry in managed.values() for path in entry.fields} | kept
    gone = shape.with_parents(last, kind) - shape.with_parents(owned, kind)
    if not gone:
        return merged
    pruned: Object = _removed(shape, merged, kind, (), gone)
    return pruned


def _removed(shape: Shape, value: Any, kind: Kind, path: Path, gone: set[Path]) -> Any:
    if isinstance(value, dict) and shape.splits_map(kind):
        return {
            name: _removed(shape, inner, shape.child(kind, name), (*path, f"f:{name}"), gone)
            for name, inner in value.items()
            if (*path, f"f:{name}") not in gone
        }
    if isinstance(value, list) and isinstance(kind, FieldDef) and shape.splits_list(kind):
        named = [((*path, shape.element(kind, item)), item) for item in value]
        return [
            _removed(shape, item, kind.item, here, gone) for here, item in named if here not in gone
        ]
    return value
