"""Rules of Events: lenient for those of the core group, strict for those of events.k8s.io."""

from typing import Any

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import IMMUTABLE, Report
from pinnace.api.validation.storage import size

REPORTER_LIMIT, ACTION_LIMIT, REASON_LIMIT, NOTE_LIMIT = 128, 128, 128, 1024
OTHER_NAMESPACE = "does not match event.namespace"
_CORE = {
    "regarding": "involvedObject", "note": "message", "reportingController": "reportingComponent",
    "deprecatedSource": "source", "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp", "deprecatedCount": "count",
}  # fmt: skip


def check_event(report: Report, event: Object) -> None:
    """Check an Event of the core group."""
    _check_legacy(report, event, "reportingComponent")


def check_modern_event(report: Report, event: Object) -> None:
    """Check a new Event of events.k8s.io, whose old fields must be unset."""
    event = _as_core(event)
    _check_legacy(report, event, "reportingController")
    _check_series(report, event)
    if not event.get("eventTime"):
        report.required("eventTime")
    kind = report.text(event, "type", "")
    if kind not in ("Normal", "Warning"):
        report.invalid("type", "", f"has invalid value: {kind}")
    for key in ("firstTimestamp", "lastTimestamp", "count"):
        if event.get(key):
            report.invalid(key, "", "needs to be unset")
    source = report.child(event, "source", "") or {}
    if source.get("component") or source.get("host"):
        report.invalid("source", "", "needs to be unset")


def check_modern_event_update(report: Report, event: Object, old: Object) -> None:
    """Check a changed Event of events.k8s.io: only its series goes on."""
    event, old = _as_core(event), _as_core(old)
    _check_legacy(report, event, "reportingController")
    if event.get("series") != old.get("series"):
        _check_series(report, event)
    for key, kind in (
        ("involvedObject", "core.ObjectReference"), ("reason", "s"), ("message", "s"),
        ("source", "core.EventSource"), ("firstTimestamp", "t"), ("lastTimestamp", "t"),
        ("count", "i"), ("reason", "s"), ("type", "s"), ("eventTime", "t"), ("action", "s"),
        ("related", "*core.ObjectReference"), ("reportingComponent", "s"),
        ("reportingInstance", "s"),
    ):  # fmt: skip
        shown = internal(kind, event.get(key))
        if shown != internal(kind, old.get(key)):
            where = "reportingController" if key == "reportingComponent" else key
            report.invalid(where, shown, IMMUTABLE)


def _as_core(event: Object) -> Object:
    return {_CORE.get(key, key): value for key, value in event.items()}


def _check_series(report: Report, event: Object) -> None:
    series = report.child(event, "series", "")
    if series is None:
        return
    if (report.number(series, "count", "series") or 0) < 2:
        report.invalid("series.count", "", "should be at least 2")
    if not series.get("lastObservedTime"):
        report.required("series.lastObservedTime")


def _check_legacy(report: Report, event: Object, controller_field: str) -> None:
    about = report.child(event, "involvedObject", "") or {}
    namespace, where = report.text(about, "namespace", "involvedObject"), "involvedObject.namespace"
    meta = event.get("metadata")
    own = (meta.get("namespace") if isinstance(meta, dict) else "") or ""
    if not event.get("eventTime"):
        if (namespace and namespace != own) or (not namespace and own not in ("", "default")):
            report.invalid(where, namespace, OTHER_NAMESPACE)
    else:
        if not namespace and own not in ("default", "kube-system"):
            report.invalid(where, namespace, OTHER_NAMESPACE)
        _check_report(report, event, controller_field)
    report.said("namespace", own, names.dns1123_subdomain(own))


def _check_report(report: Report, event: Object, controller_field: str) -> None:
    controller = report.text(event, "reportingComponent", "")
    if not controller:
        report.required(controller_field)
    report.said(controller_field, controller, names.qualified_name(controller))
    for key, limit, needed in (
        ("reportingInstance", REPORTER_LIMIT, True), ("action", ACTION_LIMIT, True),
        ("reason", REASON_LIMIT, True), ("message", NOTE_LIMIT, False),
    ):  # fmt: skip
        text: Any = report.text(event, key, "")
        if needed and not text:
            report.required(key)
        if size(text) > limit:
            report.invalid(key, "", f"can have at most {limit} characters")
