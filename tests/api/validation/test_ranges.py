"""The rules of `ranges`, in the words of an upstream server asked the same."""

from typing import Any

import pytest
from tests.api.validation.replay import GONE, told, told_of_new

from pinnace.api.objects import Object

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


@pytest.mark.parametrize(("base", "how", "path", "value", "expected"), CASES)
def test_every_broken_rule_is_told(
    base: Object, how: str, path: str, value: Any, expected: list[str]
) -> None:
    assert told(base, how, path, value) == expected


@pytest.mark.parametrize("base", [IP_V1, SVCCIDR_V1, INGCLASS])
def test_what_is_right_is_accepted(base: Object) -> None:
    assert told_of_new(base) == []
