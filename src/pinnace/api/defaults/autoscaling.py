"""Defaults of HorizontalPodAutoscalers in both versions."""

from typing import Any

from pinnace.api.defaults.base import child, ensured, fill
from pinnace.api.objects import Object

CPU_PERCENT = 80
PERIOD = 15


def default_autoscaler(autoscaler: Object) -> None:
    """Fill in a v2 autoscaler: one replica at least, 80% of CPU, rules when any is given."""
    spec = ensured(autoscaler, "spec")
    fill(spec, "minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": CPU_PERCENT}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if isinstance(behavior, dict):
        percent = {"type": "Percent", "value": 100, "periodSeconds": PERIOD}
        pods = {"type": "Pods", "value": 4, "periodSeconds": PERIOD}
        up: dict[str, Any] = {"policies": [pods, percent], "stabilizationWindowSeconds": 0}
        _default_rules(behavior, "scaleUp", up)
        _default_rules(behavior, "scaleDown", {"policies": [dict(percent)]})


def _default_rules(behavior: Object, key: str, defaults: Object) -> None:
    rules = ensured(behavior, key)
    fill(rules, "selectPolicy", "Max")
    for name, value in defaults.items():
        fill(rules, name, value)


def default_autoscaler_v1(autoscaler: Object) -> None:
    """Fill in a v1 autoscaler; 80% of CPU unless it carries other metrics in its annotation."""
    spec = ensured(autoscaler, "spec")
    fill(spec, "minReplicas", 1)
    annotations = child(child(autoscaler, "metadata"), "annotations")
    if "autoscaling.alpha.kubernetes.io/metrics" not in annotations:
        fill(spec, "targetCPUUtilizationPercentage", CPU_PERCENT)
