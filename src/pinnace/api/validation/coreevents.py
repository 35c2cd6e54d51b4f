"""Rules of events as the core group has them."""

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report

LIMIT, MESSAGE_LIMIT = 128, 1024
NO_MATCH = "does not match event.namespace"


def check_event(report: Report, event: Object) -> None:
    """Check an event: where it is, and what an event of the new style must say."""
    about = report.child(event, "involvedObject", "") or {}
    namespace = report.text(about, "namespace", "involvedObject")
    meta = event.get("metadata")
    own = str((meta.get("namespace") if isinstance(meta, dict) else "") or "")
    where = "involvedObject.namespace"
    if event.get("eventTime"):
        if not namespace and own not in ("default", "kube-system"):
            report.invalid(where, namespace, NO_MATCH)
        _check_new_style(report, event)
    elif (namespace and namespace != own) or (not namespace and own not in ("", "default")):
        report.invalid(where, namespace, NO_MATCH)
    report.said("namespace", own, names.dns1123_subdomain(own))


def _check_new_style(report: Report, event: Object) -> None:
    reporter = report.text(event, "reportingComponent", "")
    if not reporter:
        report.required("reportingComponent")
    report.said("reportingComponent", reporter, names.qualified_name(reporter))
    for key in ("reportingInstance", "action", "reason"):
        value = report.text(event, key, "")
        if not value:
            report.required(key)
        if len(value.encode()) > LIMIT:
            report.invalid(key, "", f"can have at most {LIMIT} characters")
    if len(report.text(event, "message", "").encode()) > MESSAGE_LIMIT:
        report.invalid("message", "", f"can have at most {MESSAGE_LIMIT} characters")
