"""The rules of `definitions`, in the words of an upstream server asked the same."""

from typing import Any

import pytest
from tests.api.validation.replay import GONE, told, told_of_new

from pinnace.api.objects import Object

CRD: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "ones.sample.example.com"},
    "spec": {
        "group": "sample.example.com",
        "names": {
            "plural": "ones",
            "singular": "one",
            "kind": "One",
            "listKind": "OneList",
            "shortNames": ["vb"],
            "categories": ["all"],
        },
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "s": {
                                        "type": "string",
                                        "default": "x",
                                        "maxLength": 5,
                                        "pattern": "^x",
                                    },
                                    "i": {
                                        "type": "integer",
                                        "format": "int32",
                                        "minimum": 1,
                                        "maximum": 5,
                                    },
                                    "l": {
                                        "type": "array",
                                        "items": {
                                            "type": "object",
                                            "required": ["k"],
                                            "properties": {
                                                "k": {"type": "string"},
                                                "v": {"type": "integer", "default": 3},
                                            },
                                        },
                                        "x-kubernetes-list-type": "map",
                                        "x-kubernetes-list-map-keys": ["k"],
                                    },
                                    "m": {
                                        "type": "object",
                                        "additionalProperties": {"type": "string"},
                                    },
                                    "ios": {"x-kubernetes-int-or-string": True},
                                    "any": {
                                        "type": "object",
                                        "x-kubernetes-preserve-unknown-fields": True,
                                    },
                                    "e": {"type": "string", "enum": ["a", "b"]},
                                    "o": {
                                        "type": "object",
                                        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
                                        "properties": {
                                            "a": {"type": "string"},
                                            "b": {"type": "string"},
                                        },
                                    },
                                },
                            },
                            "status": {"type": "object", "properties": {"r": {"type": "integer"}}},
                        },
                    }
                },
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.i",
                        "statusReplicasPath": ".status.r",
                        "labelSelectorPath": ".status.sel",
                    },
                },
                "additionalPrinterColumns": [
                    {
                        "name": "A",
                        "type": "string",
                        "jsonPath": ".spec.s",
                        "description": "d",
                        "priority": 1,
                        "format": "byte",
                    }
                ],
                "selectableFields": [{"jsonPath": ".spec.s"}],
            }
        ],
    },
}
CRD2: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "twos.sample.example.com"},
    "spec": {
        "group": "sample.example.com",
        "names": {
            "plural": "twos",
            "singular": "two",
            "kind": "Two",
            "listKind": "TwoList",
            "shortNames": ["vb"],
            "categories": ["all"],
        },
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "s": {
                                        "type": "string",
                                        "default": "x",
                                        "maxLength": 5,
                                        "pattern": "^x",
                                    },
                                    "i": {
                                        "type": "integer",
                                        "format": "int32",
                                        "minimum": 1,
                                        "maximum": 5,
                                    },
                                    "l": {
                                        "type": "array",
                                        "items": {
                                            "type": "object",
                                            "required": ["k"],
                                            "properties": {
                                                "k": {"type": "string"},
                                                "v": {"type": "integer", "default": 3},
                                            },
                                        },
                                        "x-kubernetes-list-type": "map",
                                        "x-kubernetes-list-map-keys": ["k"],
                                    },
                                    "m": {
                                        "type": "object",
                                        "additionalProperties": {"type": "string"},
                                    },
                                    "ios": {"x-kubernetes-int-or-string": True},
                                    "any": {
                                        "type": "object",
                                        "x-kubernetes-preserve-unknown-fields": True,
                                    },
                                    "e": {"type": "string", "enum": ["a", "b"]},
                                    "o": {
                                        "type": "object",
                                        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
                                        "properties": {
                                            "a": {"type": "string"},
                                            "b": {"type": "string"},
                                        },
                                    },
                                },
                            },
                            "status": {"type": "object", "properties": {"r": {"type": "integer"}}},
                        },
                    }
                },
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.i",
                        "statusReplicasPath": ".status.r",
                        "labelSelectorPath": ".status.sel",
                    },
                },
                "additionalPrinterColumns": [
                    {
                        "name": "A",
                        "type": "string",
                        "jsonPath": ".spec.s",
                        "description": "d",
                        "priority": 1,
                        "format": "byte",
                    }
                ],
                "selectableFields": [{"jsonPath": ".spec.s"}],
            },
            {
                "name": "v2",
                "served": True,
                "storage": False,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                        "properties": {
                            "spec": {"type": "object", "properties": {"i": {"type": "integer"}}}
                        },
                    }
                },
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.i",
                        "statusReplicasPath": ".status.r",
                        "labelSelectorPath": ".status.sel",
                    },
                },
                "additionalPrinterColumns": [
                    {
                        "name": "A",
                        "type": "string",
                        "jsonPath": ".spec.s",
                        "description": "d",
                        "priority": 1,
                        "format": "byte",
                    }
                ],
                "selectableFields": [{"jsonPath": ".spec.i"}],
                "deprecated": True,
                "deprecationWarning": "old",
            },
        ],
        "conversion": {
            "strategy": "Webhook",
            "webhook": {
                "clientConfig": {
                    "service": {"name": "s", "namespace": "n", "path": "/x", "port": 443}
                },
                "conversionReviewVersions": ["v1"],
            },
        },
    },
    "status": {
        "conditions": [
            {
                "type": "Established",
                "status": "True",
                "lastTransitionTime": "2004-01-01T01:01:01Z",
                "reason": "R",
                "message": "m",
            }
        ],
        "acceptedNames": {
            "plural": "twos",
            "singular": "sample",
            "kind": "Sample",
            "listKind": "SampleList",
            "shortNames": ["vb"],
            "categories": ["all"],
        },
        "storedVersions": ["v1"],
    },
}
CASES: list[tuple[Object, str, str, Any, list[str]]] = [
    (CRD, "create", "spec.names.kind", GONE, ["spec.names.kind: Required value"]),
    (
        CRD,
        "create",
        "spec.scope",
        "other",
        ['spec.scope: Unsupported value: "other": supported values: "Cluster", "Namespaced"'],
    ),
    (
        CRD,
        "create",
        "spec.versions.0.subresources.scale",
        {},
        [
            "spec.subresources.scale.specReplicasPath: Required value",
            "spec.subresources.scale.statusReplicasPath: Required value",
        ],
    ),
    (
        CRD,
        "create",
        "spec.versions.0.selectableFields",
        [{"jsonPath": ".spec.s"}, {"jsonPath": ".spec.s"}],
        ['spec.selectableFields[1].jsonPath: Duplicate value: ".spec.s"'],
    ),
    (
        CRD,
        "update",
        "spec.group",
        GONE,
        ["spec.group: Required value", 'spec.group: Invalid value: "": field is immutable'],
    ),
    (
        CRD,
        "update",
        "spec.group",
        "other",
        [
            'spec.group: Invalid value: "other": should be a domain with at least one dot',
            'spec.group: Invalid value: "other": field is immutable',
        ],
    ),
    (
        CRD,
        "update",
        "spec.names.plural",
        "other",
        ['spec.names.plural: Invalid value: "other": field is immutable'],
    ),
    (CRD2, "create", "spec.names.kind", GONE, ["spec.names.kind: Required value"]),
    (
        CRD2,
        "create",
        "spec.scope",
        "other",
        ['spec.scope: Unsupported value: "other": supported values: "Cluster", "Namespaced"'],
    ),
    (
        CRD2,
        "create",
        "spec.versions.0.subresources.scale",
        {},
        [
            "spec.versions[0].subresources.scale.specReplicasPath: Required value",
            "spec.versions[0].subresources.scale.statusReplicasPath: Required value",
        ],
    ),
    (
        CRD2,
        "create",
        "spec.versions.0.selectableFields",
        [{"jsonPath": ".spec.s"}, {"jsonPath": ".spec.s"}],
        ['spec.versions[0].selectableFields[1].jsonPath: Duplicate value: ".spec.s"'],
    ),
    (
        CRD2,
        "create",
        "spec.versions.1.selectableFields",
        [{"jsonPath": ".spec.i"}, {"jsonPath": ".spec.i"}],
        ['spec.versions[1].selectableFields[1].jsonPath: Duplicate value: ".spec.i"'],
    ),
    (
        CRD2,
        "update",
        "spec.group",
        GONE,
        ["spec.group: Required value", 'spec.group: Invalid value: "": field is immutable'],
    ),
    (
        CRD2,
        "update",
        "spec.group",
        "other",
        [
            'spec.group: Invalid value: "other": should be a domain with at least one dot',
            'spec.group: Invalid value: "other": field is immutable',
        ],
    ),
    (
        CRD2,
        "update",
        "spec.names.plural",
        "other",
        ['spec.names.plural: Invalid value: "other": field is immutable'],
    ),
    (
        CRD2,
        "update",
        "spec.scope",
        "other",
        [
            'spec.scope: Unsupported value: "other": supported values: "Cluster", "Namespaced"',
            'spec.scope: Invalid value: "other": field is immutable',
        ],
    ),
]


@pytest.mark.parametrize(("base", "how", "path", "value", "expected"), CASES)
def test_every_broken_rule_is_told(
    base: Object, how: str, path: str, value: Any, expected: list[str]
) -> None:
    assert told(base, how, path, value) == expected


@pytest.mark.parametrize("base", [CRD, CRD2])
def test_what_is_right_is_accepted(base: Object) -> None:
    assert told_of_new(base) == []
