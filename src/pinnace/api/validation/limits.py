"""Rules of LimitRanges and ResourceQuotas."""

from typing import Any

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.quantity import Quantity
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import IMMUTABLE, Report
from pinnace.api.validation.resources import (
    STANDARD_QUOTA,
    allows_overcommit,
    amounts,
    check_amount,
    check_container_resource_name,
    check_quota_resource_name,
    check_resource_name,
)

LIMIT_TYPES = ("Pod", "Container", "PersistentVolumeClaim")
POD_SCOPES = (
    "Terminating", "NotTerminating", "NotBestEffort", "PriorityClass", "CrossNamespacePodAffinity",
)  # fmt: skip
SCOPES = (*POD_SCOPES, "BestEffort", "VolumeAttributesClass")
POD_RESOURCES = frozenset(
    {"pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"}
)
CLAIM_RESOURCES = frozenset({"persistentvolumeclaims", "requests.storage"})
EXISTING_SCOPES = (
    "BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity",
)  # fmt: skip
MUST_EXIST = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
    "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
    "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)
NOT_TWICE = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
NOT_APPLICABLE = "unsupported scope applied to resource"
KEYS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
# Which bound may not exceed which, where that is told, with whose value, in what words.
ORDERED = (
    ("min", "max", "min", "min", "min value {} is greater than max value {}"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest",
     "min value {} is greater than default request value {}"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest",
     "default request value {} is greater than max value {}"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest",
     "default request value {} is greater than default limit value {}"),
    ("min", "default", "default", "min", "min value {} is greater than default value {}"),
    ("default", "max", "default", "max", "default value {} is greater than max value {}"),
)  # fmt: skip
MAX_MILLI = (2**63 - 1) // 1000
Bounds = dict[str, dict[str, Quantity]]


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
        bounds = _check_names(report, item, kind, path)
        for name in sorted(set().union(*bounds.values())):
            _check_bounds(report, name, bounds, path)


def _check_names(report: Report, item: Object, kind: str, path: str) -> Bounds:
    bounds: Bounds = {}
    check = check_container_resource_name if kind in ("Pod", "Container") else check_resource_name
    for key in KEYS:
        if kind == "Pod" and key in ("default", "defaultRequest"):
            if item.get(key):
                report.forbidden(f"{path}.{key}", "may not be specified when `type` is 'Pod'")
            continue
        if key == "maxLimitRequestRatio" and kind == "PersistentVolumeClaim":
            _check_storage(report, bounds, path)
        bounds[key] = amounts(report, item, key, path)
        for name in bounds[key]:
            check(report, name, f"{path}.{key}[{name}]")
    return bounds


def _check_storage(report: Report, bounds: Bounds, path: str) -> None:
    if "storage" not in bounds["min"] and "storage" not in bounds["max"]:
        detail = "either minimum or maximum storage value is required, but neither was provided"
        report.required(f"{path}.limits", detail)


def _check_bounds(report: Report, name: str, bounds: Bounds, path: str) -> None:
    for low, high, where, shown, words in ORDERED:
        less, more = bounds.get(low, {}).get(name), bounds.get(high, {}).get(name)
        if less is not None and more is not None and less > more:
            detail = words.format(less.canonical(), more.canonical())
            value = bounds[shown][name].canonical()
            report.invalid(f"{path}.{where}[{name}]", value, detail)
    _check_ratio(report, name, bounds, path)
    default, request = (bounds.get(key, {}).get(name) for key in ("default", "defaultRequest"))
    if None in (default, request) or default == request or allows_overcommit(name):
        return
    if default is not None and request is not None:
        what = f"defaultRequest value {request.canonical()} in {name}"
        detail = f"default value {default.canonical()} must equal to {what}"
        report.invalid(f"{path}.defaultRequest[{name}]", request.canonical(), detail)


def _check_ratio(report: Report, name: str, bounds: Bounds, path: str) -> None:
    ratio = bounds["maxLimitRequestRatio"].get(name)
    if ratio is None:
        return
    where, text = f"{path}.maxLimitRequestRatio[{name}]", ratio.canonical()
    if ratio.nano < 10**9:
        report.invalid(where, text, f"ratio {text} is less than 1")
    low, high = bounds["min"].get(name), bounds["max"].get(name)
    if low is None or high is None:
        return
    value, least, most = float(ratio.value()), low.value(), high.value()
    if max(ratio.value(), least, most) < MAX_MILLI:
        value, least, most = ratio.milli_value() / 1000, low.milli_value(), high.milli_value()
    limit, shown = _quotient(most, least)
    if value > limit:
        report.invalid(where, text, f"ratio {text} is greater than max/min = {shown}")


