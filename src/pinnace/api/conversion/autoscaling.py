"""autoscaling/v1 HorizontalPodAutoscaler, which knows CPU utilization only.

What else v2 holds travels in annotations that nobody sees in v2: other metrics, their status,
conditions and behaviour, in the very encodings of upstream.
"""

from typing import Any

import orjson

from pinnace.api.conversion.base import Conversion
from pinnace.api.objects import Object

_PREFIX = "autoscaling.alpha.kubernetes.io/"
_METRICS = f"{_PREFIX}metrics"
_STATUSES = f"{_PREFIX}current-metrics"
_CONDITIONS = f"{_PREFIX}conditions"
_RULES = ("stabilizationWindowSeconds", "selectPolicy", "policies", "tolerance")
_BEHAVIOR = f"{_PREFIX}behavior"
_ROUND_TRIP = (
    _METRICS, _STATUSES, _CONDITIONS, _BEHAVIOR,
    f"{_PREFIX}scale-down-tolerance", f"{_PREFIX}scale-up-tolerance",
)  # fmt: skip
_DEFAULT_UTILIZATION = 80
# Where each field of a v1 metric is in v2, by the name under which the source stands.
_UTILIZATION = (
    ("name", "name"),
    ("targetAverageUtilization", "target.averageUtilization"),
    ("targetAverageValue", "target.averageValue"),
)
_SPEC = {
    "resource": _UTILIZATION,
    "containerResource": (*_UTILIZATION, ("container", "container")),
    "pods": (
        ("metricName", "metric.name"),
        ("targetAverageValue", "target.averageValue"),
        ("selector", "metric.selector"),
    ),
    "object": (
        ("target", "describedObject"),
        ("metricName", "metric.name"),
        ("targetValue", "target.value"),
        ("selector", "metric.selector"),
        ("averageValue", "target.averageValue"),
    ),
    "external": (
        ("metricName", "metric.name"),
        ("metricSelector", "metric.selector"),
        ("targetValue", "target.value"),
        ("targetAverageValue", "target.averageValue"),
    ),
}
_STATUS = {
    source: tuple(
        (
            old if old == "target" else old.replace("target", "current"),
            new.replace("target.", "current."),
        )
        for old, new in fields
    )
    for source, fields in _SPEC.items()
}
# The amounts that upstream's v1 types always say.
_SPEC_ALWAYS = {"object": "targetValue", "pods": "targetAverageValue"}
_STATUS_ALWAYS = {
    "resource": "currentAverageValue",
    "containerResource": "currentAverageValue",
    "pods": "currentAverageValue",
    "object": "currentValue",
    "external": "currentValue",
}


def _to_v2_metric(metric: Object, table: dict[str, Any]) -> Object:
    made: Object = {"type": metric.get("type", "")}
    for source, fields in table.items():
        if metric.get(source) is None:
            continue
        inner: Object = {}
        for old, new in fields:
            value = metric[source].get(old)
            if value is not None:
                outer, _, name = new.rpartition(".")
                (inner.setdefault(outer, {}) if outer else inner)[name] = value
        if "target" in inner:
            inner["target"] = {"type": _target_type(inner["target"]), **inner["target"]}
        made[source] = inner
    return made


def _target_type(target: Object) -> str:
    if "averageUtilization" in target:
        return "Utilization"
    return "AverageValue" if "averageValue" in target else "Value"


def _to_v1_metric(metric: Object, table: dict[str, Any]) -> Object:
    made: Object = {"type": metric.get("type", "")}
    for source, fields in table.items():
        if metric.get(source) is None:
            continue
        inner: Object = {}
        for old, new in fields:
            outer, _, name = new.rpartition(".")
            holder = metric[source].get(outer) or {} if outer else metric[source]
            if holder.get(name) is not None:
                inner[old] = holder[name]
        always = (_SPEC_ALWAYS if table is _SPEC else _STATUS_ALWAYS).get(source)
        if always:
            inner.setdefault(always, "0")
        made[source] = inner
    return made


def _cpu(metric: Object, place: str) -> int | None:
    """Return the utilization of a metric if it is the one that v1 knows."""
    source = metric.get("resource") or {}
    if metric.get("type") != "Resource" or source.get("name") != "cpu":
        return None
    found: int | None = (source.get(place) or {}).get("averageUtilization")
    return found


