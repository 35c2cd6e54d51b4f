"""The rules of `leases`, in the words of an upstream server asked the same."""

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
LEASE: Object = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {"name": "sample-lease", "namespace": "default"},
    "spec": {
        "holderIdentity": "h",
        "leaseDurationSeconds": 10,
        "acquireTime": "2004-01-01T01:01:01.000000Z",
        "renewTime": "2004-01-01T01:01:01.000000Z",
        "leaseTransitions": 1,
    },
}
LEASECAND_V1BETA1: Object = {
    "apiVersion": "coordination.k8s.io/v1beta1",
    "kind": "LeaseCandidate",
    "metadata": {"name": "sample-lc", "namespace": "default"},
    "spec": {
        "leaseName": "l",
        "pingTime": "2004-01-01T01:01:01.000000Z",
        "renewTime": "2004-01-01T01:01:01.000000Z",
        "binaryVersion": "1.36.0",
        "emulationVersion": "1.35.0",
        "strategy": "OldestEmulationVersion",
    },
}
CASES: list[tuple[Object, str, str, Any, list[str]]] = [
    (
        LEASE,
        "create",
        "spec.leaseDurationSeconds",
        -1,
        ["spec.leaseDurationSeconds: Invalid value: -1: must be greater than 0"],
    ),
    (
        LEASE,
        "create",
        "spec.leaseDurationSeconds",
        0,
        ["spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"],
    ),
    (
        LEASE,
        "create",
        "spec.leaseTransitions",
        -1,
        ["spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"],
    ),
    (LEASECAND_V1BETA1, "create", "spec.leaseName", GONE, ["spec.leaseName: Required value"]),
    (
        LEASECAND_V1BETA1,
        "update",
        "spec.leaseName",
        GONE,
        ["spec.leaseName: Required value", 'spec.leaseName: Invalid value: "": field is immutable'],
    ),
    (
        LEASECAND_V1BETA1,
        "update",
        "spec.leaseName",
        "Bad_Value!",
        ['spec.leaseName: Invalid value: "Bad_Value!": field is immutable'],
    ),
    (
        LEASECAND_V1BETA1,
        "update",
        "spec.leaseName",
        "other",
        ['spec.leaseName: Invalid value: "other": field is immutable'],
    ),
    (
        LEASECAND_V1BETA1,
        "update",
        "spec.leaseName",
        "other.example.com/x",
        ['spec.leaseName: Invalid value: "other.example.com/x": field is immutable'],
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


@pytest.mark.parametrize("base", [LEASE, LEASECAND_V1BETA1])
def test_what_is_right_is_accepted(base: Object) -> None:
    row = ROWS[base["apiVersion"], base["kind"]]
    obj = copy.deepcopy(base)
    apply_defaults(row, obj)
    assert validate_create(row, obj) == []