def _quotient(most: int, least: int) -> tuple[float, str]:
    """Divide as floating point does, by zero as well."""
    if least:
        return most / least, f"{most / least:f}"
    if not most:
        return float("nan"), "NaN"
    return (float("inf"), "+Inf") if most > 0 else (float("-inf"), "-Inf")


def check_resource_quota(report: Report, quota: Object) -> None:
    """Check a ResourceQuota."""
    spec = report.child(quota, "spec", "") or {}
    _check_hard(report, spec, "hard", "spec")
    hard = Report().child(spec, "hard", "") or {}
    known = sorted(name for name in hard if _is_standard(name))
    scopes = report.texts(spec, "scopes", "spec")
    for scope in scopes:
        if scope not in SCOPES:
            report.invalid("spec.scopes", scopes, "unsupported scope")
        for name in known:
            if not _applies(scope, name):
                report.invalid("spec.scopes", scopes, NOT_APPLICABLE)
    _check_pairs(report, scopes, scopes, "spec.scopes")
    selector = report.child(spec, "scopeSelector", "spec")
    if selector is not None:
        _check_scope_selector(report, spec, selector, known)


def _is_standard(name: str) -> bool:
    return name in STANDARD_QUOTA or name.startswith(("hugepages-", "requests.hugepages-"))


def _check_hard(report: Report, parent: Object, key: str, path: str) -> None:
    for name, amount in sorted(amounts(report, parent, key, path).items()):
        where = f"{path}.{key}[{name}]"
        check_quota_resource_name(report, name, where)
        check_amount(report, name, amount, where)


def _applies(scope: str, name: str) -> bool:
    if scope in POD_SCOPES:
        return name in POD_RESOURCES
    if scope == "BestEffort":
        return name == "pods"
    return name in CLAIM_RESOURCES if scope == "VolumeAttributesClass" else True


def _check_pairs(report: Report, found: list[str], shown: Any, path: str) -> None:
    for pair in NOT_TWICE:
        if set(pair) <= set(found):
            report.invalid(path, shown, "conflicting scopes")


def _check_scope_selector(report: Report, spec: Object, selector: Object, known: list[str]) -> None:
    where, found = "spec.scopeSelector.matchExpressions", []
    shown = internal("core.ScopeSelector", selector)
    for at, requirement in report.objects(selector, "matchExpressions", "spec.scopeSelector"):
        scope = report.text(requirement, "scopeName", at)
        operator = report.text(requirement, "operator", at)
        values = report.texts(requirement, "values", at)
        found.append(scope)
        if scope not in SCOPES:
            report.invalid(f"{where}.scopeName", scope, "unsupported scope")
        for name in known:
            if not _applies(scope, name):
                report.invalid(where, shown, NOT_APPLICABLE)
        if scope in EXISTING_SCOPES and operator != "Exists":
            report.invalid(f"{where}.operator", operator, MUST_EXIST)
        if operator in ("In", "NotIn"):
            if not values:
                detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope"
                report.required(f"{where}.values", f"{detail} selector")
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope"
                report.invalid(f"{where}.values", values, f"{detail} selector")
        else:
            report.invalid(f"{where}.operator", operator, "not a valid selector operator")
    _check_pairs(report, found, spec.get("scopes"), where)


def check_resource_quota_update(report: Report, quota: Object, old: Object) -> None:
    """Check a ResourceQuota that is changed: its scopes stay."""
    check_resource_quota(report, quota)
    new, before = report.child(quota, "spec", "") or {}, old.get("spec") or {}
    quiet = Report()
    if set(quiet.texts(new, "scopes", "spec")) != set(quiet.texts(before, "scopes", "spec")):
        report.invalid("spec.scopes", new.get("scopes"), IMMUTABLE)


def check_resource_quota_status(report: Report, quota: Object, old: Object) -> None:
    """Check what is said to be used."""
    status = report.child(quota, "status", "") or {}
    _check_hard(report, status, "hard", "status")
    _check_hard(report, status, "used", "status")
