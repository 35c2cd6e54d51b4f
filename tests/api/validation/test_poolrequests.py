"""The rules of `poolrequests`, in the words of an upstream server asked the same."""

from typing import Any

import pytest
from tests.api.validation.replay import GONE, told, told_of_new

from pinnace.api.objects import Object

RPSR: Object = {
    "apiVersion": "resource.k8s.io/v1alpha3",
    "kind": "ResourcePoolStatusRequest",
    "metadata": {"name": "sample-rpsr"},
    "spec": {"driver": "d.example.com", "poolName": "p", "limit": 3},
    "status": {
        "poolCount": 1,
        "pools": [
            {
                "driver": "d.example.com",
                "poolName": "p",
                "generation": 1,
                "resourceSliceCount": 1,
                "totalDevices": 4,
                "allocatedDevices": 1,
                "availableDevices": 2,
                "unavailableDevices": 1,
                "nodeName": "n",
            }
        ],
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "lastTransitionTime": "2004-01-01T01:01:01Z",
                "reason": "Because",
                "message": "m",
                "observedGeneration": 1,
            }
        ],
    },
}
CASES: list[tuple[Object, str, str, Any, list[str]]] = [
    (RPSR, "create", "spec", GONE, ["spec.driver: Required value"]),
    (
        RPSR,
        "create",
        "spec.poolName",
        "",
        ['spec.poolName: Invalid value: "": segment 0: must not be empty'],
    ),
    (
        RPSR,
        "create",
        "spec.limit",
        -1,
        ["spec.limit: Invalid value: -1: must be greater than or equal to 1"],
    ),
    (
        RPSR,
        "create",
        "spec.limit",
        0,
        ["spec.limit: Invalid value: 0: must be greater than or equal to 1"],
    ),
    (
        RPSR,
        "create",
        "spec.limit",
        2147483647,
        ["spec.limit: Invalid value: 2147483647: must be less than or equal to 1000"],
    ),
    (RPSR, "update", "spec", GONE, ["spec: Invalid value: null: field is immutable"]),
    (RPSR, "status", "status", GONE, ["status: Invalid value: null: field is immutable"]),
]


@pytest.mark.parametrize(("base", "how", "path", "value", "expected"), CASES)
def test_every_broken_rule_is_told(
    base: Object, how: str, path: str, value: Any, expected: list[str]
) -> None:
    assert told(base, how, path, value) == expected


@pytest.mark.parametrize("base", [RPSR])
def test_what_is_right_is_accepted(base: Object) -> None:
    assert told_of_new(base) == []
