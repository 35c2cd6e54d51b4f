"""The rules of `storageversions`, in the words of an upstream server asked the same."""

from typing import Any

import pytest
from tests.api.validation.replay import GONE, told, told_of_new

from pinnace.api.objects import Object

SV: Object = {
    "apiVersion": "internal.apiserver.k8s.io/v1alpha1",
    "kind": "StorageVersion",
    "metadata": {"name": "sample.example.com.foos"},
    "spec": {},
    "status": {
        "storageVersions": [
            {
                "apiServerID": "a",
                "encodingVersion": "v1",
                "decodableVersions": ["v1", "v2"],
                "servedVersions": ["v1"],
            }
        ],
        "commonEncodingVersion": "v1",
        "conditions": [
            {
                "type": "AllEncodingVersionsEqual",
                "status": "True",
                "lastTransitionTime": "2004-01-01T01:01:01Z",
                "reason": "R",
                "message": "m",
                "observedGeneration": 1,
            }
        ],
    },
}
SVM: Object = {
    "apiVersion": "storagemigration.k8s.io/v1beta1",
    "kind": "StorageVersionMigration",
    "metadata": {"name": "sample-svm"},
    "spec": {"resource": {"group": "apps", "resource": "deployments"}},
    "status": {
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
        "resourceVersion": "5",
    },
}
CASES: list[tuple[Object, str, str, Any, list[str]]] = [
    (SV, "status", "status.conditions.0.reason", GONE, ["status[0].reason: Required value"]),
]


@pytest.mark.parametrize(("base", "how", "path", "value", "expected"), CASES)
def test_every_broken_rule_is_told(
    base: Object, how: str, path: str, value: Any, expected: list[str]
) -> None:
    assert told(base, how, path, value) == expected


@pytest.mark.parametrize("base", [SV, SVM])
def test_what_is_right_is_accepted(base: Object) -> None:
    assert told_of_new(base) == []
