"""Rules of Workloads and PodGroups."""

import pytest

from pinnace.api.validation.base import Report
from pinnace.api.validation.podgroups import (
    check_pod_group,
    check_pod_group_update,
    check_workload,
    check_workload_update,
)

GANG = {"gang": {"minCount": 2}}


def told(check, *specs):
    report = Report()
    check(report, *({"metadata": {"name": "a"}, "spec": spec} for spec in specs))
    return [cause.text().split(": a lowercase")[0] for cause in report.causes]


def test_what_is_in_order_passes():
    ref = {"workload": {"workloadName": "w", "podGroupTemplateName": "t"}}
    topology = {"topology": [{"key": "a.b/zone"}]}
    spec = {"schedulingPolicy": GANG, "podGroupTemplateRef": ref, "schedulingConstraints": topology}
    assert told(check_pod_group, spec) == told(check_pod_group_update, spec, spec) == []
    templates = {"podGroupTemplates": [{"name": "t", "schedulingPolicy": {"basic": {}}}]}
    assert told(check_workload, templates) == []


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (
            {"schedulingPolicy": {}},
            'schedulingPolicy: Invalid value: "": must specify one of: `basic`, `gang`',
        ),
        (
            {"schedulingPolicy": {"basic": {}, **GANG}},
            'schedulingPolicy: Invalid value: "{basic, gang}": must specify exactly one of: '
            "`basic`, `gang`",
        ),
        ({"schedulingPolicy": {"gang": {}}}, "schedulingPolicy.gang.minCount: Required value"),
        (
            {"schedulingPolicy": {"gang": {"minCount": -1}}},
            "schedulingPolicy.gang.minCount: Invalid value: -1: must be greater than or equal to 1",
        ),
        (
            {"disruptionMode": "x"},
            'disruptionMode: Unsupported value: "x": supported values: "Pod", "PodGroup"',
        ),
        (
            {"schedulingConstraints": {"topology": [{"key": "a"}, {"key": "b"}]}},
            "schedulingConstraints.topology: Too many: 2: must have at most 1 item",
        ),
        (
            {"resourceClaims": [{"name": "A", "resourceClaimName": "a"}]},
            'resourceClaims[0].name: Invalid value: "A"',
        ),
        ({"priorityClassName": "A"}, 'priorityClassName: Invalid value: "A"'),
    ],
)
def test_groups_and_their_templates_are_checked_alike(more, why):
    group = {"schedulingPolicy": GANG, **more}
    assert told(check_pod_group, group) == [f"spec.{why}"]
    template = {"podGroupTemplates": [{"name": "t", **group}]}
    assert told(check_workload, template) == [f"spec.podGroupTemplates[0].{why}"]


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({}, "spec.podGroupTemplates: Required value"),
        (
            {"podGroupTemplates": [{"name": f"t{n}"} for n in range(9)]},
            "spec.podGroupTemplates: Too many: 9: must have at most 8 items",
        ),
        (
            {"podGroupTemplates": [{"schedulingPolicy": GANG}]},
            "spec.podGroupTemplates[0].name: Required value",
        ),
    ],
)
def test_workloads_have_some_named_templates(spec, why):
    assert told(check_workload, spec) == [why]


def test_neither_changes_later():
    one, two = {"schedulingPolicy": GANG}, {"schedulingPolicy": {"basic": {}}}
    assert len(told(check_pod_group_update, one, two)) == 1
    assert len(told(check_workload_update, {"podGroupTemplates": [one]}, {})) == 1
