"""The rules of `flowcontrol`, in the words of an upstream server asked the same."""

from typing import Any

import pytest
from tests.api.validation.replay import GONE, told, told_of_new

from pinnace.api.objects import Object

FS: Object = {
    "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
    "kind": "FlowSchema",
    "metadata": {"name": "sample-fs"},
    "spec": {
        "priorityLevelConfiguration": {"name": "global-default"},
        "matchingPrecedence": 500,
        "distinguisherMethod": {"type": "ByUser"},
        "rules": [
            {
                "subjects": [
                    {"kind": "User", "user": {"name": "u"}},
                    {"kind": "Group", "group": {"name": "g"}},
                    {"kind": "ServiceAccount", "serviceAccount": {"namespace": "n", "name": "s"}},
                ],
                "resourceRules": [
                    {
                        "verbs": ["get"],
                        "apiGroups": ["apps"],
                        "resources": ["deployments"],
                        "clusterScope": True,
                        "namespaces": ["a"],
                    }
                ],
                "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz"]}],
            }
        ],
    },
    "status": {
        "conditions": [
            {
                "type": "Dangling",
                "status": "True",
                "lastTransitionTime": "2004-01-01T01:01:01Z",
                "reason": "R",
                "message": "m",
            }
        ]
    },
}
PLC: Object = {
    "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
    "kind": "PriorityLevelConfiguration",
    "metadata": {"name": "sample-plc"},
    "spec": {
        "type": "Limited",
        "limited": {
            "nominalConcurrencyShares": 10,
            "limitResponse": {
                "type": "Queue",
                "queuing": {"queues": 64, "handSize": 8, "queueLengthLimit": 50},
            },
            "lendablePercent": 10,
            "borrowingLimitPercent": 100,
        },
    },
    "status": {
        "conditions": [
            {
                "type": "Dangling",
                "status": "True",
                "lastTransitionTime": "2004-01-01T01:01:01Z",
                "reason": "R",
                "message": "m",
            }
        ]
    },
}
CASES: list[tuple[Object, str, str, Any, list[str]]] = [
    (
        FS,
        "create",
        "spec.matchingPrecedence",
        -1,
        ["spec.matchingPrecedence: Invalid value: -1: must be a positive value"],
    ),
    (
        FS,
        "create",
        "spec.matchingPrecedence",
        2147483647,
        ["spec.matchingPrecedence: Invalid value: 2147483647: must not be greater than 10000"],
    ),
    (
        FS,
        "create",
        "spec.rules.0.subjects",
        GONE,
        ["spec.rules[0].subjects: Required value: subjects must contain at least one value"],
    ),
    (
        FS,
        "create",
        "spec.rules.0.subjects.0.user",
        {},
        ["spec.rules[0].subjects[0].user.name: Required value"],
    ),
    (FS, "status", "status.conditions.0", {}, ["status.conditions[0].type: Required value"]),
    (
        PLC,
        "create",
        "spec",
        GONE,
        ['spec.type: Unsupported value: "": supported values: "Exempt", "Limited"'],
    ),
    (
        PLC,
        "create",
        "spec.type",
        "Bad_Value!",
        ['spec.type: Unsupported value: "Bad_Value!": supported values: "Exempt", "Limited"'],
    ),
    (
        PLC,
        "create",
        "spec.type",
        "other",
        ['spec.type: Unsupported value: "other": supported values: "Exempt", "Limited"'],
    ),
    (
        PLC,
        "create",
        "spec.limited",
        GONE,
        ["spec.limited: Required value: must not be empty when type is Limited"],
    ),
    (
        PLC,
        "create",
        "spec.limited.limitResponse.queuing.handSize",
        -1,
        ["spec.limited.limitResponse.queuing.handSize: Invalid value: -1: must be positive"],
    ),
    (
        PLC,
        "create",
        "spec.exempt",
        {"nominalConcurrencyShares": 7, "lendablePercent": 7},
        ["spec.exempt: Forbidden: must be nil if the type is Limited"],
    ),
    (PLC, "status", "status.conditions.0", {}, ["status.conditions[0].type: Required value"]),
]


@pytest.mark.parametrize(("base", "how", "path", "value", "expected"), CASES)
def test_every_broken_rule_is_told(
    base: Object, how: str, path: str, value: Any, expected: list[str]
) -> None:
    assert told(base, how, path, value) == expected


@pytest.mark.parametrize("base", [FS, PLC])
def test_what_is_right_is_accepted(base: Object) -> None:
    assert told_of_new(base) == []
