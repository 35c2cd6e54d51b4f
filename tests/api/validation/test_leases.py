"""The rules of `leases`, in the words of an upstream server asked the same."""

from typing import Any

import pytest
from tests.api.validation.replay import GONE, told, told_of_new

from pinnace.api.objects import Object

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


@pytest.mark.parametrize(("base", "how", "path", "value", "expected"), CASES)
def test_every_broken_rule_is_told(
    base: Object, how: str, path: str, value: Any, expected: list[str]
) -> None:
    assert told(base, how, path, value) == expected


@pytest.mark.parametrize("base", [LEASE, LEASECAND_V1BETA1])
def test_what_is_right_is_accepted(base: Object) -> None:
    assert told_of_new(base) == []
