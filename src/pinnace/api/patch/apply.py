"""Server-side apply, and the bookkeeping of field owners that it rests on.

Every write is compared with what was there; who changes a field owns it from then on (`track`).
An apply says all that its manager wants: it is merged by the schema's list types, takes those
fields, fails if another manager owns one of them with another value unless forced, and removes what
the manager wanted last time, wants no longer, and nobody else owns.

A manager's fields are those of the version in which it wrote, so objects are compared once for each
version that has a manager.
"""

from collections.abc import Set
from datetime import datetime
from functools import cache

from pinnace.api.codec.json import check_depth
from pinnace.api.errors import ApiError, BadRequest, Conflict
from pinnace.api.objects import Object, format_time
from pinnace.api.patch import declared, lastapplied, managers
from pinnace.api.patch.combine import merged, without
from pinnace.api.patch.compare import Comparison, compare, field_set
from pinnace.api.patch.fields import ALL, Path, Scope, in_order, shown
from pinnace.api.patch.managers import APPLY, BEFORE_FIRST_APPLY, UPDATE, Entry, Managed, Manager
from pinnace.api.patch.shape import NoElement, reconciled, with_parents
from pinnace.api.patch.versions import Versions, zero
from pinnace.api.patch.whole import Unclear, Whole
from pinnace.api.resources import Resource

_UNOWNED = frozenset(
    {
        "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation",
        "managedFields", "resourceVersion",
    }
)  # fmt: skip
_META = ("f:metadata",)
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
    scope: Scope = ALL,
    operation: str = UPDATE,
    subresource: str = "",
) -> Object:
    """Return a written object with its managedFields brought up to date.

    `old` is None for a create. `scope` says which fields this endpoint writes. An object that has
    lost all its managers stays without.
    """
    who = managers.manager(manager, operation, row.group_version, subresource)
    if old is None and not subresource and not new["metadata"].get("managedFields"):
        made = _first(new, row, who, scope, time)
        if made is not None:
            return made
    managed = _managed_of_write(old, new, subresource)
    if not managed and old is not None:
        return managers.write(new, {})
    before = _bare(old) if old is not None else zero(row)
    view = Versions(row)
    try:
        managed = _reconciled(managed, view)
        changes = _Changes(view, before, _bare(new), scope)
        own = changes.at(row.group_version)
        managed = _after(managed, changes)
    except NoElement:
        return managers.write(new, {})
    assert own is not None
    taken = frozenset(scope.kept(own.added | own.modified)) - _STRIPPED
    if taken:
        managed = managers.took(managed, who, row.group_version, taken, time)
    return managers.write(new, managers.capped(managed))


def apply(
    live: Object | None,
    applied: Object,
    row: Resource,
    *,
    manager: str,
    force: bool,
    time: datetime,
    scope: Scope = ALL,
    subresource: str = "",
) -> Object:
    """Return the object after an apply; raises Conflict naming every owner, or another ApiError.

    `live` is None when there is no such object yet. Comes back as merged: neither defaulted nor as
    Go would write it.
    """
    _check(applied, row)
    base = live if live is not None else zero(row)
    managed = _managed_before(live, row, scope, subresource, time)
    _refuse_misfits(applied, row)
    who = managers.manager(manager, APPLY, row.group_version, subresource)
    of_kubectl = manager == lastapplied.MANAGER
    try:
        made = _Apply(row, _bare(base), applied, managed, who, scope)
        conflicts = {} if force else made.conflicts()
        if conflicts and of_kubectl:
            allowed = lastapplied.owned(base, row)
            left = {one: paths - allowed for one, paths in conflicts.items()}
            conflicts = {one: paths for one, paths in left.items() if paths}
        if conflicts:
            raise _conflict(conflicts)
        result, managed = made.result(time)
    except NoElement as error:
        raise ApiError(str(error), reason="") from None
    if of_kubectl:
        result = lastapplied.renew(result, applied)
    return managers.write(result, managed)


def _check(applied: Object, row: Resource) -> None:
    check_depth(applied)
    version, kind = applied.get("apiVersion") or "", applied.get("kind") or ""
    if (version, kind) != (row.group_version, row.kind):
        shown_version = version if "/" in version else f"/{version}"
        raise BadRequest(f"invalid object type: {shown_version}, Kind={kind}")
    if isinstance(_metadata(applied).get("managedFields"), list):
        raise BadRequest("metadata.managedFields must be nil")


