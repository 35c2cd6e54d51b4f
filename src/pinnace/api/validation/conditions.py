"""Rules of metav1.Condition, which newer kinds report their state with."""

import re

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, join, too_long

STATUSES = ("False", "True", "Unknown")
_REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_REASON_MESSAGE = names.regex_error(
    "a condition reason must start with alphabetic character, optionally followed by a string of "
    "alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
    _REASON, "my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB",
)  # fmt: skip
REASON_LIMIT = 1024
MESSAGE_LIMIT = 32 * 1024


def check_conditions(report: Report, parent: Object, path: str) -> None:
    """Check the field `conditions` of a status."""
    seen: set[str] = set()
    for at, condition in report.objects(parent, "conditions", path):
        kind = report.text(condition, "type", at)
        if kind in seen:
            report.duplicate(f"{at}.type", kind)
        seen.add(kind)
        check_condition(report, condition, at)


def check_condition(report: Report, condition: Object, path: str) -> None:
    """Check one condition."""
    kind = report.text(condition, "type", path)
    report.said(f"{path}.type", kind, names.qualified_name(kind))
    status = report.text(condition, "status", path)
    if status not in STATUSES:
        report.not_supported(f"{path}.status", status, STATUSES)
    observed = report.number(condition, "observedGeneration", path) or 0
    if observed < 0:
        detail = "must be greater than or equal to zero"
        report.invalid(f"{path}.observedGeneration", observed, detail)
    if not report.text(condition, "lastTransitionTime", path):
        report.required(f"{path}.lastTransitionTime")
    reason = report.text(condition, "reason", path)
    if not reason:
        report.required(f"{path}.reason")
    else:
        if not re.fullmatch(_REASON, reason, re.ASCII):
            report.invalid(f"{path}.reason", reason, _REASON_MESSAGE)
        _check_size(report, reason, REASON_LIMIT, f"{path}.reason")
    message = report.text(condition, "message", path)
    _check_size(report, message, MESSAGE_LIMIT, join(path, "message"))


def _check_size(report: Report, text: str, limit: int, path: str) -> None:
    if len(text.encode("utf-8", "surrogatepass")) > limit:
        report.add(too_long(path, limit))
