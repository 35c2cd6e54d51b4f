"""Jobs: policies, indexes, and a status that does not go back."""

import re

import pytest

from pinnace.api.errors import Cause
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report
from pinnace.api.validation.jobpolicies import (
    check_failure_policy,
    check_success_policy,
    count_indexes,
)
from pinnace.api.validation.jobs import check_job_update
from pinnace.api.validation.jobstatus import check_job_status

POD: Object = {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"}
SPEC: Object = {"completions": 3, "template": {"spec": POD}}


def texts(causes: list[Cause]) -> list[str]:
    return [cause.text() for cause in causes]


@pytest.mark.parametrize(("indexes", "count"), [("", 0), ("0", 1), ("0-2", 3), ("0,2-4", 4)])
def test_indexes_are_counted(indexes: str, count: int) -> None:
    assert count_indexes(indexes, 5) == count


@pytest.mark.parametrize(
    ("indexes", "why"),
    [
        ("a", 'cannot convert string to integer for index: "a"'),
        ("7", 'too large index: "7"'),
        ("2-1", "non-increasing order, previous: 2, current: 1"),
        ("2,1", "non-increasing order, previous: 2, current: 1"),
        (
            "1-2-3",
            'the fragment "1-2-3" violates the requirement that an index interval can have at most '
            "two parts separated by '-'",
        ),
    ],
)
def test_wrong_indexes_are_told_of_as_upstream_does(indexes: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        count_indexes(indexes, 5)


def test_a_rule_about_exit_codes_names_a_container_of_the_pod() -> None:
    report = Report()
    codes = {"containerName": "d", "operator": "In", "values": [2, 1]}
    policy: Object = {"rules": [{"action": "FailIndex", "onExitCodes": codes}]}
    check_failure_policy(report, SPEC, policy, "p")
    assert texts(report.causes) == [
        'p.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be '
        "set",
        'p.rules[0].onExitCodes.containerName: Invalid value: "d": must be one of the container or '
        "initContainer names in the pod template",
        "p.rules[0].onExitCodes.values: Invalid value: [2,1]: must be ordered",
    ]


def test_success_asks_for_no_more_indexes_than_there_are() -> None:
    report = Report()
    policy: Object = {"rules": [{"succeededIndexes": "0-1", "succeededCount": 4}, {}]}
    check_success_policy(report, SPEC, policy, "p")
    assert texts(report.causes) == [
        "p.rules[0].succeededCount: Invalid value: 4: must be less than or equal to 3 (the number "
        "of specified completions)",
        "p.rules[0].succeededCount: Invalid value: 4: must be less than or equal to 2 (the number "
        "of indexes in the specified succeededIndexes field)",
        "p.rules[1]: Required value: at least one of succeededCount or succeededIndexes must be "
        "specified",
    ]


def true(*kinds: str) -> list[Object]:
    return [{"type": kind, "status": "True"} for kind in kinds]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (
            {},
            {"conditions": true("Complete")},
            [
                "status.completionTime: Required value: completionTime is required for Complete "
                "jobs",
                "status.conditions: Invalid value: cannot set Complete=True condition without the "
                "SuccessCriteriaMet=true condition",
                "status.startTime: Required value: startTime is required for finished job",
            ],
        ),
        (
            {"conditions": true("FailureTarget"), "failed": 2},
            {"failed": 1},
            [
                "status.conditions: Invalid value: cannot disable the terminal FailureTarget=True "
                "condition",
                "status.failed: Invalid value: 1: cannot decrease the failed counter",
            ],
        ),
        ({"active": 1, "ready": 2}, {"active": 1, "ready": 2}, []),
        (
            {},
            {"active": 1, "ready": 2},
            ["status.ready: Invalid value: 2: cannot set more ready pods than active"],
        ),
    ],
)
def test_a_status_does_not_go_back(before: Object, after: Object, found: list[str]) -> None:
    report = Report()
    check_job_status(report, {"spec": SPEC, "status": after}, {"spec": SPEC, "status": before})
    assert texts(report.causes) == found


def test_a_template_that_is_changed_is_shown_as_the_server_has_it() -> None:
    report = Report()
    old: Object = {"metadata": {"name": "a"}, "spec": {**SPEC, "manualSelector": True}}
    other: Object = {**POD, "containers": [{"name": "c", "image": "j"}]}
    new: Object = {**old, "spec": {**old["spec"], "template": {"spec": other}}}
    check_job_update(report, new, old)
    told = [text for text in texts(report.causes) if text.startswith("spec.template: ")]
    assert len(told) == 1
    assert told[0].startswith('spec.template: Invalid value: {"Spec":{"Volumes":null,')
    assert told[0].endswith(": field is immutable")
