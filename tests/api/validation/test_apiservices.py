"""The rules of `apiservices`, in the words of an upstream server asked the same."""

from typing import Any

import pytest
from tests.api.validation.replay import GONE, told, told_of_new

from pinnace.api.objects import Object

APISVC: Object = {
    "apiVersion": "apiregistration.k8s.io/v1",
    "kind": "APIService",
    "metadata": {"name": "v1.sample.example.com"},
    "spec": {
        "service": {"name": "s", "namespace": "n", "port": 443},
        "group": "sample.example.com",
        "version": "v1",
        "caBundle": "YQ==",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
    },
    "status": {
        "conditions": [
            {
                "type": "Available",
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
        APISVC,
        "create",
        "spec.service",
        GONE,
        ['spec.caBundle: Invalid value: "1 bytes": local APIServices may not have a caBundle'],
    ),
    (
        APISVC,
        "create",
        "spec.service",
        {},
        ["spec.service.namespace: Required value", "spec.service.name: Required value"],
    ),
    (APISVC, "create", "spec.service.namespace", GONE, ["spec.service.namespace: Required value"]),
    (
        APISVC,
        "create",
        "spec.groupPriorityMinimum",
        GONE,
        ["spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000"],
    ),
    (
        APISVC,
        "create",
        "spec.groupPriorityMinimum",
        -1,
        ["spec.groupPriorityMinimum: Invalid value: -1: must be positive and less than 20000"],
    ),
    (
        APISVC,
        "create",
        "spec.versionPriority",
        GONE,
        ["spec.versionPriority: Invalid value: 0: must be positive and less than 1000"],
    ),
    (
        APISVC,
        "create",
        "spec.versionPriority",
        -1,
        ["spec.versionPriority: Invalid value: -1: must be positive and less than 1000"],
    ),
]


@pytest.mark.parametrize(("base", "how", "path", "value", "expected"), CASES)
def test_every_broken_rule_is_told(
    base: Object, how: str, path: str, value: Any, expected: list[str]
) -> None:
    assert told(base, how, path, value) == expected


@pytest.mark.parametrize("base", [APISVC])
def test_what_is_right_is_accepted(base: Object) -> None:
    assert told_of_new(base) == []