def _metadata(applied: Object) -> Object:
    """Return what a configuration has as its metadata, if that is a map: it may be anything."""
    found = applied.get("metadata")
    return found if isinstance(found, dict) else {}


def _refuse_misfits(applied: Object, row: Resource) -> None:
    wrong = declared.errors(applied, Versions(row).kind(row.group_version))
    if wrong:
        why = declared.joined(wrong)
        raise ApiError(f"failed to create typed patch object ({named(applied)}): {why}", reason="")


def named(applied: Object) -> str:
    """Return an applied object's namespace, name and kind as errors show them."""
    metadata, version = _metadata(applied), applied.get("apiVersion") or ""
    shown_version = version if "/" in version else f"/{version}"
    namespace, name = metadata.get("namespace") or "", metadata.get("name") or ""
    return f"{namespace}/{name}; {shown_version}, Kind={applied.get('kind') or ''}"


@cache
def _whole(row: Resource) -> Whole:
    bare = {name: value for name, value in zero(row).items() if name not in ("kind", "apiVersion")}
    return Whole(Versions(row).kind(row.group_version), bare)


def _first(new: Object, row: Resource, who: Manager, scope: Scope, time: datetime) -> Object | None:
    """Return a new object that its writer owns wholly, or None if that takes a closer look."""
    if scope.only or any(len(path) > 1 for path in scope.but):
        return None
    unowned = {"apiVersion", "kind", *(path[0][2:] for path in scope.but)}
    parts = {name: value for name, value in new.items() if name not in unowned}
    if "metadata" not in unowned:
        parts["metadata"] = {
            name: value for name, value in new["metadata"].items() if name not in _UNOWNED
        }
    try:
        fields = _whole(row).fields(parts)
    except (Unclear, NoElement):
        return None
    return managers.write_first(new, who, row.group_version, fields, time) if fields else None


def _bare(obj: Object) -> Object:
    """Return an object without its managers."""
    metadata = obj.get("metadata") or {}
    if "managedFields" not in metadata:
        return obj
    kept = {name: value for name, value in metadata.items() if name != "managedFields"}
    return {**obj, "metadata": kept}


def _managed_of_write(old: Object | None, new: Object, subresource: str) -> Managed:
    """A write may set managedFields itself, but not through a subresource."""
    if not subresource:
        if managers.is_reset(new):
            return {}
        try:
            managed = managers.read(new)
        except ValueError:
            managed = {}
        if managed:
            return managed
    try:
        return managers.read(old)
    except ValueError:
        return {}


def _managed_before(
    live: Object | None, row: Resource, scope: Scope, subresource: str, time: datetime
) -> Managed:
    """Return the managers before an apply; fields that nobody tracked get an owner first."""
    try:
        managed = managers.read(live)
    except ValueError as error:
        raise ApiError(f"failed to decode managed fields: {error}", reason="") from None
    if managed or live is None:
        return managed
    kind = Versions(row).kind(row.group_version)
    try:
        found = compare(zero(row), _bare(live), kind)
    except NoElement:
        return managed
    fields = frozenset(scope.kept(found.added | found.modified)) - _STRIPPED
    if not fields:
        return managed
    who = managers.manager(BEFORE_FIRST_APPLY, UPDATE, row.group_version, subresource)
    return managers.took({}, who, row.group_version, fields, time)


def _reconciled(managed: Managed, view: Versions) -> Managed:
    """Return managers whose versions still exist, with fields as these versions split them."""
    made: Managed = {}
    for who, entry in managed.items():
        kind = view.kind(entry.api_version)
        if view.row(entry.api_version) is not None:
            made[who] = entry.owning(reconciled(entry.fields, kind) if kind else entry.fields)
    return made


class _Changes:
    """What differs between two objects, in every version in which somebody asks."""

    def __init__(self, view: Versions, old: Object, new: Object, scope: Scope) -> None:
        self._view = view
        self._old = old
        self._new = new
        self._scope = scope
        self._found: dict[str, Comparison | None] = {}

    def at(self, version: str) -> Comparison | None:
        """Return the differences in a version, or None if there is no such version."""
        if version not in self._found:
            self._found[version] = self._compare(version)
        return self._found[version]

    def _compare(self, version: str) -> Comparison | None:
        old, new = self._view.at(self._old, version), self._view.at(self._new, version)
        if old is None or new is None:
            return None
        found = compare(old, new, self._view.kind(version))
        return Comparison(*map(self._scope.kept, found))


