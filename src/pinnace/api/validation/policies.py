"""Rules of kinds that steer others: budgets, priority classes, token requests."""

from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import Report
from pinnace.api.validation.conditions import check_conditions
from pinnace.api.validation.metadata import check_selector
from pinnace.api.validation.workloads import check_at_most_all, check_number_or_percent

TEN_MINUTES = 600
USER_PRIORITY_LIMIT = 10**9
SYSTEM_CLASSES = {"system-node-critical": 2000001000, "system-cluster-critical": 2000000000}


def check_disruption_budget(report: Report, budget: Object) -> None:
    """Check a PodDisruptionBudget."""
    spec = report.child(budget, "spec", "") or {}
    given = [key for key in ("minAvailable", "maxUnavailable") if spec.get(key) is not None]
    if len(given) > 1:
        shown = internal("policy.PodDisruptionBudgetSpec", spec)
        report.invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set")
    for key in given:
        check_number_or_percent(report, spec, key, "spec")
        check_at_most_all(report, spec, key, "spec")
    check_selector(report, spec, "selector", "spec")
    policy = report.text(spec, "unhealthyPodEvictionPolicy", "spec")
    supported = ("AlwaysAllow", "IfHealthyBudget")
    if spec.get("unhealthyPodEvictionPolicy") is not None and policy not in supported:
        report.not_supported("spec.unhealthyPodEvictionPolicy", policy, supported)


def check_disruption_status(report: Report, budget: Object, old: Object) -> None:
    """Check the counts of a budget."""
    status = report.child(budget, "status", "") or {}
    check_conditions(report, status, "status")
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


def check_token_request(report: Report, request: Object) -> None:
    """Check how long a token may live."""
    spec = report.child(request, "spec", "") or {}
    seconds = report.number(spec, "expirationSeconds", "spec")
    where = "spec.expirationSeconds"
    if seconds is not None and seconds < TEN_MINUTES:
        report.invalid(where, seconds, "may not specify a duration less than 10 minutes")
    if seconds is not None and seconds > 1 << 32:
        report.invalid(where, seconds, "may not specify a duration larger than 2^32 seconds")
