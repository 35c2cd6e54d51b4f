"""Rules of Jobs: what they run, how often, and what may change."""

import re
from typing import Any

from pinnace.api import names
from pinnace.api.errors import BadRequest
from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal, same, shared
from pinnace.api.selectors import label_selector_from_object
from pinnace.api.validation.base import IMMUTABLE, Report, too_long
from pinnace.api.validation.jobpolicies import check_failure_policy, check_success_policy
from pinnace.api.validation.metadata import check_selector
from pinnace.api.validation.podspec import check_pod_template
from pinnace.api.validation.workloads import NO_MATCH

COUNTS = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit",
    "ttlSecondsAfterFinished", "backoffLimitPerIndex", "maxFailedIndexes",
)  # fmt: skip
KEPT = (
    ("completionMode", ""), ("podFailurePolicy", "batch.PodFailurePolicy"),
    ("backoffLimitPerIndex", ""), ("managedBy", ""), ("successPolicy", "batch.SuccessPolicy"),
)  # fmt: skip
MAX_PARALLELISM, MAX_FAILED, MANY = 100000, 100000, 100000
MANY_PARALLELISM, MANY_FAILED = 10000, 10000
UID, LEGACY_UID = "batch.kubernetes.io/controller-uid", "controller-uid"
NAME, LEGACY_NAME = "batch.kubernetes.io/job-name", "job-name"
TEMPLATE = "core.PodTemplateSpec"
MANAGED_BY = 'must be a domain-prefixed path (such as "acme.io/foo")'
PATH_PATTERN = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_PATH = re.compile(PATH_PATTERN)


def check_job(report: Report, job: Object) -> None:
    """Check a new Job."""
    _check_job(report, job, expected=(LEGACY_UID, LEGACY_NAME, UID, NAME))


def _check_job(report: Report, job: Object, *, expected: tuple[str, ...]) -> None:
    spec = report.child(job, "spec", "") or {}
    manual = report.flag(spec, "manualSelector", "spec") is True
    if not manual and spec.get("selector") is not None:
        _check_generated(report, job, spec, expected)
    _check_spec_and_selector(report, spec)
    completions = report.number(spec, "completions", "spec")
    name = _meta(job).get("name")
    if spec.get("completionMode") == "Indexed" and completions and isinstance(name, str):
        host = f"{name}-{completions - 1}"
        if names.dns1123_label(host):
            detail = f"will not able to create pod with invalid DNS label: {host}"
            report.invalid("metadata.name", name, detail)


def _check_spec_and_selector(report: Report, spec: Object) -> None:
    check_job_spec(report, spec, "spec")
    found = len(report.causes)
    selector = check_selector(report, spec, "selector", "spec")
    good = len(report.causes) == found
    labels = _template_labels(spec)
    if selector is None:
        report.required("spec.selector")
    if good and not (selector is not None and _selects(selector, labels)):
        shown = dict(sorted(labels.items())) if _has_labels(spec) else None
        report.invalid("spec.template.metadata.labels", shown, NO_MATCH)


def _selects(selector: Object, labels: Object) -> bool:
    try:
        return label_selector_from_object(selector).matches(labels)
    except (BadRequest, AttributeError, TypeError):
        return True  # check_selector has told what is wrong


def _check_generated(report: Report, job: Object, spec: Object, keys: tuple[str, ...]) -> None:
    meta, labels = _meta(job), _template_labels(spec)
    uid, name = meta.get("uid") or "", meta.get("name") or ""
    if not uid:
        report.required("metadata.uid")
    known = {LEGACY_UID: uid, LEGACY_NAME: name, UID: uid, NAME: name}
    expected = {key: known[key] for key in keys}
    for key, value in expected.items():
        path = f"spec.template.metadata.labels[{key}]"
        if key not in labels:
            report.required(path, f"must be '{value}'")
        elif labels[key] != value:
            report.invalid(path, dict(sorted(labels.items())), f"must be '{value}'")
    selector = spec.get("selector")
    if isinstance(selector, dict) and not _selects(selector, expected):
        shown = shared(selector)
        report.invalid("spec.selector", shown, "`selector` not auto-generated")


