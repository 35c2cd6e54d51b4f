"""The rules of `devices`, in the words of an upstream server asked the same."""

from typing import Any

import pytest
from tests.api.validation.replay import GONE, told, told_of_new

from pinnace.api.objects import Object

CLAIM_V1: Object = {
    "apiVersion": "resource.k8s.io/v1",
    "kind": "ResourceClaim",
    "metadata": {"name": "sample-claim", "namespace": "default"},
    "spec": {
        "devices": {
            "requests": [
                {
                    "name": "r1",
                    "exactly": {
                        "deviceClassName": "c",
                        "selectors": [{"cel": {"expression": "true"}}],
                        "allocationMode": "ExactCount",
                        "count": 2,
                        "tolerations": [
                            {
                                "key": "k",
                                "operator": "Equal",
                                "value": "v",
                                "effect": "NoExecute",
                                "tolerationSeconds": 5,
                            }
                        ],
                        "capacity": {"requests": {"memory": "1Gi"}},
                    },
                },
                {
                    "name": "r2",
                    "firstAvailable": [
                        {
                            "name": "s1",
                            "deviceClassName": "c",
                            "selectors": [{"cel": {"expression": "true"}}],
                            "allocationMode": "ExactCount",
                            "count": 2,
                            "tolerations": [
                                {
                                    "key": "k",
                                    "operator": "Equal",
                                    "value": "v",
                                    "effect": "NoExecute",
                                    "tolerationSeconds": 5,
                                }
                            ],
                            "capacity": {"requests": {"memory": "1Gi"}},
                        },
                        {"name": "s2", "deviceClassName": "c", "allocationMode": "All"},
                    ],
                },
            ],
            "constraints": [
                {"requests": ["r1", "r2/s1"], "matchAttribute": "d.example.com/a"},
                {"requests": ["r2"], "distinctAttribute": "d.example.com/b"},
            ],
            "config": [
                {
                    "requests": ["r1"],
                    "opaque": {
                        "driver": "d.example.com",
                        "parameters": {"apiVersion": "x/v1", "kind": "K", "a": 1},
                    },
                }
            ],
        }
    },
    "status": {
        "allocation": {
            "devices": {
                "results": [
                    {
                        "request": "r1",
                        "driver": "d.example.com",
                        "pool": "p",
                        "device": "dev",
                        "tolerations": [
                            {
                                "key": "k",
                                "operator": "Equal",
                                "value": "v",
                                "effect": "NoExecute",
                                "tolerationSeconds": 5,
                            }
                        ],
                        "bindingConditions": ["bc"],
                        "bindingFailureConditions": ["bfc"],
                        "shareID": "8c6f3b6b-5d55-4f5a-8f4c-3f8e1a1b2c3d",
                        "consumedCapacity": {"memory": "1Gi"},
                    },
                    {"request": "r2/s1", "driver": "d.example.com", "pool": "p", "device": "dev2"},
                ],
                "config": [
                    {
                        "source": "FromClass",
                        "requests": ["r1"],
                        "opaque": {
                            "driver": "d.example.com",
                            "parameters": {"apiVersion": "x/v1", "kind": "K", "a": 1},
                        },
                    }
                ],
            },
            "nodeSelector": {
                "nodeSelectorTerms": [
                    {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}
                ]
            },
            "allocationTimestamp": "2005-01-01T01:01:01Z",
        },
        "reservedFor": [{"resource": "pods", "name": "p", "uid": "u"}],
        "devices": [
            {
                "driver": "d.example.com",
                "pool": "p",
                "device": "dev",
                "shareID": "8c6f3b6b-5d55-4f5a-8f4c-3f8e1a1b2c3d",
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
                "data": {"a": 1},
                "networkData": {
                    "interfaceName": "eth0",
                    "ips": ["10.0.0.1/24"],
                    "hardwareAddress": "aa:bb",
                },
            }
        ],
    },
}
CLAIMTPL_V1BETA1: Object = {
    "apiVersion": "resource.k8s.io/v1beta1",
    "kind": "ResourceClaimTemplate",
    "metadata": {"name": "sample-tpl", "namespace": "default"},
    "spec": {
        "metadata": {"labels": {"a": "b"}, "annotations": {"x": "y"}},
        "spec": {
            "devices": {
                "requests": [
                    {
                        "name": "r1",
                        "deviceClassName": "c",
                        "selectors": [{"cel": {"expression": "true"}}],
                        "allocationMode": "ExactCount",
                        "count": 2,
                        "tolerations": [
                            {
                                "key": "k",
                                "operator": "Equal",
                                "value": "v",
                                "effect": "NoExecute",
                                "tolerationSeconds": 5,
                            }
                        ],
                        "capacity": {"requests": {"memory": "1Gi"}},
                    },
                    {
                        "name": "r2",
                        "firstAvailable": [
                            {
                                "name": "s1",
                                "deviceClassName": "c",
                                "selectors": [{"cel": {"expression": "true"}}],
                                "allocationMode": "ExactCount",
                                "count": 2,
                                "tolerations": [
                                    {
                                        "key": "k",
                                        "operator": "Equal",
                                        "value": "v",
                                        "effect": "NoExecute",
                                        "tolerationSeconds": 5,
                                    }
                                ],
                                "capacity": {"requests": {"memory": "1Gi"}},
                            },
                            {"name": "s2", "deviceClassName": "c", "allocationMode": "All"},
                        ],
                    },
                ],
                "constraints": [
                    {"requests": ["r1", "r2/s1"], "matchAttribute": "d.example.com/a"},
                    {"requests": ["r2"], "distinctAttribute": "d.example.com/b"},
                ],
                "config": [
                    {
                        "requests": ["r1"],
                        "opaque": {
                            "driver": "d.example.com",
                            "parameters": {"apiVersion": "x/v1", "kind": "K", "a": 1},
                        },
                    }
                ],
            }
        },
    },
}
DEVCLASS_V1: Object = {
    "apiVersion": "resource.k8s.io/v1",
    "kind": "DeviceClass",
    "metadata": {"name": "sample-class"},
    "spec": {
        "selectors": [{"cel": {"expression": "true"}}],
        "config": [
            {
                "opaque": {
                    "driver": "d.example.com",
                    "parameters": {"apiVersion": "x/v1", "kind": "K", "a": 1},
                }
            }
        ],
        "extendedResourceName": "example.com/gpu",
    },
}
CASES: list[tuple[Object, str, str, Any, list[str]]] = [
    (
        CLAIM_V1,
        "create",
        "spec.devices.requests.0.exactly",
        {},
        ["spec.devices.requests[0].exactly.deviceClassName: Required value"],
    ),
    (
        CLAIM_V1,
        "create",
        "spec.devices.constraints.0.requests",
        ["r1", "r2/s1", "r1"],
        ['spec.devices.constraints[0].requests[2]: Duplicate value: "r1"'],
    ),
    (
        CLAIM_V1,
        "create",
        "spec.devices.constraints.1.requests",
        ["r2", "r2"],
        ['spec.devices.constraints[1].requests[1]: Duplicate value: "r2"'],
    ),
    (
        CLAIM_V1,
        "create",
        "spec.devices.config.0.opaque",
        {},
        [
            "spec.devices.config[0].opaque.driver: Required value",
            "spec.devices.config[0].opaque.parameters: Required value",
        ],
    ),
    (
        CLAIM_V1,
        "status",
        "status.reservedFor.0.resource",
        GONE,
        ["status.reservedFor[0].resource: Required value"],
    ),
    (
        CLAIM_V1,
        "status",
        "status.devices.0.networkData.ips",
        ["10.0.0.1/24", "10.0.0.1/24"],
        ['status.devices[0].networkData.ips[1]: Duplicate value: "10.0.0.1/24"'],
    ),
    (
        CLAIMTPL_V1BETA1,
        "create",
        "spec.spec.devices.requests.0.deviceClassName",
        GONE,
        ["spec.spec.devices.requests[0].exactly.deviceClassName: Required value"],
    ),
    (
        CLAIMTPL_V1BETA1,
        "create",
        "spec.spec.devices.constraints.0.requests",
        ["r1", "r2/s1", "r1"],
        ['spec.spec.devices.constraints[0].requests[2]: Duplicate value: "r1"'],
    ),
    (
        CLAIMTPL_V1BETA1,
        "create",
        "spec.spec.devices.constraints.1.requests",
        ["r2", "r2"],
        ['spec.spec.devices.constraints[1].requests[1]: Duplicate value: "r2"'],
    ),
    (
        CLAIMTPL_V1BETA1,
        "create",
        "spec.spec.devices.config.0.opaque",
        {},
        [
            "spec.spec.devices.config[0].opaque.driver: Required value",
            "spec.spec.devices.config[0].opaque.parameters: Required value",
        ],
    ),
    (
        DEVCLASS_V1,
        "create",
        "spec.selectors",
        [{"cel": {"expression": "true"}}, {}],
        ["spec.selectors[1].cel: Required value"],
    ),
    (
        DEVCLASS_V1,
        "create",
        "spec.config.0.opaque",
        {},
        [
            "spec.config[0].opaque.driver: Required value",
            "spec.config[0].opaque.parameters: Required value",
        ],
    ),
]


@pytest.mark.parametrize(("base", "how", "path", "value", "expected"), CASES)
def test_every_broken_rule_is_told(
    base: Object, how: str, path: str, value: Any, expected: list[str]
) -> None:
    assert told(base, how, path, value) == expected


@pytest.mark.parametrize("base", [CLAIM_V1, CLAIMTPL_V1BETA1, DEVCLASS_V1])
def test_what_is_right_is_accepted(base: Object) -> None:
    assert told_of_new(base) == []
