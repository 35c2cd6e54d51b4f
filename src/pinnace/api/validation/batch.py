"""Rules of Jobs and CronJobs."""

import re
import zoneinfo
from typing import Any

from pinnace.api import names
from pinnace.api.errors import BadRequest, Cause
from pinnace.api.objects import Object
from pinnace.api.selectors import label_selector_from_object
from pinnace.api.validation.base import Report, quoted, too_many
from pinnace.api.validation.metadata import check_selector
from pinnace.api.validation.podspec import check_pod_template
from pinnace.api.validation.schedule import schedule_error
from pinnace.api.validation.workloads import NO_MATCH

COUNTS = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit",
    "ttlSecondsAfterFinished", "backoffLimitPerIndex", "maxFailedIndexes",
)  # fmt: skip
IMMUTABLE_FIELDS = (
    "selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy",
    "successPolicy",
)  # fmt: skip
MAX_PARALLELISM = 100000
ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
UID, LEGACY_UID = "batch.kubernetes.io/controller-uid", "controller-uid"
NAME, LEGACY_NAME = "batch.kubernetes.io/job-name", "job-name"
SUSPENDED_MAY_CHANGE = ("nodeSelector", "tolerations", "schedulingGates")
_ZONE = re.compile(r"[A-Za-z.\-_0-9+]{1,14}")
TERMINAL = ("Failed", "Complete", "FailureTarget")


def check_job(report: Report, job: Object) -> None:
    """Check a Job."""
    spec = report.child(job, "spec", "") or {}
    if report.flag(spec, "manualSelector", "spec") is not True and spec.get("selector"):
        _check_generated(report, job, spec)
    _check_job_spec(report, spec, "spec")
    selector = check_selector(report, spec, "selector", "spec")
    if selector is None:
        report.required("spec.selector")
    elif not _selects(selector, _template_labels(spec)):
        report.invalid("spec.template.metadata.labels", _template_labels(spec), NO_MATCH)
    completions = report.number(spec, "completions", "spec")
    name = _meta(job).get("name")
    if spec.get("completionMode") == "Indexed" and completions and isinstance(name, str):
        host = f"{name}-{completions - 1}"
        if names.dns1123_label(host):
            detail = f"will not able to create pod with invalid DNS label: {host}"
            report.invalid("metadata.name", name, detail)


def _selects(selector: Object, labels: Object) -> bool:
    try:
        return label_selector_from_object(selector).matches(labels)
    except (BadRequest, AttributeError, TypeError):
        return True  # check_selector has told what is wrong


def _check_generated(report: Report, job: Object, spec: Object) -> None:
    meta, labels = _meta(job), _template_labels(spec)
    uid, name = meta.get("uid") or "", meta.get("name") or ""
    if not uid:
        report.required("metadata.uid")
    expected = {LEGACY_UID: uid, LEGACY_NAME: name, UID: uid, NAME: name}
    for key, value in expected.items():
        path = f"spec.template.metadata.labels[{key}]"
        if key not in labels:
            report.required(path, f"must be '{value}'")
        elif labels[key] != value:
            report.invalid(path, labels, f"must be '{value}'")
    selector = spec.get("selector")
    if isinstance(selector, dict) and not _selects(selector, expected):
        report.invalid("spec.selector", selector, "`selector` not auto-generated")


def _check_job_spec(report: Report, spec: Object, path: str) -> None:
    for key in COUNTS:
        if key in spec:
            report.non_negative(spec, key, path)
    per_index, failed = spec.get("backoffLimitPerIndex"), spec.get("maxFailedIndexes")
    if failed is not None and per_index is None:
        report.required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    mode = report.text(spec, "completionMode", path)
    if mode and mode not in ("NonIndexed", "Indexed"):
        report.not_supported(f"{path}.completionMode", mode, ("NonIndexed", "Indexed"))
    if mode == "Indexed":
        _check_indexed(report, spec, path)
    elif mode in ("", "NonIndexed"):
        for key, value in (("backoffLimitPerIndex", per_index), ("maxFailedIndexes", failed)):
            if value is not None:
                report.invalid(f"{path}.{key}", value, "requires indexed completion mode")
    policy = report.child(spec, "podFailurePolicy", path)
    if policy is not None:
        _check_failure_policy(report, spec, policy, f"{path}.podFailurePolicy")
    success = report.child(spec, "successPolicy", path)
    if success is not None and mode != "Indexed":
        report.invalid(f"{path}.successPolicy", success, "requires indexed completion mode")
    replacement = report.text(spec, "podReplacementPolicy", path)
    supported = ("Failed",) if policy is not None else ("Failed", "TerminatingOrFailed")
    if replacement and replacement not in supported:
        report.not_supported(f"{path}.podReplacementPolicy", replacement, supported)
    template = check_pod_template(report, spec, path)
    _check_restart_policy(report, template, path, has_policy=policy is not None)


