"""Rules of RuntimeClasses."""

from pinnace.api import names
from pinnace.api.errors import Cause
from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import IMMUTABLE, Report
from pinnace.api.validation.metadata import check_labels
from pinnace.api.validation.resources import check_requirements
from pinnace.api.validation.scheduling import check_tolerations


def check_runtime_class(report: Report, runtime_class: Object) -> None:
    """Check a new RuntimeClass."""
    handler = report.text(runtime_class, "handler", "")
    if not handler:
        report.required("handler")
    else:
        report.said("handler", handler, names.dns1123_label(handler))
    overhead = report.child(runtime_class, "overhead", "")
    if overhead is not None:
        fixed = {"resources": {"limits": overhead.get("podFixed")}}
        found = Report()
        check_requirements(found, fixed, "")
        for cause in found.causes:
            where = cause.field.replace(".resources", "overhead", 1)
            report.add(Cause(cause.reason, where, cause.body()))
    scheduling = report.child(runtime_class, "scheduling", "")
    if scheduling is not None:
        check_labels(report, scheduling, "nodeSelector", "scheduling")
        check_tolerations(report, scheduling, "scheduling")
        seen: list[tuple[object, ...]] = []
        for at, toleration in report.objects(scheduling, "tolerations", "scheduling"):
            keys = ("key", "operator", "value", "effect")
            key = tuple(toleration.get(name) or "" for name in keys)
            if key in seen:
                report.duplicate(at, internal("core.Toleration", toleration))
            seen.append(key)


def check_runtime_class_update(report: Report, runtime_class: Object, old: Object) -> None:
    """Check a changed RuntimeClass: the handler stays."""
    handler = report.text(runtime_class, "handler", "")
    if handler != (old.get("handler") or ""):
        report.invalid("handler", handler, IMMUTABLE)
