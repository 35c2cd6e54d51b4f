"""The rules of `storage`, in the words of an upstream server asked the same."""

from typing import Any

import pytest
from tests.api.validation.replay import GONE, told, told_of_new

from pinnace.api.objects import Object

SC: Object = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "sample-sc"},
    "provisioner": "example.com/p",
    "parameters": {"a": "b"},
    "reclaimPolicy": "Retain",
    "mountOptions": ["x"],
    "allowVolumeExpansion": True,
    "volumeBindingMode": "WaitForFirstConsumer",
    "allowedTopologies": [{"matchLabelExpressions": [{"key": "k", "values": ["v"]}]}],
}
CSIDRIVER: Object = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "CSIDriver",
    "metadata": {"name": "sample.example.com"},
    "spec": {
        "attachRequired": True,
        "podInfoOnMount": True,
        "volumeLifecycleModes": ["Persistent", "Ephemeral"],
        "storageCapacity": True,
        "fsGroupPolicy": "File",
        "tokenRequests": [{"audience": "a", "expirationSeconds": 600}],
        "requiresRepublish": True,
        "seLinuxMount": True,
        "nodeAllocatableUpdatePeriodSeconds": 60,
    },
}
CSINODE: Object = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "CSINode",
    "metadata": {"name": "sample-node"},
    "spec": {
        "drivers": [
            {
                "name": "d.example.com",
                "nodeID": "n",
                "topologyKeys": ["a/b"],
                "allocatable": {"count": 4},
            }
        ]
    },
}
CSICAP: Object = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "CSIStorageCapacity",
    "metadata": {"name": "sample-cap", "namespace": "default"},
    "nodeTopology": {
        "matchLabels": {"a": "b"},
        "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}],
    },
    "storageClassName": "sc",
    "capacity": "1Gi",
    "maximumVolumeSize": "1Gi",
}
VAC_V1: Object = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "VolumeAttributesClass",
    "metadata": {"name": "sample-vac"},
    "driverName": "d.example.com",
    "parameters": {"a": "b"},
}
CASES: list[tuple[Object, str, str, Any, list[str]]] = [
    (SC, "create", "provisioner", GONE, ["provisioner: Required value"]),
    (
        SC,
        "create",
        "parameters",
        {"a": "b", "": "b"},
        ['parameters: Invalid value: "": field can not be empty.'],
    ),
    (
        SC,
        "create",
        "reclaimPolicy",
        "other",
        ['reclaimPolicy: Unsupported value: "other": supported values: "Delete", "Retain"'],
    ),
    (
        SC,
        "create",
        "allowedTopologies.0",
        {},
        ['allowedTopologies[0].matchLabelExpressions: Duplicate value: ""'],
    ),
    (
        SC,
        "create",
        "allowedTopologies.0.matchLabelExpressions.0.values",
        ["v", "v"],
        ['allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "v"'],
    ),
    (
        SC,
        "update",
        "provisioner",
        GONE,
        ["provisioner: Required value", 'provisioner: Invalid value: "": field is immutable'],
    ),
    (
        SC,
        "update",
        "provisioner",
        "other",
        ['provisioner: Invalid value: "other": field is immutable'],
    ),
    (
        SC,
        "update",
        "provisioner",
        "other.example.com/x",
        ['provisioner: Invalid value: "other.example.com/x": field is immutable'],
    ),
    (SC, "update", "parameters", GONE, ["parameters: Invalid value: null: field is immutable"]),
    (
        SC,
        "update",
        "parameters",
        {"a": "b", "Bad Key!": "b"},
        ['parameters: Invalid value: {"Bad Key!":"b","a":"b"}: field is immutable'],
    ),
    (
        SC,
        "update",
        "parameters",
        {"a": "b", "": "b"},
        [
            'parameters: Invalid value: "": field can not be empty.',
            'parameters: Invalid value: {"":"b","a":"b"}: field is immutable',
        ],
    ),
    (
        SC,
        "update",
        "parameters",
        {"a": "b", "other": "b"},
        ['parameters: Invalid value: {"a":"b","other":"b"}: field is immutable'],
    ),
    (SC, "update", "parameters.a", "", ['parameters: Invalid value: {"a":""}: field is immutable']),
    (
        SC,
        "update",
        "parameters.a",
        "Bad_Value!",
        ['parameters: Invalid value: {"a":"Bad_Value!"}: field is immutable'],
    ),
    (
        CSIDRIVER,
        "update",
        "spec",
        GONE,
        ['spec.volumeLifecycleModes: Invalid value: ["Persistent"]: field is immutable'],
    ),
    (
        CSIDRIVER,
        "update",
        "spec.attachRequired",
        False,
        ["spec.attachedRequired: Invalid value: false: field is immutable"],
    ),
    (
        CSINODE,
        "create",
        "spec.drivers.0",
        {},
        ["spec.drivers[0].name: Required value", "spec.drivers[0].nodeID: Required value"],
    ),
    (CSINODE, "create", "spec.drivers.0.name", GONE, ["spec.drivers[0].name: Required value"]),
    (
        CSINODE,
        "create",
        "spec.drivers.0.topologyKeys",
        ["a/b", "a/b"],
        ['spec.drivers[0]: Duplicate value: "a/b"'],
    ),
    (
        CSICAP,
        "create",
        "capacity",
        "-1",
        ['capacity: Invalid value: "-1": must be greater than or equal to 0'],
    ),
    (
        CSICAP,
        "update",
        "nodeTopology",
        GONE,
        ["nodeTopology: Invalid value: null: field is immutable"],
    ),
    (CSICAP, "update", "nodeTopology", {}, ["nodeTopology: Invalid value: {}: field is immutable"]),
    (
        CSICAP,
        "update",
        "nodeTopology.matchExpressions",
        GONE,
        ['nodeTopology: Invalid value: {"matchLabels":{"a":"b"}}: field is immutable'],
    ),
    (
        CSICAP,
        "update",
        "storageClassName",
        "other",
        ['storageClassName: Invalid value: "other": field is immutable'],
    ),
    (VAC_V1, "create", "driverName", GONE, ["driverName: Required value"]),
    (
        VAC_V1,
        "create",
        "parameters",
        GONE,
        ["parameters: Required value: must contain at least one key/value pair"],
    ),
    (
        VAC_V1,
        "create",
        "parameters",
        {"a": "b", "": "b"},
        ['parameters: Invalid value: "": field can not be empty.'],
    ),
    (
        VAC_V1,
        "update",
        "driverName",
        "other",
        ["driverName: Forbidden: updates to driverName are forbidden."],
    ),
    (
        VAC_V1,
        "update",
        "parameters",
        {"a": "b", "Bad Key!": "b"},
        ["parameters: Forbidden: updates to parameters are forbidden."],
    ),
    (
        VAC_V1,
        "update",
        "driverName",
        GONE,
        [
            "driverName: Forbidden: updates to driverName are forbidden.",
            "driverName: Required value",
        ],
    ),
]


@pytest.mark.parametrize(("base", "how", "path", "value", "expected"), CASES)
def test_every_broken_rule_is_told(
    base: Object, how: str, path: str, value: Any, expected: list[str]
) -> None:
    assert told(base, how, path, value) == expected


@pytest.mark.parametrize("base", [SC, CSIDRIVER, CSINODE, CSICAP, VAC_V1])
def test_what_is_right_is_accepted(base: Object) -> None:
    assert told_of_new(base) == []
