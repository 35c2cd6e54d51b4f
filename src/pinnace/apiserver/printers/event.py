"""Events, of the core group and of events.k8s.io, which spell the same facts differently."""

from datetime import datetime
from typing import Any

from pinnace.api.objects import Object
from pinnace.apiserver.printers.base import (
    Column,
    Printer,
    dig,
    name_of,
    since,
    wide,
)


def _first_of(obj: Object, *names: str) -> Any:
    return next((obj[name] for name in names if obj.get(name)), None)


def _target(involved: Object) -> str:
    kind = str(involved.get("kind", "")).lower()
    return f"{kind}/{involved['name']}" if involved.get("name") else kind


def _source(obj: Object) -> str:
    source = _first_of(obj, "source", "deprecatedSource") or {}
    # The two groups name the same field reportingComponent and reportingController.
    component = source.get("component") or _first_of(
        obj, "reportingComponent", "reportingController"
    )
    host = source.get("host") or obj.get("reportingInstance")
    return f"{component or ''}, {host}" if host else str(component or "")


def _event(obj: Object, now: datetime) -> list[Any]:
    first = since(_first_of(obj, "firstTimestamp", "deprecatedFirstTimestamp", "eventTime"), now)
    last_seen = _first_of(obj, "lastTimestamp", "deprecatedLastTimestamp")
    last = since(last_seen, now) if last_seen else first
    count = _first_of(obj, "count", "deprecatedCount") or 1
    series = obj.get("series")
    if series is not None:
        last, count = since(series.get("lastObservedTime"), now), series.get("count", 0)
    involved = _first_of(obj, "involvedObject", "regarding") or {}
    return [
        last,
        obj.get("type", ""),
        obj.get("reason", ""),
        _target(involved),
        dig(involved, "fieldPath", default=""),
        _source(obj),
        str(_first_of(obj, "message", "note") or "").strip(),
        first,
        count,
        name_of(obj),
    ]


EVENT = Printer(
    (
        Column("Last Seen"),
        Column("Type"),
        Column("Reason"),
        Column("Object"),
        wide("Subobject"),
        wide("Source"),
        Column("Message"),
        wide("First Seen"),
        wide("Count"),
        Column("Name", format="name", priority=1),
    ),
    _event,
)
