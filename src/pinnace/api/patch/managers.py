"""Who owns which fields: the entries of metadata.managedFields."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from pinnace.api.objects import Object, format_time
from pinnace.api.patch.fields import FieldSet, Path, decode, encode

APPLY = "Apply"
UPDATE = "Update"
BEFORE_FIRST_APPLY = "before-first-apply"
_ANCIENT = "ancient-changes"
_MAX_UPDATERS = 10


class Manager(NamedTuple):
    """Names an entry. An applier keeps its entry when it changes to another apiVersion."""

    name: str
    operation: str
    api_version: str
    subresource: str

    def shown(self) -> str:
        """Write a manager as conflicts name it."""
        text = f'"{self.name}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return f"{text} using {self.api_version}" if self.operation == UPDATE else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one manager owns, at which version, since when."""

    fields: FieldSet
    api_version: str
    time: str = ""


Managed = dict[Manager, Entry]


def manager(name: str, operation: str, api_version: str, subresource: str) -> Manager:
    """Return a manager's identity."""
    version = "" if operation == APPLY else api_version
    return Manager(name or "unknown", operation, version, subresource)


def read(obj: Object | None) -> Managed:
    """Return an object's managers; raises ValueError on entries that are none."""
    managed: Managed = {}
    for raw in ((obj or {}).get("metadata") or {}).get("managedFields") or ():
        if not isinstance(raw, dict) or raw.get("operation") not in (APPLY, UPDATE):
            raise ValueError("managedFields hold entries with an operation")
        api_version = raw.get("apiVersion", "")
        who = manager(
            raw.get("manager", ""), raw["operation"], api_version, raw.get("subresource", "")
        )
        fields = _decoded(orjson.dumps(raw.get("fieldsV1") or {}))
        if who in managed:
            fields |= managed[who].fields
        managed[who] = Entry(fields=fields, api_version=api_version, time=raw.get("time") or "")
    return managed


# Objects made from one template are owned alike.
@lru_cache(maxsize=256)
def _decoded(fields: bytes) -> FieldSet:
    return decode(orjson.loads(fields))


@lru_cache(maxsize=256)
def _encoded(fields: FieldSet) -> dict[str, Any]:
    """Return a fieldsV1 that many objects share: never change it."""
    return encode(fields)


def is_reset(obj: Object) -> bool:
    """Tell whether a write asks to forget all managers: by one empty entry."""
    return bool((obj.get("metadata") or {}).get("managedFields") == [{}])


def write_first(obj: Object, who: Manager, version: str, fields: Object, time: datetime) -> Object:
    """Return a new object whose only manager owns a fieldsV1."""
    made = _shown(who, version, format_time(time), fields)
    return {**obj, "metadata": {**obj["metadata"], "managedFields": [made]}}


def write(obj: Object, managed: Managed) -> Object:
    """Return an object with these managers; it is shared but for its metadata."""
    metadata = {**(obj.get("metadata") or {})}
    metadata.pop("managedFields", None)
    entries = [_entry(who, entry) for who, entry in managed.items() if entry.fields]
    if entries:
        entries.sort(key=_order)
        metadata["managedFields"] = entries
    return {**obj, "metadata": metadata}


def _entry(who: Manager, entry: Entry) -> dict[str, Any]:
    return _shown(who, entry.api_version, entry.time, _encoded(entry.fields))


def _shown(who: Manager, version: str, time: str, fields: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "manager": who.name,
        "operation": who.operation,
        "apiVersion": version,
    }
    if time:
        made["time"] = time
    made |= {"fieldsType": "FieldsV1", "fieldsV1": fields}
    if who.subresource:
        made["subresource"] = who.subresource
    return made


def _order(entry: dict[str, Any]) -> tuple[str, ...]:
    return (
        entry["operation"],
        entry.get("time", ""),
        entry["manager"],
        entry["apiVersion"],
        entry.get("subresource", ""),
    )


def without(managed: Managed, paths: Iterable[Path], *, but: Manager | None = None) -> Managed:
    """Return managers that no longer own these paths, but for one; who owns nothing is gone."""
    lost = frozenset(paths)
    kept = {
        who: entry
        if who == but or entry.fields.isdisjoint(lost)
        else replace(entry, fields=entry.fields - lost)
        for who, entry in managed.items()
    }
    return {who: entry for who, entry in kept.items() if entry.fields}


def took(managed: Managed, who: Manager, version: str, fields: FieldSet, time: datetime) -> Managed:
    """Return managers after one took fields by an update."""
    old = managed[who].fields if who in managed else frozenset()
    entry = Entry(
        fields=old if fields <= old else fields | old, api_version=version, time=format_time(time)
    )
    return _capped({**managed, who: entry})


def _capped(managed: Managed) -> Managed:
    """Fold the oldest updaters into one per version when there are more than ten."""
    updaters = [who for who in managed if who.operation == UPDATE]
    surplus = len(updaters) - _MAX_UPDATERS
    if surplus <= 0:
        return managed
    updaters.sort(key=lambda who: managed[who].time)
    made = dict(managed)
    for who in updaters:
        if surplus <= 0:
            break
        entry = made.pop(who)
        bucket = manager(_ANCIENT, UPDATE, entry.api_version, "")
        if bucket in made:
            surplus -= 1
            entry = replace(entry, fields=entry.fields | made[bucket].fields)
        made[bucket] = entry
    return made
