from typing import Any

from pinnace.api.conversion.table import convert
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.validation.table import validate_create

ROWS = {row.version: row for row in RESOURCES if row.kind == "HorizontalPodAutoscaler"}
METRIC = "spec.metrics[0].resource.target.averageUtilization"


def autoscaler(version: str, **spec: Any) -> Any:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    return {
        "apiVersion": f"autoscaling/{version}",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h", "namespace": "default"},
        "spec": {"minReplicas": 1, "maxReplicas": 3, "scaleTargetRef": target, **spec},
    }


def test_an_autoscaler_of_v1_is_checked_as_one_of_v2() -> None:
    causes = validate_create(ROWS["v1"], autoscaler("v1", targetCPUUtilizationPercentage=0))
    assert [(cause.field, cause.body()) for cause in causes] == [
        (METRIC, "Invalid value: 0: must be greater than 0")
    ]


def test_a_cpu_metric_of_v2_says_in_v1_how_much_is_used_even_if_nothing() -> None:
    current = {"name": "cpu", "current": {"averageUtilization": 0}}
    status = {"currentMetrics": [{"type": "Resource", "resource": current}]}
    told = convert({**autoscaler("v2"), "status": status}, ROWS["v1"])
    assert told["status"]["currentCPUUtilizationPercentage"] == 0
    note = told["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/current-metrics"]
    assert '"currentAverageValue":"0"' in note
