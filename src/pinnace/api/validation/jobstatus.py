"""Rules of a Job's status: it does not go back on what it said.

Most rules hold only for what a write changes, so that an odd status of old does not stop others.
"""

from collections.abc import Iterator
from typing import Any

from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal, same
from pinnace.api.validation.base import IMMUTABLE, Report
from pinnace.api.validation.jobpolicies import count_indexes, index_interval, without_value

COUNTS = ("active", "succeeded", "failed", "ready", "terminating")
UNCOUNTED = "batch.UncountedTerminatedPods"


class _Change:
    """A Job before and after a write to its status."""

    def __init__(self, job: Object, old: Object) -> None:
        quiet = Report()
        self.spec = quiet.child(job, "spec", "") or {}
        self.new = quiet.child(job, "status", "") or {}
        self.old = quiet.child(old, "status", "") or {}

    def changed(self, key: str) -> bool:
        return bool((self.new.get(key) or None) != (self.old.get(key) or None))

    def turned(self, *kinds: str) -> bool:
        return any(holds(self.new, k) for k in kinds) != any(holds(self.old, k) for k in kinds)

    def is_now(self, kind: str) -> bool:
        return holds(self.new, kind)

    def finished(self) -> bool:
        return self.is_now("Complete") or self.is_now("Failed")

    def indexed(self) -> bool:
        return bool(self.spec.get("completionMode") == "Indexed")


def holds(status: Object, kind: str, value: str = "True") -> bool:
    """Tell whether a status has a condition of that kind and value."""
    conditions = status.get("conditions")
    return any(
        isinstance(c, dict) and c.get("type") == kind and c.get("status") == value
        for c in (conditions if isinstance(conditions, list) else ())
    )


def check_job_status(report: Report, job: Object, old: Object) -> None:
    """Check a status that a controller of jobs writes."""
    status = report.child(job, "status", "") or {}
    for key in COUNTS:
        report.non_negative(status, key, "status")
    _check_uncounted(report, status)
    if report.mistyped():
        return
    change = _Change(job, old)
    for detail in _conflicts(change):
        report.add(without_value("status.conditions", detail))
    _check_times(report, change)
    for detail in _missing(change):
        report.add(without_value("status.conditions", detail))
    _check_finished(report, change)
    _check_indexes(report, change)
    if (change.changed("terminating") or change.turned("Complete", "Failed")) and (
        (status.get("terminating") or 0) > 0 and change.finished()
    ):
        detail = "terminating>0 is invalid for finished job"
        report.invalid("status.terminating", status["terminating"], detail)
    ready = status.get("ready")
    touched = ready != change.old.get("ready") or change.changed("active")
    if touched and ready is not None and ready > (status.get("active") or 0):
        report.invalid("status.ready", ready, "cannot set more ready pods than active")
    for detail in _criteria(change):
        report.add(without_value("status.conditions", detail))
    _check_steady(report, change)


def _check_uncounted(report: Report, status: Object) -> None:
    uncounted = report.child(status, "uncountedTerminatedPods", "status") or {}
    seen: set[str] = set()
    for key in ("succeeded", "failed"):
        path = "status.uncountedTerminatedPods"
        for index, uid in enumerate(report.texts(uncounted, key, path)):
            at = f"{path}.{key}[{index}]"
            if not uid:
                report.invalid(at, uid, "must not be empty")
            elif uid in seen:
                report.duplicate(at, uid)
            seen.add(uid)


def _conflicts(change: _Change) -> Iterator[str]:
    if not change.is_now("Complete"):
        return
    if change.is_now("Failed") and (change.turned("Complete") or change.turned("Failed")):
        yield "cannot set Complete=True and Failed=true conditions"
    aimed = change.turned("Complete") or change.turned("FailureTarget")
    if aimed and change.is_now("FailureTarget"):
        yield "cannot set Complete=True and FailureTarget=true conditions"


def _check_times(report: Report, change: _Change) -> None:
    done, start = change.new.get("completionTime"), change.new.get("startTime")
    complete, where = change.is_now("Complete"), "status.completionTime"
    touched = change.turned("Complete") or change.changed("completionTime")
    if touched and done is not None and not complete:
        detail = "cannot set completionTime when there is no Complete=True condition"
        report.invalid(where, done, detail)
    if touched and done is None and complete:
        report.required(where, "completionTime is required for Complete jobs")
    moved = change.changed("startTime") or change.changed("completionTime")
    if moved and start and done and str(done) < str(start):
        report.invalid(where, done, "must be equal to or after `startTime`")


def _missing(change: _Change) -> Iterator[str]:
    failed = change.turned("Failed") or change.changed("failedIndexes")
    if failed and change.is_now("Failed") and not change.is_now("FailureTarget"):
        yield "cannot set Failed=True condition without the FailureTarget=true condition"
    complete = change.turned("Complete") or change.turned("SuccessCriteriaMet")
    if complete and change.is_now("Complete") and not change.is_now("SuccessCriteriaMet"):
        yield "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"


