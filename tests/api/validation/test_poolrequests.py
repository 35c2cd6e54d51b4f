"""The rules of `poolrequests`, in the words of an upstream server asked the same."""

import copy
from typing import Any

import pytest

from pinnace.api.defaults.table import apply_defaults
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import Object
from pinnace.api.validation.table import (
    validate_create,
    validate_status_update,
    validate_update,
)

GONE: Any = object()
ROWS = {(row.group_version, row.kind): row for row in RESOURCES}
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


def changed(obj: Object, path: str, value: Any) -> Object:
    made = copy.deepcopy(obj)
    here: Any = made
    *parents, last = path.split(".")
    for key in parents:
        here = here[int(key) if isinstance(here, list) else key]
    if value is GONE:
        del here[last]
    else:
        here[int(last) if isinstance(here, list) else last] = value
    return made


@pytest.mark.parametrize(("base", "how", "path", "value", "expected"), CASES)
def test_every_broken_rule_is_told(
    base: Object, how: str, path: str, value: Any, expected: list[str]
) -> None:
    row = ROWS[base["apiVersion"], base["kind"]]
    old, new = copy.deepcopy(base), changed(base, path, value)
    apply_defaults(row, old)
    apply_defaults(row, new)
    if how == "create":
        causes = validate_create(row, new)
    elif how == "update":
        causes = validate_update(row, new, old)
    else:
        causes = validate_status_update(row, new, old)
    assert [cause.text() for cause in causes] == expected


@pytest.mark.parametrize("base", [RPSR])
def test_what_is_right_is_accepted(base: Object) -> None:
    row = ROWS[base["apiVersion"], base["kind"]]
    obj = copy.deepcopy(base)
    apply_defaults(row, obj)
    assert validate_create(row, obj) == []
