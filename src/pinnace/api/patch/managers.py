"""Who owns which fields: the entries of metadata.managedFields."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from pinnace.api.objects import Object, format_time
from pinnace.api.patch.fields import FieldSet, decode, encode

APPLY = "Apply"
UPDATE = "Update"
BEFORE_FIRST_APPLY = "before-first-apply"
_ANCIENT = "ancient-changes"
_MAX_UPDATERS = 10
_FIELDS_TYPE = "FieldsV1"


class Manager(NamedTuple):
    """Names an entry. An applier keeps its entry when it changes to another apiVersion."""

    name: str
    operation: str
    api_version: str
    subresource: str

    def identifier(self) -> str:
        """Return the text by which upstream tells managers apart, and sorts them."""
        named = {"manager": self.name, "operation": self.operation}
        if self.api_version:
            named["apiVersion"] = self.api_version
        if self.subresource:
            named["subresource"] = self.subresource
        return orjson.dumps(named).decode()

    def shown(self) -> str:
        """Write a manager as conflicts name it."""
        text = f'"{self.name}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return f"{text} using {self.api_version}" if self.operation == UPDATE else text


@dataclass(frozen=True, slots=True)
class Entry:
    """What one manager owns, at which version, since when."""

    fields: FieldSet
    api_version: str
    time: str = ""

    def owning(self, fields: FieldSet) -> "Entry":
        """Return an entry that owns these fields instead."""
        return self if fields == self.fields else replace(self, fields=fields)


Managed = dict[Manager, Entry]


def manager(name: str, operation: str, api_version: str, subresource: str) -> Manager:
    """Return a manager's identity."""
    version = "" if operation == APPLY else api_version
    return Manager(name or "unknown", operation, version, subresource)


def read(obj: Object | None) -> Managed:
    """Return an object's managers; raises ValueError on entries that are none."""
    managed: Managed = {}
    for at, raw in enumerate(((obj or {}).get("metadata") or {}).get("managedFields") or ()):
        if raw.get("operation") not in (APPLY, UPDATE):
            raise ValueError("operation must be `Apply` or `Update`")
        api_version, form = raw.get("apiVersion") or "", raw.get("fieldsType") or ""
        if not api_version:
            raise ValueError("apiVersion must not be empty")
        if form != _FIELDS_TYPE:
            what = f'invalid fieldsType "{form}"' if form else "missing fieldsType"
            raise ValueError(f"{what} in managed fields entry {at}")
        who = Manager(
            raw.get("manager") or "",
            raw["operation"],
            "" if raw["operation"] == APPLY else api_version,
            raw.get("subresource") or "",
        )
        fields = _decoded(orjson.dumps(raw.get("fieldsV1") or {}))
        managed[who] = Entry(fields, api_version, raw.get("time") or "")
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
    """Tell whether a write asks to forget all managers: by an empty list or one empty entry."""
    return (obj.get("metadata") or {}).get("managedFields") in ([], [{}])


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
    made |= {"fieldsType": _FIELDS_TYPE, "fieldsV1": fields}
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


def took(managed: Managed, who: Manager, version: str, fields: FieldSet, time: datetime) -> Managed:
    """Return managers after one took fields by an update."""
    old = managed[who].fields if who in managed else frozenset()
    made = old if fields <= old else fields | old
    return {**managed, who: Entry(made, version, format_time(time))}


def capped(managed: Managed) -> Managed:
    """Fold the oldest updaters into one per version when there are more than ten."""
    updaters = [who for who in managed if who.operation == UPDATE]
    surplus = len(updaters) - _MAX_UPDATERS
    if surplus <= 0:
        return managed
    updaters.sort(key=lambda who: (managed[who].time, who.identifier()))
    made = dict(managed)
    first: dict[str, Manager] = {}
    for who in updaters:
        if surplus <= 0:
            break
        entry = made[who]
        version = entry.api_version
        if version not in first:
            first[version] = who
            continue
        bucket = manager(_ANCIENT, UPDATE, version, "")
        if bucket not in made:
            made[bucket] = made.pop(first[version])
        del made[who]
        made[bucket] = replace(entry, fields=entry.fields | made[bucket].fields)
        surplus -= 1
    return made