def _check_finished(report: Report, change: _Change) -> None:
    status, ended = change.new, change.turned("Complete") or change.turned("Failed")
    if not change.finished():
        return
    active = status.get("active") or 0
    if (ended or change.changed("active")) and active > 0:
        report.invalid("status.active", active, "active>0 is invalid for finished job")
    idle = change.spec.get("suspend") is True and change.spec.get("completions") == 0
    if (ended or change.changed("startTime")) and not idle and status.get("startTime") is None:
        report.required("status.startTime", "startTime is required for finished job")
    uncounted = status.get("uncountedTerminatedPods")
    moved = not same(f"*{UNCOUNTED}", uncounted, change.old.get("uncountedTerminatedPods"))
    left = isinstance(uncounted, dict) and any(uncounted.values())
    if (ended or moved) and left:
        shown = internal(UNCOUNTED, uncounted)
        report.invalid("status.uncountedTerminatedPods", shown, "must be empty for finished job")


def _check_indexes(report: Report, change: _Change) -> None:
    completions = change.spec.get("completions")
    done, failed = change.new.get("completedIndexes") or "", change.new.get("failedIndexes")
    limited = change.spec.get("backoffLimitPerIndex") is not None
    moved = change.changed("completedIndexes")
    failed_moved = failed != change.old.get("failedIndexes")
    if moved and completions is not None:
        _check_format(report, done, completions, "completedIndexes")
    if failed_moved and completions is not None and limited and failed is not None:
        _check_format(report, failed, completions, "failedIndexes")
    if moved and done and not change.indexed():
        detail = "cannot set non-empty completedIndexes when non-indexed completion mode"
        report.invalid("status.completedIndexes", done, detail)
    if failed_moved and not limited and failed is not None:
        detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        report.invalid("status.failedIndexes", failed, detail)
    if (moved or failed_moved) and completions is not None and failed:
        place = _overlap(done, failed, completions)
        if place is not None:
            detail = f"failedIndexes and completedIndexes overlap at index: {place}"
            report.invalid("status.failedIndexes", failed, detail)


def _check_format(report: Report, indexes: str, completions: int, key: str) -> None:
    try:
        count_indexes(indexes, completions)
    except ValueError as error:
        report.invalid(f"status.{key}", indexes, f"error parsing {key}: {error}")


def _overlap(done: str, failed: str, completions: int) -> int | None:
    ours, theirs = (list(_intervals(text, completions)) for text in (done, failed))
    places = [max(a, c) for a, b in ours for c, d in theirs if a <= d and c <= b]
    return min(places, default=None)


def _intervals(indexes: str, completions: int) -> Iterator[tuple[int, int]]:
    for part in indexes.split(",") if indexes else ():
        try:
            yield index_interval(part, completions)
        except ValueError:
            continue  # told of already


def _criteria(change: _Change) -> Iterator[str]:
    met = change.is_now("SuccessCriteriaMet")
    if met and change.is_now("Failed"):
        yield "cannot set SuccessCriteriaMet=True and Failed=true conditions"
    if met and change.is_now("FailureTarget"):
        yield "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"
    if change.spec.get("successPolicy") is not None and not met and change.is_now("Complete"):
        yield "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"


def _check_steady(report: Report, change: _Change) -> None:
    """Check what never goes back."""
    where = "status.conditions"
    for kind in ("Failed", "Complete", "FailureTarget"):
        if holds(change.old, kind) and not change.is_now(kind):
            detail = f"cannot disable the terminal {kind}=True condition"
            report.add(without_value(where, detail))
    _check_counter(report, change, "failed")
    if not change.indexed() or change.spec.get("completions") != change.spec.get("parallelism"):
        _check_counter(report, change, "succeeded")
    new, was = change.new.get("completionTime"), change.old.get("completionTime")
    if new and was and new != was:
        report.invalid("status.completionTime", new, IMMUTABLE)
    _check_start(report, change)
    met, was_met = change.is_now("SuccessCriteriaMet"), holds(change.old, "SuccessCriteriaMet")
    if was_met and not met:
        detail = "cannot disable the SuccessCriteriaMet=True condition"
        report.add(without_value(where, detail))
    if holds(change.old, "Complete") and not was_met and met:
        detail = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
        report.add(without_value(where, detail))


def _check_counter(report: Report, change: _Change, key: str) -> None:
    new, was = change.new.get(key) or 0, change.old.get(key) or 0
    if new < was:
        report.invalid(f"status.{key}", new, f"cannot decrease the {key} counter")


def _check_start(report: Report, change: _Change) -> None:
    new: Any = change.new.get("startTime")
    resumed = holds(change.old, "Suspended") and holds(change.new, "Suspended", "False")
    moved = change.old.get("startTime") is not None and change.changed("startTime")
    if moved and not resumed and change.spec.get("suspend") is not True:
        detail = "field is immutable for unsuspended job once set"
        report.invalid("status.startTime", new, detail)
