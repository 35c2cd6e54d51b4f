"""LimitRanges, ResourceQuotas and autoscalers."""

import pytest

from pinnace.api.objects import Object
from pinnace.api.validation.autoscalers import check_autoscaler, check_autoscaler_update
from pinnace.api.validation.base import Report
from pinnace.api.validation.limits import check_limit_range, check_resource_quota


def limited(**item: Object | str) -> list[str]:
    report = Report()
    check_limit_range(report, {"spec": {"limits": [{"type": "Container", **item}]}})
    return [cause.text() for cause in report.causes]


def test_a_ratio_fits_between_least_and_most() -> None:
    ratio: Object = {"cpu": "3"}
    at = "spec.limits[0].maxLimitRequestRatio[cpu]"
    assert limited(max={"cpu": "4"}, min={"cpu": "1"}, maxLimitRequestRatio=ratio) == []
    assert limited(max={"cpu": "2"}, min={"cpu": "1"}, maxLimitRequestRatio=ratio) == [
        f'{at}: Invalid value: "3": ratio 3 is greater than max/min = 2.000000'
    ]
    assert limited(maxLimitRequestRatio={"cpu": "0"}) == [
        f'{at}: Invalid value: "0": ratio 0 is less than 1'
    ]


def test_scopes_apply_to_the_resources_they_can_tell_apart() -> None:
    report = Report()
    expression: Object = {"scopeName": "BestEffort", "operator": "In", "values": ["a"]}
    check_resource_quota(
        report,
        {
            "spec": {
                "hard": {"services": "1"},
                "scopes": ["Terminating", "NotTerminating"],
                "scopeSelector": {"matchExpressions": [expression]},
            }
        },
    )
    details = [cause.text().rpartition(": ")[2] for cause in report.causes]
    assert details[:3] == [
        "unsupported scope applied to resource",
        "unsupported scope applied to resource",
        "conflicting scopes",
    ]
    assert (
        report.causes[3]
        .text()
        .startswith(
            'spec.scopeSelector.matchExpressions: Invalid value: {"MatchExpressions":[{"ScopeName":'
        )
    )
    assert report.causes[4].field == "spec.scopeSelector.matchExpressions.operator"


TARGET: Object = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
CPU: Object = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
}


def scaled(**spec: object) -> list[str]:
    report = Report()
    check_autoscaler(report, {"spec": {"scaleTargetRef": TARGET, "maxReplicas": 3, **spec}})
    return [cause.text() for cause in report.causes]


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"metrics": [CPU]}, []),
        (
            {"scaleTargetRef": {"kind": "Deployment", "name": "d"}},
            [
                'spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API '
                "group"
            ],
        ),
        ({"scaleTargetRef": {"kind": "ReplicationController", "name": "d"}}, []),
        (
            {"metrics": [{"type": "Pods", **{k: v for k, v in CPU.items() if k != "type"}}]},
            [
                "spec.metrics[0].pods: Required value: must populate information for the given "
                "metric source"
            ],
        ),
        (
            {"behavior": {"scaleUp": {"policies": []}}},
            [
                "spec.behavior.scaleUp.policies: Required value: must specify at least one Policy"
            ],
        ),
    ],
)  # fmt: skip
def test_an_autoscaler_knows_what_to_scale_and_by_what(spec: Object, found: list[str]) -> None:
    assert scaled(**spec) == found


def test_a_target_that_was_wrong_may_stay_wrong() -> None:
    report = Report()
    old: Object = {"spec": {"scaleTargetRef": {"kind": "D", "name": "d"}, "maxReplicas": 3}}
    check_autoscaler_update(report, old, old)
    assert report.causes == []
