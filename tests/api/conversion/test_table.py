import copy
import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from pinnace.api.conversion.table import CONVERSIONS, convert
from pinnace.api.errors import BadRequest
from pinnace.api.fieldvalidation import type_errors, unknown_fields
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.resources import Resource


def _row(api_version: str, kind: str) -> Resource:
    return next(row for row in RESOURCES if (row.group_version, row.kind) == (api_version, kind))


HPA_V2 = {
    "kind": "HorizontalPodAutoscaler",
    "apiVersion": "autoscaling/v2",
    "metadata": {"name": "a", "annotations": {"mine": "x"}},
    "spec": {
        "maxReplicas": 3,
        "metrics": [
            {"type": "Pods", "pods": {
                "metric": {"name": "m", "selector": {}},
                "target": {"type": "AverageValue", "averageValue": "1"}}},
            {"type": "Object", "object": {
                "describedObject": {"kind": "Service", "name": "s"}, "metric": {"name": "o"},
                "target": {"type": "Value", "value": "5"}}},
            {"type": "External", "external": {
                "metric": {"name": "e"}, "target": {"type": "Value", "value": "7"}}},
            {"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}},
        ],
        "behavior": {"scaleUp": {"stabilizationWindowSeconds": 0, "policies": [
            {"type": "Pods", "value": 4, "periodSeconds": 15}]}},
    },
    "status": {
        "desiredReplicas": 1,
        "currentMetrics": [{"type": "Resource", "resource": {
            "name": "cpu", "current": {"averageUtilization": 40, "averageValue": "100m"}}}],
        "conditions": [{"type": "AbleToScale", "status": "True"}],
    },
}  # fmt: skip


def test_v1_autoscalers_carry_the_rest_of_v2_in_annotations() -> None:
    before = copy.deepcopy(HPA_V2)
    v1 = convert(HPA_V2, _row("autoscaling/v1", "HorizontalPodAutoscaler"))
    assert v1["apiVersion"] == "autoscaling/v1"
    assert v1["spec"] == {"maxReplicas": 3, "targetCPUUtilizationPercentage": 50}
    assert v1["status"] == {"desiredReplicas": 1, "currentCPUUtilizationPercentage": 40}
    annotations = v1["metadata"]["annotations"]
    assert annotations["mine"] == "x"
    assert (
        '"ScaleUp":{"StabilizationWindowSeconds":0'
        in (annotations["autoscaling.alpha.kubernetes.io/behavior"])
    )
    assert convert(v1, _row("autoscaling/v2", "HorizontalPodAutoscaler")) == HPA_V2
    assert before == HPA_V2


def test_a_v1_autoscaler_without_metrics_aims_at_80_percent() -> None:
    v1 = {"kind": "HorizontalPodAutoscaler", "apiVersion": "autoscaling/v1", "spec": {}}
    v2 = convert(v1, _row("autoscaling/v2", "HorizontalPodAutoscaler"))
    assert v2["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 80


def test_broken_annotations_pass_as_if_absent() -> None:
    v1 = {
        "kind": "HorizontalPodAutoscaler",
        "apiVersion": "autoscaling/v1",
        "metadata": {"annotations": {"autoscaling.alpha.kubernetes.io/metrics": "{"}},
    }
    v2 = convert(v1, _row("autoscaling/v2", "HorizontalPodAutoscaler"))
    assert len(v2["spec"]["metrics"]) == 1
    assert "annotations" not in v2["metadata"]


def test_events_have_other_names_in_their_own_group() -> None:
    core = {"kind": "Event", "apiVersion": "v1", "involvedObject": {"name": "p"}, "message": "m",
            "source": {"component": "c"}, "count": 2, "reportingComponent": "r"}  # fmt: skip
    other = convert(core, _row("events.k8s.io/v1", "Event"))
    assert other["regarding"] == {"name": "p"}
    assert other["note"] == "m"
    assert other["deprecatedCount"] == 2
    assert other["reportingController"] == "r"
    assert convert(other, _row("v1", "Event")) == core


def test_requests_are_wrapped_in_exactly() -> None:
    old = {
        "kind": "ResourceClaim",
        "apiVersion": "resource.k8s.io/v1beta1",
        "spec": {"devices": {"requests": [{"name": "r", "deviceClassName": "c", "count": 2}]}},
    }
    new = convert(old, _row("resource.k8s.io/v1", "ResourceClaim"))
    assert new["spec"]["devices"]["requests"] == [
        {"name": "r", "exactly": {"deviceClassName": "c", "count": 2}}
    ]
    assert convert(new, _row("resource.k8s.io/v1beta1", "ResourceClaim")) == old
    newer = convert(old, _row("resource.k8s.io/v1beta2", "ResourceClaim"))
    assert newer["spec"] == new["spec"]


def test_other_versions_differ_in_their_name_only() -> None:
    obj = {"kind": "IPAddress", "apiVersion": "networking.k8s.io/v1beta1", "spec": {"a": 1}}
    assert convert(obj, _row("networking.k8s.io/v1", "IPAddress")) == {
        **obj, "apiVersion": "networking.k8s.io/v1"}  # fmt: skip


def test_an_object_in_the_wanted_version_is_returned_as_it_is() -> None:
    obj: dict[str, Any] = {"kind": "Pod", "apiVersion": "v1"}
    assert convert(obj, _row("v1", "Pod")) is obj


@pytest.mark.parametrize(
    ("kind", "api_version"), [("Pod", "v2"), ("Event", "apps/v1"), ("Service", "v1")]
)
def test_what_has_no_way_is_refused_by_name(kind: str, api_version: str) -> None:
    with pytest.raises(BadRequest, match=f'{kind} in version "{api_version}" cannot be converted'):
        convert({"kind": kind, "apiVersion": api_version}, _row("v1", "Pod"))


@pytest.mark.skipif(not os.environ.get("PINNACE_SHARED"), reason="needs PINNACE_SHARED")
@pytest.mark.parametrize("conversion", CONVERSIONS, ids=lambda item: item.kind)
def test_full_objects_go_to_the_hub_and_back(conversion: Any) -> None:
    group, _, version = conversion.api_version.partition("/")
    path = Path(os.environ["PINNACE_SHARED"], "golden/objects")
    raw = (path / f"{group}.{version}.{conversion.kind}.json").read_bytes()
    obj = orjson.loads(raw)
    own = _row(conversion.api_version, conversion.kind)
    hub = next(
        row for row in RESOURCES if row.prefix == own.prefix and row.storage == row.group_version
    )
    there = convert(obj, hub)
    assert type_errors(there, hub) == []
    assert unknown_fields(there, hub) == []
    back = convert(there, own)
    assert convert(back, hub) == there
    if conversion.kind != "HorizontalPodAutoscaler":
        # This one gains an annotation, as upstream, that keeps what its status cannot say.
        assert back == obj