def _after(managed: Managed, changes: _Changes, *, but: Manager | None = None) -> Managed:
    """Return managers without what was changed or removed under them."""
    made: Managed = {}
    for who, entry in managed.items():
        found = changes.at(entry.api_version)
        if who == but:
            made[who] = entry
        elif found is not None:
            left = entry.fields.difference(*found)
            if left:
                made[who] = entry.owning(left)
    return made


class _Apply:
    """One apply: the merged object, what it takes from others, and who owns what afterwards."""

    def __init__(
        self,
        row: Resource,
        live: Object,
        applied: Object,
        managed: Managed,
        who: Manager,
        scope: Scope,
    ) -> None:
        self._view = Versions(row)
        self._live = live
        self._who = who
        self._managed = _reconciled(managed, self._view)
        kind = self._view.kind(row.group_version)
        last = self._managed.get(who)
        wanted = frozenset(scope.kept(field_set(applied, kind)))
        self._entry = Entry(wanted, row.group_version, last.time if last else "")
        self._managed[who] = self._entry
        whole = merged(live, applied, kind)
        self._new = self._pruned(whole, last) if last is not None else whole
        self._changes = _Changes(self._view, live, self._new, scope)

    def conflicts(self) -> dict[Manager, Set[Path]]:
        """Return which fields of whom get another value."""
        found: dict[Manager, Set[Path]] = {}
        for who, entry in self._managed.items():
            changes = self._changes.at(entry.api_version)
            if who != self._who and changes is not None:
                lost = entry.fields & (changes.added | changes.modified)
                if lost:
                    found[who] = lost
        return found

    def result(self, time: datetime) -> tuple[Object, Managed]:
        """Return the object and its managers."""
        managed = _after(self._managed, self._changes, but=self._who)
        changed = self._new != self._live
        stamp = format_time(time) if changed else self._entry.time
        fields = self._entry.fields - _STRIPPED
        managed[self._who] = Entry(fields, self._entry.api_version, stamp)
        return (self._new if changed else self._live), managed

    def _pruned(self, whole: Object, last: Entry) -> Object:
        """Remove what was applied last time, is not any more, and has no other owner."""
        version = last.api_version
        at_last = self._view.at(whole, version)
        if at_last is None or not last.fields:
            return whole
        kind = self._view.kind(version)
        lost = with_parents(last.fields, kind)
        pruned = self._with_owned(at_last, without(at_last, lost, kind), version)
        back = self._view.at(pruned, version)
        if back is None:
            return whole
        had = with_parents(field_set(at_last, kind), kind)
        has = with_parents(field_set(back, kind), kind)
        made = self._view.at(without(at_last, (had - has) & lost, kind), self._entry.api_version)
        return whole if made is None else made

    def _with_owned(self, whole: Object, pruned: Object, version: str) -> Object:
        """Put back what somebody owns, version by version, the one at hand first."""
        owned: dict[str, set[Path]] = {version: set()}
        for entry in self._managed.values():
            owned.setdefault(entry.api_version, set()).update(entry.fields)
        for one, paths in owned.items():
            here, left = self._view.at(whole, one), self._view.at(pruned, one)
            if here is None or left is None:
                continue
            kind = self._view.kind(one)
            had = with_parents(field_set(here, kind), kind)
            kept = with_parents(field_set(left, kind), kind) | with_parents(paths, kind)
            whole, pruned = here, without(here, had - kept, kind)
        return pruned


def _conflict(found: dict[Manager, Set[Path]]) -> Conflict:
    sorted_found = {
        who: [shown(path) for path in in_order(found[who])]
        for who in sorted(found, key=Manager.identifier)
    }
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f"conflict with {who.shown()}",
            "field": path,
        }
        for who, paths in sorted_found.items()
        for path in paths
    ]
    if len(causes) == 1:
        text = f"1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        lines = []
        for who, paths in sorted_found.items():
            lines.append(f"conflicts with {who.shown()}:")
            lines += [f"- {path}" for path in paths]
        text = f"{len(causes)} conflicts: " + "\n".join(lines)
    return Conflict(f"Apply failed with {text}", details={"causes": causes})
