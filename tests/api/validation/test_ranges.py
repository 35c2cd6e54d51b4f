"""The rules of `ranges`, in the words of an upstream server asked the same."""

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
IP_V1: Object = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "IPAddress",
    "metadata": {"name": "10.250.0.77"},
    "spec": {"parentRef": {"group": "apps", "resource": "services", "namespace": "n", "name": "s"}},
}
SVCCIDR_V1: Object = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "ServiceCIDR",
    "metadata": {"name": "sample-cidr"},
    "spec": {"cidrs": ["10.251.0.0/24", "fd00:5::/112"]},
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
        ]
    },
}
INGCLASS: Object = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "IngressClass",
    "metadata": {"name": "sample-ic"},
    "spec": {
        "controller": "example.com/c",
        "parameters": {
            "apiGroup": "x.example.com",
            "kind": "K",
            "name": "n",
            "scope": "Namespace",
            "namespace": "ns",
        },
    },
}
CASES: list[tuple[Object, str, str, Any, list[str]]] = [
    (IP_V1, "create", "spec", GONE, ["spec.parentRef: Required value"]),
    (
        IP_V1,
        "create",
        "spec.parentRef",
        {},
        ["spec.parentRef.resource: Required value", "spec.parentRef.name: Required value"],
    ),
    (
        IP_V1,
        "create",
        "spec.parentRef.resource",
        "other.example.com/x",
        ["spec.parentRef.resource: Invalid value: \"other.example.com/x\": may not contain '/'"],
    ),
    (
        IP_V1,
        "update",
        "spec",
        GONE,
        [
            "spec.parentRef: Required value",
            "spec.parentRef: Invalid value: null: field is immutable",
        ],
    ),
    (
        SVCCIDR_V1,
        "create",
        "spec",
        GONE,
        ["spec.cidrs: Required value: at least one CIDR required"],
    ),
    (SVCCIDR_V1, "update", "spec", GONE, ["spec.cidrs: Invalid value: null: field is immutable"]),
    (SVCCIDR_V1, "update", "spec.cidrs", [], ["spec.cidrs: Invalid value: []: field is immutable"]),
    (
        SVCCIDR_V1,
        "update",
        "spec.cidrs.0",
        "",
        ['spec.cidrs[0]: Invalid value: "": field is immutable'],
    ),
    (
        SVCCIDR_V1,
        "update",
        "spec.cidrs.0",
        "Bad_Value!",
        ['spec.cidrs[0]: Invalid value: "Bad_Value!": field is immutable'],
    ),
    (
        SVCCIDR_V1,
        "update",
        "spec.cidrs.0",
        "other",
        ['spec.cidrs[0]: Invalid value: "other": field is immutable'],
    ),
    (
        SVCCIDR_V1,
        "update",
        "spec.cidrs.0",
        "other.example.com/x",
        ['spec.cidrs[0]: Invalid value: "other.example.com/x": field is immutable'],
    ),
    (INGCLASS, "create", "spec", GONE, ["spec.controller: Required value"]),
    (
        INGCLASS,
        "create",
        "spec.parameters",
        {},
        ["spec.parameters.kind: Required value", "spec.parameters.name: Required value"],
    ),
    (
        INGCLASS,
        "create",
        "spec.parameters.kind",
        "other.example.com/x",
        ["spec.parameters.kind: Invalid value: \"other.example.com/x\": may not contain '/'"],
    ),
    (
        INGCLASS,
        "create",
        "spec.parameters.scope",
        GONE,
        ["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"],
    ),
    (
        INGCLASS,
        "update",
        "spec.controller",
        "other.example.com/x",
        ['spec.controller: Invalid value: "other.example.com/x": field is immutable'],
    ),
    (
        INGCLASS,
        "update",
        "spec",
        GONE,
        [
            'spec.controller: Invalid value: "": field is immutable',
            "spec.controller: Required value",
        ],
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


@pytest.mark.parametrize("base", [IP_V1, SVCCIDR_V1, INGCLASS])
def test_what_is_right_is_accepted(base: Object) -> None:
    row = ROWS[base["apiVersion"], base["kind"]]
    obj = copy.deepcopy(base)
    apply_defaults(row, obj)
    assert validate_create(row, obj) == []
