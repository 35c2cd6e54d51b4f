"""events.k8s.io/v1 Event, a view of the core Event under other names."""

from pinnace.api.conversion.base import Conversion
from pinnace.api.objects import Object

_CORE_NAMES = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_EVENTS_NAMES = {core: other for other, core in _CORE_NAMES.items()}


def _to_core(obj: Object) -> Object:
    return {_CORE_NAMES.get(name, name): value for name, value in obj.items()}


def _from_core(obj: Object) -> Object:
    return {_EVENTS_NAMES.get(name, name): value for name, value in obj.items()}


EVENTS = Conversion(
    kind="Event", api_version="events.k8s.io/v1", to_hub=_to_core, from_hub=_from_core
)
CONVERSIONS = (EVENTS,)