def _cpu_metric(place: str, target: Object) -> Object:
    return {"type": "Resource", "resource": {"name": "cpu", place: target}}


def _renamed(value: Any, *, upper: bool) -> Any:
    """Change the first letters of all names: the annotation holds Go's untagged fields."""
    if isinstance(value, dict):
        change = str.upper if upper else str.lower
        return {
            change(name[:1]) + name[1:]: _renamed(inner, upper=upper)
            for name, inner in value.items()
            if upper or inner is not None
        }
    if isinstance(value, list):
        return [_renamed(item, upper=upper) for item in value]
    return value


def _all_named(behavior: Any) -> Any:
    """Return a behavior with all fields, null where unset: untagged Go leaves out none."""
    if not isinstance(behavior, dict):
        return behavior
    return {
        side: {**dict.fromkeys(_RULES), **rules} if isinstance(rules, dict) else rules
        for side, rules in {**dict.fromkeys(("scaleUp", "scaleDown")), **behavior}.items()
    }


def _from_v2(obj: Object) -> Object:
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    metrics, current = spec.pop("metrics", None) or [], status.pop("currentMetrics", None) or []
    conditions, behavior = status.pop("conditions", None), spec.pop("behavior", None)
    percents = [_cpu(item, "target") for item in metrics]
    known = [percent for percent in percents if percent is not None]
    if known:
        spec["targetCPUUtilizationPercentage"] = known[0]
    for item in current:
        percent = _cpu(item, "current")
        if percent is not None:
            status["currentCPUUtilizationPercentage"] = percent
    saved = {
        _METRICS: [_to_v1_metric(m, _SPEC) for m in metrics if _cpu(m, "target") is None],
        _STATUSES: [_to_v1_metric(m, _STATUS) for m in current],
        _BEHAVIOR: _renamed(_all_named(behavior), upper=True),
        _CONDITIONS: conditions,
    }
    texts = {name: orjson.dumps(value).decode() for name, value in saved.items() if value}
    return _made(obj, spec, status, texts)


def _to_v2(obj: Object) -> Object:
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    kept = {name: _saved(obj, name) for name in _ROUND_TRIP}
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    metrics = [_to_v2_metric(metric, _SPEC) for metric in _maps(kept[_METRICS])]
    if percent is not None or not metrics:
        used = _DEFAULT_UTILIZATION if percent is None else percent
        target = {"type": "Utilization", "averageUtilization": used}
        metrics.append(_cpu_metric("target", target))
    spec["metrics"] = metrics
    if isinstance(kept[_BEHAVIOR], dict) and kept[_BEHAVIOR]:
        spec["behavior"] = _renamed(kept[_BEHAVIOR], upper=False)
    percent = status.pop("currentCPUUtilizationPercentage", None)
    if percent is not None:
        status["currentMetrics"] = [_cpu_metric("current", {"averageUtilization": percent})]
    if isinstance(kept[_STATUSES], list):
        status["currentMetrics"] = [_to_v2_metric(m, _STATUS) for m in _maps(kept[_STATUSES])]
    if isinstance(kept[_CONDITIONS], list):
        status["conditions"] = _maps(kept[_CONDITIONS])
    return _made(obj, spec, status, {})


def _maps(value: Any) -> list[Object]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _saved(obj: Object, name: str) -> Any:
    text = ((obj.get("metadata") or {}).get("annotations") or {}).get(name)
    try:
        return orjson.loads(text) if isinstance(text, str) else None
    except orjson.JSONDecodeError:
        # Upstream lets a broken annotation pass as if it were not there.
        return None


def _made(obj: Object, spec: Object, status: Object, saved: dict[str, str]) -> Object:
    """Put the parts together, with these annotations instead of all that carry v2's fields."""
    metadata = dict(obj.get("metadata") or {})
    old = metadata.pop("annotations", None) or {}
    annotations = {name: text for name, text in old.items() if name not in _ROUND_TRIP} | saved
    if annotations:
        metadata["annotations"] = annotations
    made = {**obj, "metadata": metadata, "spec": spec}
    if status or "status" in obj:
        made["status"] = status
    return made


HPA_V1 = Conversion(
    kind="HorizontalPodAutoscaler", api_version="autoscaling/v1", to_hub=_to_v2, from_hub=_from_v2
)
CONVERSIONS = (HPA_V1,)