def _check_indexed(report: Report, spec: Object, path: str) -> None:
    completions = report.number(spec, "completions", path)
    parallelism = report.number(spec, "parallelism", path)
    failed = report.number(spec, "maxFailedIndexes", path)
    if completions is None:
        report.required(f"{path}.completions", "when completion mode is Indexed")
    if parallelism is not None and parallelism > MAX_PARALLELISM:
        detail = f"must be less than or equal to {MAX_PARALLELISM} when completion mode is Indexed"
        report.invalid(f"{path}.parallelism", parallelism, detail)
    if completions is not None and failed is not None and failed > completions:
        detail = "must be less than or equal to completions"
        report.invalid(f"{path}.maxFailedIndexes", failed, detail)


def _check_restart_policy(report: Report, template: Object, path: str, *, has_policy: bool) -> None:
    pod = template.get("spec")
    policy = pod.get("restartPolicy") if isinstance(pod, dict) else None
    where = f"{path}.template.spec.restartPolicy"
    if policy in ("Always", "", None):
        report.required(where, 'valid values: "OnFailure", "Never"')
    elif policy not in ("OnFailure", "Never"):
        report.not_supported(where, policy, ("OnFailure", "Never"))
    elif has_policy and policy != "Never":
        detail = 'only "Never" is supported when podFailurePolicy is specified'
        report.invalid(where, policy, detail)


def _check_failure_policy(report: Report, spec: Object, policy: Object, path: str) -> None:
    rules = report.objects(policy, "rules", path)
    if len(rules) > 20:
        report.add(too_many(f"{path}.rules", len(rules), 20))
    for at, rule in rules:
        action, where = report.text(rule, "action", at), f"{at}.action"
        if not action:
            listed = " ".join(map(quoted, ACTIONS))
            report.required(where, f"valid values: [{listed}]")
        elif action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            report.invalid(where, action, "requires the backoffLimitPerIndex to be set")
        elif action not in ACTIONS:
            report.not_supported(where, action, ACTIONS)
        codes = report.child(rule, "onExitCodes", at)
        conditions = report.objects(rule, "onPodConditions", at)
        if codes is not None:
            _check_exit_codes(report, codes, f"{at}.onExitCodes")
        for here, pattern in conditions:
            kind = report.text(pattern, "type", here)
            report.said(f"{here}.type", kind, names.qualified_name(kind))
            report.one_of(pattern, "status", here, ("False", "True", "Unknown"))
        if codes is not None and conditions:
            detail = "specifying both OnExitCodes and OnPodConditions is not supported"
            report.add(_without_value(at, detail))
        if codes is None and not conditions:
            detail = "specifying one of OnExitCodes and OnPodConditions is required"
            report.add(_without_value(at, detail))


def _without_value(path: str, detail: str) -> Cause:
    return Cause("FieldValueInvalid", path, f"Invalid value: {detail}")


def _check_exit_codes(report: Report, codes: Object, path: str) -> None:
    operator = report.one_of(codes, "operator", path, ("In", "NotIn"))
    values = report.items(codes, "values", path)
    where = f"{path}.values"
    if not values:
        report.invalid(where, values, "at least one value is required")
    elif len(values) > 255:
        report.add(too_many(where, len(values), 255))
    for index, value in enumerate(values):
        if value == 0 and operator == "In":
            report.invalid(f"{where}[{index}]", value, "must not be 0 for the In operator")
        if value in values[:index]:
            report.duplicate(f"{where}[{index}]", value)
    numbers = [value for value in values if isinstance(value, int)]
    if numbers != sorted(numbers):
        report.invalid(where, values, "must be ordered")


def check_job_update(report: Report, job: Object, old: Object) -> None:
    """Check a Job that is changed: what it runs stays, unless it is suspended."""
    check_job(report, job)
    if report.mistyped():
        return
    spec, before = report.child(job, "spec", "") or {}, old.get("spec") or {}
    _check_completions(report, spec, before)
    for key in IMMUTABLE_FIELDS:
        report.immutable(spec.get(key), before.get(key), f"spec.{key}")
    template, previous = spec.get("template"), before.get("template")
    if before.get("suspend") is True and _may_change_template(old):
        template, previous = _fixed_parts(template), _fixed_parts(previous)
        where = "spec.template.spec"
    else:
        where = "spec.template"
    report.immutable(template, previous, where)


