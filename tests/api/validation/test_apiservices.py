"""The rules of `apiservices`, in the words of an upstream server asked the same."""

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


@pytest.mark.parametrize("base", [APISVC])
def test_what_is_right_is_accepted(base: Object) -> None:
    row = ROWS[base["apiVersion"], base["kind"]]
    obj = copy.deepcopy(base)
    apply_defaults(row, obj)
    assert validate_create(row, obj) == []
