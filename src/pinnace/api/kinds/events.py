"""Rows of the events.k8s.io group."""

from pinnace.api.resources import Resource

EVENTS = Resource(
    group="events.k8s.io",
    version="v1",
    kind="Event",
    plural="events",
    singular="event",
    short=("ev",),
    prefix="/registry/events",
    storage="v1",
)

ROWS = (EVENTS,)