def check_job_spec(report: Report, spec: Object, path: str) -> None:
    """Check the spec of a Job, in a Job or in the template of one; not its selector."""
    for key in COUNTS:
        if key in spec:
            report.non_negative(spec, key, path)
    per_index, failed = spec.get("backoffLimitPerIndex"), spec.get("maxFailedIndexes")
    if failed is not None and per_index is None:
        report.required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    if spec.get("managedBy") is not None:
        _check_managed_by(report, report.text(spec, "managedBy", path), f"{path}.managedBy")
    mode = report.text(spec, "completionMode", path)
    if spec.get("completionMode") is not None and mode not in ("NonIndexed", "Indexed"):
        report.not_supported(f"{path}.completionMode", mode, ("NonIndexed", "Indexed"))
    if mode == "Indexed":
        _check_indexed(report, spec, path)
    elif mode == "NonIndexed" or spec.get("completionMode") is None:
        for key, value in (("backoffLimitPerIndex", per_index), ("maxFailedIndexes", failed)):
            if value is not None:
                report.invalid(f"{path}.{key}", value, "requires indexed completion mode")
    _check_policies(report, spec, path, mode)
    template = check_pod_template(report, spec, path)
    has_policy = spec.get("podFailurePolicy") is not None
    _check_restart_policy(report, template, path, has_policy=has_policy)


def _check_policies(report: Report, spec: Object, path: str, mode: str) -> None:
    policy = report.child(spec, "podFailurePolicy", path)
    if policy is not None:
        check_failure_policy(report, spec, policy, f"{path}.podFailurePolicy")
    success, where = report.child(spec, "successPolicy", path), f"{path}.successPolicy"
    if success is not None and mode == "Indexed":
        check_success_policy(report, spec, success, where)
    elif success is not None:
        shown = internal("batch.SuccessPolicy", success)
        report.invalid(where, shown, "requires indexed completion mode")
    replacement = report.text(spec, "podReplacementPolicy", path)
    supported = ("Failed",) if policy is not None else ("Failed", "TerminatingOrFailed")
    if spec.get("podReplacementPolicy") is not None and replacement not in supported:
        report.not_supported(f"{path}.podReplacementPolicy", replacement, supported)


def _check_managed_by(report: Report, value: str, path: str) -> None:
    host, slash, rest = value.partition("/")
    if not value:
        report.required(path)
    elif not (slash and host and rest):
        report.invalid(path, value, MANAGED_BY)
    else:
        report.said(path, host, names.dns1123_subdomain(host))
        if not _PATH.fullmatch(rest):
            report.invalid(path, rest, names.regex_error("Invalid path", PATH_PATTERN))
    if len(value) > 63:
        report.add(too_long(path, 63))


def _check_indexed(report: Report, spec: Object, path: str) -> None:
    quiet = Report()
    completions = quiet.number(spec, "completions", path)
    parallelism = quiet.number(spec, "parallelism", path)
    failed = quiet.number(spec, "maxFailedIndexes", path)
    most = "must be less than or equal to"
    if completions is None:
        report.required(f"{path}.completions", "when completion mode is Indexed")
    if parallelism is not None and parallelism > MAX_PARALLELISM:
        detail = f"{most} {MAX_PARALLELISM} when completion mode is Indexed"
        report.invalid(f"{path}.parallelism", parallelism, detail)
    where = f"{path}.maxFailedIndexes"
    if completions is not None and failed is not None and failed > completions:
        report.invalid(where, failed, f"{most} completions")
    if failed is not None and failed > MAX_FAILED:
        report.invalid(where, failed, f"{most} {MAX_FAILED}")
    if not completions or completions <= MANY or spec.get("backoffLimitPerIndex") is None:
        return
    why = f"when completions are above {MANY} and used with backoff limit per index"
    if failed is None:
        report.required(where, f"must be specified when completions is above {MANY}")
    if parallelism is not None and parallelism > MANY_PARALLELISM:
        detail = f"{most} {MANY_PARALLELISM} {why}"
        report.invalid(f"{path}.parallelism", parallelism, detail)
    if failed is not None and failed > MANY_FAILED:
        report.invalid(where, failed, f"{most} {MANY_FAILED} {why}")


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


