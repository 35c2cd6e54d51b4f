"""Rules of CronJobs."""

import re
import zoneinfo

from pinnace.api.objects import Object
from pinnace.api.validation.base import Report
from pinnace.api.validation.jobs import check_job_spec
from pinnace.api.validation.schedule import schedule_error

_ZONE = re.compile(r"[A-Za-z.\-_0-9+]{1,14}")


def check_cron_job_create(report: Report, cron_job: Object) -> None:
    """Check a new CronJob, whose name must leave room for its jobs'."""
    _check_cron_job(report, cron_job, None)
    meta = cron_job.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else None
    if isinstance(name, str) and len(name) > 52:
        report.invalid("metadata.name", name, "must be no more than 52 characters")


def check_cron_job_update(report: Report, cron_job: Object, old: Object) -> None:
    """Check a CronJob that is changed."""
    _check_cron_job(report, cron_job, old.get("spec") or {})


def _check_cron_job(report: Report, cron_job: Object, before: Object | None) -> None:
    spec = report.child(cron_job, "spec", "") or {}
    schedule = report.text(spec, "schedule", "spec")
    if not schedule:
        report.required("spec.schedule")
    else:
        _check_schedule(report, spec, schedule, before)
    report.non_negative(spec, "startingDeadlineSeconds", "spec")
    if spec.get("timeZone") is not None and (before or {}).get("timeZone") != spec["timeZone"]:
        _check_zone(report, report.text(spec, "timeZone", "spec"))
    report.one_of(spec, "concurrencyPolicy", "spec", ("Allow", "Forbid", "Replace"))
    template = report.child(spec, "jobTemplate", "spec") or {}
    job = report.child(template, "spec", "spec.jobTemplate") or {}
    check_job_spec(report, job, "spec.jobTemplate.spec")
    if job.get("selector") is not None:
        detail = "`selector` will be auto-generated"
        report.invalid("spec.jobTemplate.spec.selector", job["selector"], detail)
    if job.get("manualSelector") is True:
        where = "spec.jobTemplate.spec.manualSelector"
        report.not_supported(where, True, ("nil", "false"))
    for key in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        report.non_negative(spec, key, "spec")


def _check_schedule(report: Report, spec: Object, schedule: str, before: Object | None) -> None:
    error = schedule_error(schedule)
    if error:
        report.invalid("spec.schedule", schedule, error)
    if "TZ" not in schedule:
        return
    if "TZ" not in str((before or {}).get("schedule", "")):
        detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        report.invalid("spec.schedule", schedule, detail)
    elif spec.get("timeZone") is not None:
        detail = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        report.invalid("spec.schedule", schedule, detail)


def _check_zone(report: Report, zone: str) -> None:
    where = "spec.timeZone"
    if not zone:
        report.invalid(where, zone, "timeZone must be nil or non-empty string")
        return
    parts = zone.split("/")
    if any(p in (".", "..") or p.startswith("-") or not _ZONE.fullmatch(p) for p in parts):
        report.invalid(where, zone, f"unknown time zone {zone}")
        return
    if zone.lower() == "local":
        report.invalid(
            where,
            zone,
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
        )
        return
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        report.invalid(where, zone, f"unknown time zone {zone}")
