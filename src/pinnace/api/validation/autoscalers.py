"""Rules of HorizontalPodAutoscalers: bounds, target, metrics, behaviour."""

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import NEGATIVE, NOT_POSITIVE, Report
from pinnace.api.validation.resources import check_container_resource_name

METRIC_TYPES = ("ContainerResource", "External", "Object", "Pods", "Resource")
# In the order in which upstream looks.
SOURCES = {
    "object": "Object",
    "external": "External",
    "pods": "Pods",
    "resource": "Resource",
    "containerResource": "ContainerResource",
}
TARGET_TYPES = ("Utilization", "Value", "AverageValue")
SELECTIONS = ("Disabled", "Max", "Min")
POLICY_TYPES = ("Percent", "Pods")
HALF_HOUR, HOUR = 1800, 3600
NEEDS_VALUE = "must set either a target value or averageValue"
EITHER = "must set either a target value for metric or a per-pod target"
BOTH = "may not set both a target value for metric and a per-pod target"
RAW = "must set either a target raw value or a target utilization"
RAW_BOTH = "may not set both a target raw value and a target utilization"


def check_autoscaler(report: Report, autoscaler: Object) -> None:
    """Check a new autoscaler."""
    spec = report.child(autoscaler, "spec", "") or {}
    target = report.child(spec, "scaleTargetRef", "spec") or {}
    # Controllers of replicas are the only kind of the core group that scales.
    empty = target.get("kind") == "ReplicationController"
    _check(report, spec, least=1, empty_group=empty, any_version=False, any_object=False)


def check_autoscaler_update(report: Report, autoscaler: Object, old: Object) -> None:
    """Check an autoscaler that is changed; what was wrong before may stay wrong."""
    spec, before = report.child(autoscaler, "spec", "") or {}, old.get("spec") or {}
    target = report.child(spec, "scaleTargetRef", "spec") or {}
    was = Report().child(before, "scaleTargetRef", "") or {}
    kept = all((target.get(key) or "") == (was.get(key) or "") for key in ("apiVersion", "kind"))
    quiet = Report()
    any_object = any(
        _version_error(str(_described(metric).get("apiVersion") or ""))
        for _, metric in quiet.objects(before, "metrics", "")
        if metric.get("type") == "Object"
    )
    _check(
        report,
        spec,
        least=0 if before.get("minReplicas") == 0 else 1,
        empty_group=target.get("kind") == "ReplicationController",
        any_version=kept,
        any_object=any_object,
    )


def check_autoscaler_status(report: Report, autoscaler: Object, old: Object) -> None:
    """Check the counts of an autoscaler."""
    status = report.child(autoscaler, "status", "") or {}
    report.non_negative(status, "currentReplicas", "status")
    report.non_negative(status, "desiredReplicas", "status")


def _check(
    report: Report,
    spec: Object,
    *,
    least: int,
    empty_group: bool,
    any_version: bool,
    any_object: bool,
) -> None:
    low = report.number(spec, "minReplicas", "spec")
    high = report.number(spec, "maxReplicas", "spec") or 0
    if low is not None and low < least:
        detail = f"must be greater than or equal to {least}"
        report.invalid("spec.minReplicas", low, detail)
    if high == 0:
        report.required("spec.maxReplicas", "must be set and greater than 0")
    elif high < 0:
        report.invalid("spec.maxReplicas", high, "must be greater than or equal to 1")
    if low is not None and high < low:
        report.invalid("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`")
    target = report.child(spec, "scaleTargetRef", "spec") or {}
    _check_reference(report, target, "spec.scaleTargetRef", any_version, empty_group)
    _check_metrics(report, spec, low, any_object=any_object)
    behavior = report.child(spec, "behavior", "spec") or {}
    for key in ("scaleUp", "scaleDown"):
        rules = report.child(behavior, key, "spec.behavior")
        if rules is not None:
            _check_rules(report, rules, f"spec.behavior.{key}")


def _check_reference(
    report: Report, ref: Object, path: str, any_version: bool, empty_group: bool
) -> None:
    for key in ("kind", "name"):
        value = report.text(ref, key, path)
        if not value:
            report.required(f"{path}.{key}")
        else:
            report.said(f"{path}.{key}", value, names.path_segment_name(value))
    version = report.text(ref, "apiVersion", path)
    error = _version_error(version)
    if not error and not empty_group and "/" not in version.removeprefix("/"):
        error = "apiVersion must specify API group"
    if error and not any_version:
        report.invalid(f"{path}.apiVersion", version, error)


def _described(metric: Object) -> Object:
    quiet = Report()
    source = quiet.child(metric, "object", "") or {}
    return quiet.child(source, "describedObject", "") or {}


def _version_error(version: str) -> str:
    return f"unexpected GroupVersion string: {version}" if version.count("/") > 1 else ""


def _check_metrics(report: Report, spec: Object, low: int | None, *, any_object: bool) -> None:
    kinds = set()
    for at, metric in report.objects(spec, "metrics", "spec"):
        kinds.add(str(metric.get("type")))
        _check_metric(report, metric, at, any_object=any_object)
    if low == 0 and not kinds & {"Object", "External"}:
        detail = "must specify at least one Object or External metric to support scaling to zero"
        report.forbidden("spec.metrics", f"{detail} replicas")