def _may_change_template(old: Object) -> bool:
    status = old.get("status") or {}
    suspended = any(
        isinstance(c, dict) and c.get("type") == "Suspended" and c.get("status") == "True"
        for c in status.get("conditions") or ()
    )
    return (status.get("startTime") is None or suspended) and not status.get("active")


def _fixed_parts(template: Any) -> Any:
    """Return a template without scheduling directives and resources."""
    if not isinstance(template, dict) or not isinstance(template.get("spec"), dict):
        return template
    spec = {k: v for k, v in template["spec"].items() if k not in SUSPENDED_MAY_CHANGE}
    affinity = spec.pop("affinity", None)
    if isinstance(affinity, dict):
        spec["affinity"] = {k: v for k, v in affinity.items() if k != "nodeAffinity"}
    for key in ("containers", "initContainers"):
        if isinstance(spec.get(key), list):
            spec[key] = [
                {k: v for k, v in c.items() if k != "resources"} if isinstance(c, dict) else c
                for c in spec[key]
            ]
    return {"spec": {k: v for k, v in spec.items() if v not in ({}, [])}}


def _check_completions(report: Report, spec: Object, before: Object) -> None:
    new, old = spec.get("completions"), before.get("completions")
    if spec.get("completionMode") != "Indexed":
        report.immutable(new, old, "spec.completions")
    elif new != old and new is not None and new != spec.get("parallelism"):
        detail = "can only be modified in tandem with spec.parallelism"
        report.invalid("spec.completions", new, detail)


def check_job_status(report: Report, job: Object, old: Object) -> None:
    """Check that a Job's status does not go back on what it said."""
    status, before = report.child(job, "status", "") or {}, old.get("status") or {}
    for key in ("active", "succeeded", "failed", "ready", "terminating"):
        report.non_negative(status, key, "status")
    for kind in TERMINAL:
        if _holds(before, kind) and not _holds(status, kind):
            detail = f"cannot disable the terminal {kind}=True condition"
            report.add(_without_value("status.conditions", detail))
    failed, was = report.number(status, "failed", "status") or 0, before.get("failed") or 0
    if failed < was:
        report.invalid("status.failed", failed, "cannot decrease the failed counter")
    done = before.get("completionTime")
    if done and status.get("completionTime") and status["completionTime"] != done:
        report.invalid("status.completionTime", status["completionTime"], "field is immutable")


def _holds(status: Object, kind: str) -> bool:
    conditions = status.get("conditions")
    return any(
        isinstance(c, dict) and c.get("type") == kind and c.get("status") == "True"
        for c in (conditions if isinstance(conditions, list) else ())
    )


def check_cron_job_create(report: Report, cron_job: Object) -> None:
    """Check a new CronJob, whose name must leave room for its jobs'."""
    _check_cron_job(report, cron_job, None)
    name = _meta(cron_job).get("name")
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
    for key in (
        "startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit",
    ):  # fmt: skip
        report.non_negative(spec, key, "spec")
    if spec.get("timeZone") is not None and (before or {}).get("timeZone") != spec["timeZone"]:
        _check_zone(report, report.text(spec, "timeZone", "spec"))
    report.one_of(spec, "concurrencyPolicy", "spec", ("Allow", "Forbid", "Replace"))
    template = report.child(spec, "jobTemplate", "spec") or {}
    job = report.child(template, "spec", "spec.jobTemplate") or {}
    _check_job_spec(report, job, "spec.jobTemplate.spec")
    if job.get("selector") is not None:
        detail = "`selector` will be auto-generated"
        report.invalid("spec.jobTemplate.spec.selector", job["selector"], detail)
    if job.get("manualSelector") is True:
        where = "spec.jobTemplate.spec.manualSelector"
        report.not_supported(where, True, ("nil", "false"))


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


def _meta(obj: Object) -> Object:
    meta = obj.get("metadata")
    return meta if isinstance(meta, dict) else {}


def _template_labels(spec: Object) -> Object:
    template = spec.get("template")
    meta = template.get("metadata") if isinstance(template, dict) else None
    labels = meta.get("labels") if isinstance(meta, dict) else None
    return labels if isinstance(labels, dict) else {}