def check_job_update(report: Report, job: Object, old: Object) -> None:
    """Check a Job that is changed: what it runs stays, unless it is suspended."""
    spec, before = report.child(job, "spec", "") or {}, old.get("spec") or {}
    labels = _template_labels(before)
    # Jobs from before there were labels with a prefix need none.
    prefixed = (UID, NAME) if UID in labels and NAME in labels else ()
    _check_job(report, job, expected=(LEGACY_UID, LEGACY_NAME, *prefixed))
    if report.mistyped():
        return
    _check_spec_and_selector(report, spec)  # upstream looks twice, and tells twice
    _check_completions(report, spec, before)
    new, was = spec.get("selector"), before.get("selector")
    if shared(new or {}) != shared(was or {}) or (new is None) != (was is None):
        report.invalid("spec.selector", None if new is None else shared(new), IMMUTABLE)
    _check_template(report, spec, old)
    for key, kind in KEPT:
        new, was = spec.get(key), before.get(key)
        if kind and not same(f"*{kind}", new, was):
            report.invalid(f"spec.{key}", internal(f"*{kind}", new), IMMUTABLE)
        elif not kind and new != was:
            report.invalid(f"spec.{key}", new, IMMUTABLE)


def _may_change_template(old: Object) -> bool:
    status = old.get("status") or {}
    suspended = any(
        isinstance(c, dict) and c.get("type") == "Suspended" and c.get("status") == "True"
        for c in status.get("conditions") or ()
    )
    return (status.get("startTime") is None or suspended) and not status.get("active")


def _check_template(report: Report, spec: Object, old: Object) -> None:
    before = old.get("spec") or {}
    template, previous = spec.get("template") or {}, before.get("template") or {}
    suspended = before.get("suspend") is True
    if suspended and _may_change_template(old):
        new, allowed = template.get("spec") or {}, _with_directives(template, previous)
        if not same("core.PodSpec", new, allowed):
            report.invalid("spec.template.spec", internal("core.PodSpec", new), IMMUTABLE)
    elif not same(TEMPLATE, template, previous):
        report.invalid("spec.template", internal(TEMPLATE, template), IMMUTABLE)


def _with_directives(template: Object, previous: Object) -> Object:
    """Return the old pod with what a Job that has not begun may still change."""
    new, old = template.get("spec") or {}, dict(previous.get("spec") or {})
    for key in ("nodeSelector", "tolerations", "schedulingGates"):
        old[key] = new.get(key)
    affinity, was = new.get("affinity"), old.get("affinity")
    if affinity is None and was is not None:
        rest = {key: value for key, value in was.items() if key != "nodeAffinity"}
        old["affinity"] = rest or None
    elif affinity is not None:
        old["affinity"] = {**(was or {}), "nodeAffinity": affinity.get("nodeAffinity")}
    for key in ("containers", "initContainers"):
        mine, theirs = new.get(key) or [], old.get(key) or []
        if len(mine) == len(theirs):
            old[key] = [_with_resources(c, mine[index]) for index, c in enumerate(theirs)]
    return old


def _with_resources(container: Any, new: Any) -> Any:
    if container.get("name") != new.get("name"):
        return container
    return {**container, "resources": new.get("resources")}


def _check_completions(report: Report, spec: Object, before: Object) -> None:
    new, old = spec.get("completions"), before.get("completions")
    if spec.get("completionMode") != "Indexed":
        report.immutable(new, old, "spec.completions")
    elif new != old and new is not None and new != spec.get("parallelism"):
        detail = "can only be modified in tandem with spec.parallelism"
        report.invalid("spec.completions", new, detail)


def _meta(obj: Object) -> Object:
    meta = obj.get("metadata")
    return meta if isinstance(meta, dict) else {}


def _has_labels(spec: Object) -> bool:
    template = spec.get("template")
    meta = template.get("metadata") if isinstance(template, dict) else None
    return isinstance(meta, dict) and meta.get("labels") is not None


def _template_labels(spec: Object) -> Object:
    template = spec.get("template")
    meta = template.get("metadata") if isinstance(template, dict) else None
    labels = meta.get("labels") if isinstance(meta, dict) else None
    return labels if isinstance(labels, dict) else {}
