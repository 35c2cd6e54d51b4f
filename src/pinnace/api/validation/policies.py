"""Rules of kinds that steer others: leases, budgets, classes, quotas, autoscalers, webhooks."""

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report
from pinnace.api.validation.metadata import check_selector
from pinnace.api.validation.resources import (
    amounts,
    check_amount,
    check_container_resource_name,
    check_quota_resource_name,
)
from pinnace.api.validation.workloads import check_at_most_all, check_number_or_percent

LIMIT_TYPES = ("Pod", "Container", "PersistentVolumeClaim")
SCOPES = (
    "BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "PriorityClass",
    "Terminating", "VolumeAttributesClass",
)  # fmt: skip
TEN_MINUTES = 600
NOT_TWICE = (("Terminating", "NotTerminating"), ("BestEffort", "NotBestEffort"))
USER_PRIORITY_LIMIT = 10**9
SYSTEM_CLASSES = {"system-node-critical": 2000001000, "system-cluster-critical": 2000000000}


def check_disruption_budget(report: Report, budget: Object) -> None:
    """Check a PodDisruptionBudget."""
    spec = report.child(budget, "spec", "") or {}
    given = [key for key in ("minAvailable", "maxUnavailable") if spec.get(key) is not None]
    if len(given) > 1:
        report.invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")
    for key in given:
        check_number_or_percent(report, spec, key, "spec")
        check_at_most_all(report, spec, key, "spec")
    check_selector(report, spec, "selector", "spec")
    policy = report.text(spec, "unhealthyPodEvictionPolicy", "spec")
    supported = ("AlwaysAllow", "IfHealthyBudget")
    if policy and policy not in supported:
        report.not_supported("spec.unhealthyPodEvictionPolicy", policy, supported)


def check_disruption_status(report: Report, budget: Object, old: Object) -> None:
    """Check the counts of a budget."""
    status = report.child(budget, "status", "") or {}
    for key in ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"):
        report.non_negative(status, key, "status")


def check_priority_class(report: Report, priority_class: Object) -> None:
    """Check a PriorityClass: the system's names and values are its own."""
    meta = priority_class.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else ""
    value = report.number(priority_class, "value", "") or 0
    if isinstance(name, str) and name.startswith("system-"):
        if SYSTEM_CLASSES.get(name) != value:
            detail = (
                "priority class names with 'system-' prefix are reserved for system use only. "
                "error: "
            )
            why = f"{name} is not a known system priority class"
            if name in SYSTEM_CLASSES:
                why = f"value of {name} PriorityClass must be {SYSTEM_CLASSES[name]}"
            report.forbidden("metadata.name", detail + why)
    elif value > USER_PRIORITY_LIMIT:
        detail = f"maximum allowed value of a user defined priority is {USER_PRIORITY_LIMIT}"
        report.forbidden("value", detail)
    if priority_class.get("preemptionPolicy") is not None:
        supported = ("PreemptLowerPriority", "Never")
        report.one_of(priority_class, "preemptionPolicy", "", supported)


def check_priority_class_update(report: Report, priority_class: Object, old: Object) -> None:
    """Check a PriorityClass that is changed: value and policy stay."""
    if (priority_class.get("value") or 0) != (old.get("value") or 0):
        report.forbidden("value", "may not be changed in an update.")
    policy = priority_class.get("preemptionPolicy")
    report.immutable(policy, old.get("preemptionPolicy"), "preemptionPolicy")


def check_autoscaler(report: Report, autoscaler: Object) -> None:
    """Check the bounds and the target of a HorizontalPodAutoscaler (its metrics are not)."""
    spec = report.child(autoscaler, "spec", "") or {}
    least = report.number(spec, "minReplicas", "spec")
    most = report.number(spec, "maxReplicas", "spec") or 0
    if least is not None and least < 1:
        detail = "must be greater than or equal to 1"
        report.invalid("spec.minReplicas", least, detail)
    if most == 0:
        report.required("spec.maxReplicas", "must be set and greater than 0")
    elif most < 0:
        report.invalid("spec.maxReplicas", most, "must be greater than or equal to 1")
    if least is not None and most < least:
        report.invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    target = report.child(spec, "scaleTargetRef", "spec") or {}
    for key in ("kind", "name"):
        value = report.text(target, key, "spec.scaleTargetRef")
        where = f"spec.scaleTargetRef.{key}"
        if not value:
            report.required(where)
        else:
            report.said(where, value, names.path_segment_name(value))