def _check_metric(report: Report, metric: Object, path: str, *, any_object: bool) -> None:
    kind, where = report.text(metric, "type", path), f"{path}.type"
    if not kind:
        report.required(where, "must specify a metric source type")
    if kind not in METRIC_TYPES:
        report.not_supported(where, kind, METRIC_TYPES)
    given = [key for key in SOURCES if report.child(metric, key, path) is not None]
    if given:
        _check_source(report, metric[given[0]], given[0], f"{path}.{given[0]}", any_object)
    expected = next((key for key, name in SOURCES.items() if name == kind), "")
    if expected and expected not in given:
        detail = "must populate information for the given metric source"
        report.required(f"{path}.{expected}", detail)
    if not expected:
        report.not_supported(where, kind, METRIC_TYPES)
    for key in given if len(given) > 1 else ():
        if key != expected:
            report.forbidden(f"{path}.{key}", "must populate the given metric source only")


def _check_source(report: Report, source: Object, kind: str, path: str, any_object: bool) -> None:
    if kind == "object":
        described = report.child(source, "describedObject", path) or {}
        _check_reference(report, described, f"{path}.describedObject", any_object, True)
    if kind in ("resource", "containerResource"):
        _check_resource(report, source, kind, path)
    else:
        metric = report.child(source, "metric", path) or {}
        name = report.text(metric, "name", f"{path}.metric")
        if not name:
            report.required(f"{path}.metric.name", "must specify a metric name")
        else:
            report.said(f"{path}.metric.name", name, names.path_segment_name(name))
    target, where = report.child(source, "target", path) or {}, f"{path}.target"
    _check_target(report, target, where)
    _check_given(report, target, kind, where)


def _check_resource(report: Report, source: Object, kind: str, path: str) -> None:
    name = report.text(source, "name", path)
    if not name:
        report.required(f"{path}.name", "must specify a resource name")
    elif kind == "containerResource":
        check_container_resource_name(report, name, f"{path}.name")
    if kind == "containerResource":
        container = report.text(source, "container", path)
        if not container:
            report.required(f"{path}.container", "must specify a container")
        else:
            report.said(f"{path}.container", container, names.dns1123_label(container))


def _check_given(report: Report, target: Object, kind: str, path: str) -> None:
    value, average = (target.get(key) is not None for key in ("value", "averageValue"))
    utilization = target.get("averageUtilization") is not None
    if kind == "object" and not value and not average:
        report.required(f"{path}.averageValue", NEEDS_VALUE)
    elif kind == "external" and not value and not average:
        report.required(f"{path}.averageValue", EITHER)
    elif kind == "external" and value and average:
        report.forbidden(f"{path}.value", BOTH)
    elif kind == "pods" and not average:
        report.required(f"{path}.averageValue", "must specify a positive target averageValue")
    elif kind in ("resource", "containerResource") and not utilization and not average:
        report.required(f"{path}.averageUtilization", RAW)
    elif kind in ("resource", "containerResource") and utilization and average:
        report.forbidden(f"{path}.averageValue", RAW_BOTH)


def _check_target(report: Report, target: Object, path: str) -> None:
    kind = report.text(target, "type", path)
    if not kind:
        report.required(f"{path}.type", "must specify a metric target type")
    if kind not in TARGET_TYPES:
        report.invalid(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue")
    for key in ("value", "averageValue"):
        amount = report.quantity(target, key, path)
        if amount is not None and amount.nano <= 0:
            report.invalid(f"{path}.{key}", amount.canonical(), "must be positive")
    percent = report.number(target, "averageUtilization", path)
    if percent is not None and percent < 1:
        report.invalid(f"{path}.averageUtilization", percent, "must be greater than 0")


def _check_rules(report: Report, rules: Object, path: str) -> None:
    window, where = report.number(rules, "stabilizationWindowSeconds", path), path
    where = f"{path}.stabilizationWindowSeconds"
    if window is not None and window < 0:
        report.invalid(where, window, "must be greater than or equal to zero")
    if window is not None and window > HOUR:
        report.invalid(where, window, f"must be less than or equal to {HOUR}")
    selection = report.text(rules, "selectPolicy", path)
    if rules.get("selectPolicy") is not None and selection not in SELECTIONS:
        report.not_supported(f"{path}.selectPolicy", selection, SELECTIONS)
    policies = report.objects(rules, "policies", path)
    if not policies:
        report.required(f"{path}.policies", "must specify at least one Policy")
    for at, policy in policies:
        _check_policy(report, policy, at)
    tolerance = report.quantity(rules, "tolerance", path)
    if tolerance is not None and tolerance.nano < 0:
        report.invalid(f"{path}.tolerance", tolerance.canonical(), NEGATIVE)


def _check_policy(report: Report, policy: Object, path: str) -> None:
    kind = report.text(policy, "type", path)
    if kind not in POLICY_TYPES:
        report.not_supported(f"{path}.type", kind, POLICY_TYPES)
    value = report.number(policy, "value", path) or 0
    if value <= 0:
        report.invalid(f"{path}.value", value, NOT_POSITIVE)
    period = report.number(policy, "periodSeconds", path) or 0
    if period <= 0:
        report.invalid(f"{path}.periodSeconds", period, NOT_POSITIVE)
    if period > HALF_HOUR:
        report.invalid(
            f"{path}.periodSeconds", period, f"must be less than or equal to {HALF_HOUR}"
        )
