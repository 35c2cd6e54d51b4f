"""The rules of `storageversions`, in the words of an upstream server asked the same."""

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


@pytest.mark.parametrize("base", [SV, SVM])
def test_what_is_right_is_accepted(base: Object) -> None:
    row = ROWS[base["apiVersion"], base["kind"]]
    obj = copy.deepcopy(base)
    apply_defaults(row, obj)
    assert validate_create(row, obj) == []