def check_limit_range(report: Report, limit_range: Object) -> None:
    """Check a LimitRange."""
    spec = report.child(limit_range, "spec", "") or {}
    seen: set[str] = set()
    for path, item in report.objects(spec, "limits", "spec"):
        kind = report.text(item, "type", path)
        said = names.qualified_name(kind)
        report.said(f"{path}.type", kind, said)
        if not said and "/" not in kind and kind not in LIMIT_TYPES:
            detail = "must be a standard limit type or fully qualified"
            report.invalid(f"{path}.type", kind, detail)
        if kind in seen:
            report.duplicate(f"{path}.type", kind)
        seen.add(kind)
        _check_limits(report, item, kind, path)


def _check_limits(report: Report, item: Object, kind: str, path: str) -> None:
    keys = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
    bounds = {key: amounts(report, item, key, path) for key in keys}
    if kind == "Pod":
        for key in ("default", "defaultRequest"):
            if bounds[key]:
                report.forbidden(f"{path}.{key}", "may not be specified when `type` is 'Pod'")
    if kind in ("Pod", "Container"):
        for key in keys:
            for name in bounds[key]:
                check_container_resource_name(report, name, f"{path}.{key}[{name}]")
    if kind == "PersistentVolumeClaim" and not any(
        "storage" in bounds[key] for key in ("min", "max")
    ):
        detail = "either minimum or maximum storage value is required, but neither was provided"
        report.required(f"{path}.limits", detail)
    for low, high, where, words in (
        ("min", "max", "min", "min value {} is greater than max value {}"),
        ("min", "defaultRequest", "defaultRequest",
         "min value {} is greater than default request value {}"),
        ("defaultRequest", "max", "defaultRequest",
         "default request value {} is greater than max value {}"),
        ("defaultRequest", "default", "defaultRequest",
         "default request value {} is greater than default limit value {}"),
        ("min", "default", "default", "min value {} is greater than default value {}"),
        ("default", "max", "default", "default value {} is greater than max value {}"),
    ):  # fmt: skip
        for name in bounds[low].keys() & bounds[high].keys():
            less, more = bounds[low][name], bounds[high][name]
            if less > more:
                detail = words.format(less.canonical(), more.canonical())
                shown = less if where in (low, "min") else more
                report.invalid(f"{path}.{where}[{name}]", shown.canonical(), detail)


def check_resource_quota(report: Report, quota: Object) -> None:
    """Check a ResourceQuota."""
    spec = report.child(quota, "spec", "") or {}
    for name, amount in amounts(report, spec, "hard", "spec").items():
        path = f"spec.hard[{name}]"
        check_quota_resource_name(report, name, path)
        check_amount(report, name, amount, path)
    scopes = report.texts(spec, "scopes", "spec")
    for scope in scopes:
        if scope not in SCOPES:
            report.invalid("spec.scopes", scopes, "unsupported scope")
    for pair in NOT_TWICE:
        if set(pair) <= set(scopes):
            report.invalid("spec.scopes", scopes, "conflicting scopes")


def check_resource_quota_update(report: Report, quota: Object, old: Object) -> None:
    """Check a ResourceQuota that is changed: its scopes stay."""
    check_resource_quota(report, quota)
    new, before = report.child(quota, "spec", "") or {}, old.get("spec") or {}
    if set(report.texts(new, "scopes", "spec")) != set(before.get("scopes") or ()):
        report.invalid("spec.scopes", new.get("scopes"), "field is immutable")


def check_token_request(report: Report, request: Object) -> None:
    """Check how long a token may live."""
    spec = report.child(request, "spec", "") or {}
    seconds = report.number(spec, "expirationSeconds", "spec")
    where = "spec.expirationSeconds"
    if seconds is not None and seconds < TEN_MINUTES:
        report.invalid(where, seconds, "may not specify a duration less than 10 minutes")
    if seconds is not None and seconds > 1 << 32:
        report.invalid(where, seconds, "may not specify a duration larger than 2^32 seconds")
