"""The rules of `slices`, in the words of an upstream server asked the same."""

from typing import Any

import pytest
from tests.api.validation.replay import GONE, told, told_of_new

from pinnace.api.objects import Object

SLICE_V1BETA1: Object = {
    "apiVersion": "resource.k8s.io/v1beta1",
    "kind": "ResourceSlice",
    "metadata": {"name": "sample-slice"},
    "spec": {
        "driver": "d.example.com",
        "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1},
        "nodeName": "n",
        "devices": [
            {
                "name": "d1",
                "basic": {
                    "attributes": {
                        "a": {"string": "x"},
                        "d.example.com/b": {"int": 3},
                        "ver": {"version": "1.2.3"},
                        "bo": {"bool": True},
                    },
                    "capacity": {"memory": {"value": "10Gi"}},
                    "taints": [
                        {
                            "key": "k",
                            "value": "v",
                            "effect": "NoSchedule",
                            "timeAdded": "2004-01-01T01:01:01Z",
                        }
                    ],
                    "bindsToNode": True,
                    "bindingConditions": ["bc"],
                    "bindingFailureConditions": ["bfc"],
                    "allowMultipleAllocations": True,
                },
            },
            {
                "name": "d2",
                "basic": {
                    "capacity": {
                        "memory": {
                            "value": "10Gi",
                            "requestPolicy": {
                                "default": "1Gi",
                                "validRange": {"min": "1Gi", "max": "4Gi", "step": "1Gi"},
                            },
                        },
                        "z": {
                            "value": "8",
                            "requestPolicy": {"default": "2", "validValues": ["2", "4"]},
                        },
                    },
                    "allowMultipleAllocations": True,
                },
            },
        ],
    },
}
SLICEPD_V1: Object = {
    "apiVersion": "resource.k8s.io/v1",
    "kind": "ResourceSlice",
    "metadata": {"name": "sample-slicepd"},
    "spec": {
        "driver": "d.example.com",
        "pool": {"name": "p", "generation": 1, "resourceSliceCount": 2},
        "perDeviceNodeSelection": True,
        "devices": [
            {
                "name": "d1",
                "consumesCounters": [{"counterSet": "c1", "counters": {"m": {"value": "1"}}}],
                "nodeSelector": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}]}
                    ]
                },
            }
        ],
    },
}
SLICECNT_V1: Object = {
    "apiVersion": "resource.k8s.io/v1",
    "kind": "ResourceSlice",
    "metadata": {"name": "sample-slicecnt"},
    "spec": {
        "driver": "d.example.com",
        "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1},
        "allNodes": True,
        "sharedCounters": [{"name": "c1", "counters": {"m": {"value": "4"}}}],
    },
}
DTR_V1BETA2: Object = {
    "apiVersion": "resource.k8s.io/v1beta2",
    "kind": "DeviceTaintRule",
    "metadata": {"name": "sample-dtr"},
    "spec": {
        "deviceSelector": {"driver": "d.example.com", "pool": "p", "device": "d"},
        "taint": {
            "key": "k",
            "value": "v",
            "effect": "NoExecute",
            "timeAdded": "2004-01-01T01:01:01Z",
        },
    },
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
CASES: list[tuple[Object, str, str, Any, list[str]]] = [
    (SLICE_V1BETA1, "create", "spec.driver", GONE, ["spec.driver: Required value"]),
    (
        SLICE_V1BETA1,
        "create",
        "spec.pool",
        GONE,
        [
            "spec.pool.name: Required value",
            "spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero",
        ],
    ),
    (
        SLICE_V1BETA1,
        "create",
        "spec.pool.generation",
        -1,
        ["spec.pool.generation: Invalid value: -1: must be greater than or equal to zero"],
    ),
    (
        SLICE_V1BETA1,
        "create",
        "spec.pool.resourceSliceCount",
        GONE,
        ["spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero"],
    ),
    (
        SLICE_V1BETA1,
        "create",
        "spec.pool.resourceSliceCount",
        -1,
        ["spec.pool.resourceSliceCount: Invalid value: -1: must be greater than zero"],
    ),
    (
        SLICE_V1BETA1,
        "create",
        "spec.devices.0.basic.bindingConditions",
        ["bc", "bc"],
        ['spec.devices[0].bindingConditions[1]: Duplicate value: "bc"'],
    ),
    (
        SLICE_V1BETA1,
        "create",
        "spec.devices.0.basic.bindingFailureConditions",
        ["bfc", "bfc"],
        ['spec.devices[0].bindingFailureConditions[1]: Duplicate value: "bfc"'],
    ),
    (
        SLICE_V1BETA1,
        "update",
        "spec.driver",
        GONE,
        ["spec.driver: Required value", 'spec.driver: Invalid value: "": field is immutable'],
    ),
    (
        SLICE_V1BETA1,
        "update",
        "spec.driver",
        "other",
        ['spec.driver: Invalid value: "other": field is immutable'],
    ),
    (
        SLICE_V1BETA1,
        "update",
        "spec.pool.name",
        "other.example.com/x",
        ['spec.pool.name: Invalid value: "other.example.com/x": field is immutable'],
    ),
    (SLICEPD_V1, "create", "spec.driver", GONE, ["spec.driver: Required value"]),
    (
        SLICEPD_V1,
        "create",
        "spec.pool",
        GONE,
        [
            "spec.pool.name: Required value",
            "spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero",
        ],
    ),
    (
        SLICEPD_V1,
        "create",
        "spec.pool.generation",
        -1,
        ["spec.pool.generation: Invalid value: -1: must be greater than or equal to zero"],
    ),
    (
        SLICEPD_V1,
        "create",
        "spec.pool.resourceSliceCount",
        GONE,
        ["spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero"],
    ),
    (
        SLICEPD_V1,
        "create",
        "spec.pool.resourceSliceCount",
        -1,
        ["spec.pool.resourceSliceCount: Invalid value: -1: must be greater than zero"],
    ),
    (
        SLICEPD_V1,
        "create",
        "spec.allNodes",
        False,
        ["spec.allNodes: Invalid value: false: must be either unset or set to true"],
    ),
    (
        SLICEPD_V1,
        "create",
        "spec.devices.0.consumesCounters.0",
        {},
        [
            "spec.devices[0].consumesCounters[0].counterSet: Required value",
            "spec.devices[0].consumesCounters[0].counters: Required value",
        ],
    ),
    (
        SLICEPD_V1,
        "create",
        "spec.devices.0.nodeName",
        "",
        ['spec.devices[0].nodeName: Invalid value: "": must not be empty'],
    ),
    (
        SLICEPD_V1,
        "update",
        "spec.driver",
        GONE,
        ["spec.driver: Required value", 'spec.driver: Invalid value: "": field is immutable'],
    ),
    (
        SLICEPD_V1,
        "update",
        "spec.driver",
        "other",
        ['spec.driver: Invalid value: "other": field is immutable'],
    ),
    (
        SLICEPD_V1,
        "update",
        "spec.pool.name",
        "other.example.com/x",
        ['spec.pool.name: Invalid value: "other.example.com/x": field is immutable'],
    ),
    (SLICECNT_V1, "create", "spec.driver", GONE, ["spec.driver: Required value"]),
    (
        SLICECNT_V1,
        "create",
        "spec.pool",
        GONE,
        [
            "spec.pool.name: Required value",
            "spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero",
        ],
    ),
    (
        SLICECNT_V1,
        "create",
        "spec.pool.generation",
        -1,
        ["spec.pool.generation: Invalid value: -1: must be greater than or equal to zero"],
    ),
    (
        SLICECNT_V1,
        "create",
        "spec.pool.resourceSliceCount",
        GONE,
        ["spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero"],
    ),
    (
        SLICECNT_V1,
        "create",
        "spec.pool.resourceSliceCount",
        -1,
        ["spec.pool.resourceSliceCount: Invalid value: -1: must be greater than zero"],
    ),
    (
        SLICECNT_V1,
        "create",
        "spec.devices",
        [],
        ['spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed'],
    ),
    (
        SLICECNT_V1,
        "create",
        "spec.sharedCounters",
        [{"name": "c1", "counters": {"m": {"value": "4"}}}, {}],
        [
            "spec.sharedCounters[1].name: Required value",
            "spec.sharedCounters[1].counters: Required value",
        ],
    ),
    (
        SLICECNT_V1,
        "update",
        "spec.driver",
        GONE,
        ["spec.driver: Required value", 'spec.driver: Invalid value: "": field is immutable'],
    ),
    (
        SLICECNT_V1,
        "update",
        "spec.driver",
        "other",
        ['spec.driver: Invalid value: "other": field is immutable'],
    ),
    (
        SLICECNT_V1,
        "update",
        "spec.pool.name",
        "other.example.com/x",
        ['spec.pool.name: Invalid value: "other.example.com/x": field is immutable'],
    ),
    (
        DTR_V1BETA2,
        "create",
        "spec.deviceSelector.driver",
        "",
        ["spec.deviceSelector.driver: Required value"],
    ),
    (
        DTR_V1BETA2,
        "status",
        "status.conditions.0.lastTransitionTime",
        GONE,
        ["status.conditions[0].lastTransitionTime: Required value"],
    ),
]


@pytest.mark.parametrize(("base", "how", "path", "value", "expected"), CASES)
def test_every_broken_rule_is_told(
    base: Object, how: str, path: str, value: Any, expected: list[str]
) -> None:
    assert told(base, how, path, value) == expected


@pytest.mark.parametrize("base", [SLICE_V1BETA1, SLICEPD_V1, SLICECNT_V1, DTR_V1BETA2])
def test_what_is_right_is_accepted(base: Object) -> None:
    assert told_of_new(base) == []
