"""The rules of `admissionpolicies`, in the words of an upstream server asked the same."""

from typing import Any

import pytest
from tests.api.validation.replay import GONE, told, told_of_new

from pinnace.api.objects import Object

VAP: Object = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "sample.example.com"},
    "spec": {
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {
            "namespaceSelector": {
                "matchLabels": {"a": "b"},
                "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}],
            },
            "objectSelector": {
                "matchLabels": {"a": "b"},
                "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}],
            },
            "matchPolicy": "Exact",
            "resourceRules": [
                {
                    "operations": ["CREATE", "UPDATE"],
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "resources": ["deployments", "deployments/scale"],
                    "scope": "Namespaced",
                    "resourceNames": ["x"],
                }
            ],
            "excludeResourceRules": [
                {
                    "operations": ["CREATE", "UPDATE"],
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "resources": ["deployments", "deployments/scale"],
                    "scope": "Namespaced",
                    "resourceNames": ["x"],
                }
            ],
        },
        "validations": [
            {
                "expression": "true",
                "message": "m",
                "reason": "Forbidden",
                "messageExpression": "'x'",
            }
        ],
        "failurePolicy": "Fail",
        "auditAnnotations": [{"key": "k", "valueExpression": "'x'"}],
        "matchConditions": [{"name": "c", "expression": "true"}],
        "variables": [{"name": "v", "expression": "1"}],
    },
    "status": {
        "observedGeneration": 1,
        "typeChecking": {
            "expressionWarnings": [{"fieldRef": "spec.validations[0].expression", "warning": "w"}]
        },
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
    },
}
VAPB: Object = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": "sample.example.com"},
    "spec": {
        "policyName": "p.example.com",
        "paramRef": {"name": "x", "parameterNotFoundAction": "Deny", "namespace": "default"},
        "matchResources": {
            "namespaceSelector": {
                "matchLabels": {"a": "b"},
                "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}],
            },
            "objectSelector": {
                "matchLabels": {"a": "b"},
                "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}],
            },
            "matchPolicy": "Exact",
            "resourceRules": [
                {
                    "operations": ["CREATE", "UPDATE"],
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "resources": ["deployments", "deployments/scale"],
                    "scope": "Namespaced",
                    "resourceNames": ["x"],
                }
            ],
            "excludeResourceRules": [
                {
                    "operations": ["CREATE", "UPDATE"],
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "resources": ["deployments", "deployments/scale"],
                    "scope": "Namespaced",
                    "resourceNames": ["x"],
                }
            ],
        },
        "validationActions": ["Deny", "Audit"],
    },
}
MAP_V1: Object = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "MutatingAdmissionPolicy",
    "metadata": {"name": "sample.example.com"},
    "spec": {
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": {
            "namespaceSelector": {
                "matchLabels": {"a": "b"},
                "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}],
            },
            "objectSelector": {
                "matchLabels": {"a": "b"},
                "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}],
            },
            "matchPolicy": "Exact",
            "resourceRules": [
                {
                    "operations": ["CREATE", "UPDATE"],
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "resources": ["deployments", "deployments/scale"],
                    "scope": "Namespaced",
                    "resourceNames": ["x"],
                }
            ],
            "excludeResourceRules": [
                {
                    "operations": ["CREATE", "UPDATE"],
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "resources": ["deployments", "deployments/scale"],
                    "scope": "Namespaced",
                    "resourceNames": ["x"],
                }
            ],
        },
        "variables": [{"name": "v", "expression": "1"}],
        "mutations": [
            {
                "patchType": "JSONPatch",
                "jsonPatch": {"expression": '[JSONPatch{op: "add", path: "/a", value: "b"}]'},
            },
            {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{}"}},
        ],
        "failurePolicy": "Fail",
        "matchConditions": [{"name": "c", "expression": "true"}],
        "reinvocationPolicy": "Never",
    },
}
MAPB_V1: Object = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "MutatingAdmissionPolicyBinding",
    "metadata": {"name": "sample.example.com"},
    "spec": {
        "policyName": "p.example.com",
        "paramRef": {"name": "x", "parameterNotFoundAction": "Deny", "namespace": "default"},
        "matchResources": {
            "namespaceSelector": {
                "matchLabels": {"a": "b"},
                "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}],
            },
            "objectSelector": {
                "matchLabels": {"a": "b"},
                "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}],
            },
            "matchPolicy": "Exact",
            "resourceRules": [
                {
                    "operations": ["CREATE", "UPDATE"],
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "resources": ["deployments", "deployments/scale"],
                    "scope": "Namespaced",
                    "resourceNames": ["x"],
                }
            ],
            "excludeResourceRules": [
                {
                    "operations": ["CREATE", "UPDATE"],
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "resources": ["deployments", "deployments/scale"],
                    "scope": "Namespaced",
                    "resourceNames": ["x"],
                }
            ],
        },
    },
}
CASES: list[tuple[Object, str, str, Any, list[str]]] = [
    (
        VAP,
        "create",
        "spec.paramKind",
        {},
        ["spec.paramKind.apiVersion: Required value", "spec.paramKind.kind: Required value"],
    ),
    (
        VAP,
        "create",
        "spec.paramKind.apiVersion",
        GONE,
        ["spec.paramKind.apiVersion: Required value"],
    ),
    (
        VAP,
        "create",
        "spec.matchConstraints.resourceRules.0.resourceNames",
        ["x", "x"],
        ['spec.matchConstraints.resourceRules[0].resourceNames[1]: Duplicate value: "x"'],
    ),
    (
        VAP,
        "create",
        "spec.validations.0",
        {},
        ["spec.validations[0].expression: Required value: expression is not specified"],
    ),
    (
        VAP,
        "create",
        "spec.failurePolicy",
        "",
        ['spec.failurePolicy: Unsupported value: "": supported values: "Fail", "Ignore"'],
    ),
    (
        VAP,
        "create",
        "spec.failurePolicy",
        "other",
        ['spec.failurePolicy: Unsupported value: "other": supported values: "Fail", "Ignore"'],
    ),
    (
        VAP,
        "create",
        "spec.variables",
        [{"name": "v", "expression": "1"}, {}],
        [
            "spec.variables[1].name: Required value: name is not specified",
            "spec.variables[1].expression: Required value: expression is not specified",
        ],
    ),
    (
        VAP,
        "create",
        "spec.variables.0.name",
        GONE,
        ["spec.variables[0].name: Required value: name is not specified"],
    ),
    (
        VAP,
        "status",
        "status.typeChecking.expressionWarnings.0",
        {},
        [
            "status.typeChecking.expressionWarnings[0].warning: Required value",
            "status.typeChecking.expressionWarnings[0].fieldRef: Required value",
        ],
    ),
    (
        VAP,
        "status",
        "status.typeChecking.expressionWarnings.0.fieldRef",
        GONE,
        ["status.typeChecking.expressionWarnings[0].fieldRef: Required value"],
    ),
    (
        VAPB,
        "create",
        "spec",
        GONE,
        [
            "spec.policyName: Required value",
            "spec.validationActions: Required value: at least one validation action is required",
        ],
    ),
    (VAPB, "create", "spec.policyName", GONE, ["spec.policyName: Required value"]),
    (
        VAPB,
        "create",
        "spec.paramRef",
        {},
        [
            "spec.paramRef: Required value: one of name or selector must be specified",
            "spec.paramRef.parameterNotFoundAction: Required value",
        ],
    ),
    (
        VAPB,
        "create",
        "spec.paramRef.name",
        GONE,
        ["spec.paramRef: Required value: one of name or selector must be specified"],
    ),
    (
        VAPB,
        "create",
        "spec.paramRef.name",
        "other.example.com/x",
        ["spec.paramRef.name: Invalid value: \"other.example.com/x\": may not contain '/'"],
    ),
    (
        VAPB,
        "create",
        "spec.paramRef.selector",
        {},
        [
            "spec.paramRef.name: Forbidden: name and selector are mutually exclusive",
            "spec.paramRef.selector: Forbidden: name and selector are mutually exclusive",
        ],
    ),
    (
        VAPB,
        "create",
        "spec.matchResources.resourceRules.0.resourceNames",
        ["x", "x"],
        ['spec.matchResources.resourceRules[0].resourceNames[1]: Duplicate value: "x"'],
    ),
    (
        VAPB,
        "create",
        "spec.validationActions",
        GONE,
        ["spec.validationActions: Required value: at least one validation action is required"],
    ),
    (
        VAPB,
        "create",
        "spec.validationActions",
        ["Deny", "Audit", "Deny"],
        ['spec.validationActions[2]: Duplicate value: "Deny"'],
    ),
    (
        MAP_V1,
        "create",
        "spec.paramKind",
        {},
        ["spec.paramKind.apiVersion: Required value", "spec.paramKind.kind: Required value"],
    ),
    (
        MAP_V1,
        "create",
        "spec.paramKind.apiVersion",
        GONE,
        ["spec.paramKind.apiVersion: Required value"],
    ),
    (
        MAP_V1,
        "create",
        "spec.matchConstraints.resourceRules.0.resourceNames",
        ["x", "x"],
        ['spec.matchConstraints.resourceRules[0].resourceNames[1]: Duplicate value: "x"'],
    ),
    (
        MAP_V1,
        "create",
        "spec.variables",
        [{"name": "v", "expression": "1"}, {}],
        [
            "spec.variables[1].name: Required value: name is not specified",
            "spec.variables[1].expression: Required value: expression is not specified",
        ],
    ),
    (
        MAP_V1,
        "create",
        "spec.variables.0.name",
        GONE,
        ["spec.variables[0].name: Required value: name is not specified"],
    ),
    (
        MAP_V1,
        "create",
        "spec.mutations",
        GONE,
        ["spec.mutations: Required value: mutations must contain at least one item"],
    ),
    (
        MAP_V1,
        "create",
        "spec.failurePolicy",
        "",
        ['spec.failurePolicy: Unsupported value: "": supported values: "Fail", "Ignore"'],
    ),
    (
        MAP_V1,
        "create",
        "spec.failurePolicy",
        "other",
        ['spec.failurePolicy: Unsupported value: "other": supported values: "Fail", "Ignore"'],
    ),
    (MAPB_V1, "create", "spec", GONE, ["spec.policyName: Required value"]),
    (
        MAPB_V1,
        "create",
        "spec.paramRef",
        {},
        [
            "spec.paramRef: Required value: one of name or selector must be specified",
            "spec.paramRef.parameterNotFoundAction: Required value",
        ],
    ),
    (
        MAPB_V1,
        "create",
        "spec.paramRef.name",
        GONE,
        ["spec.paramRef: Required value: one of name or selector must be specified"],
    ),
    (
        MAPB_V1,
        "create",
        "spec.paramRef.name",
        "other.example.com/x",
        ["spec.paramRef.name: Invalid value: \"other.example.com/x\": may not contain '/'"],
    ),
    (
        MAPB_V1,
        "create",
        "spec.paramRef.selector",
        {},
        [
            "spec.paramRef.name: Forbidden: name and selector are mutually exclusive",
            "spec.paramRef.selector: Forbidden: name and selector are mutually exclusive",
        ],
    ),
    (
        MAPB_V1,
        "create",
        "spec.matchResources.resourceRules.0.resourceNames",
        ["x", "x"],
        ['spec.matchResources.resourceRules[0].resourceNames[1]: Duplicate value: "x"'],
    ),
]


@pytest.mark.parametrize(("base", "how", "path", "value", "expected"), CASES)
def test_every_broken_rule_is_told(
    base: Object, how: str, path: str, value: Any, expected: list[str]
) -> None:
    assert told(base, how, path, value) == expected


@pytest.mark.parametrize("base", [VAP, VAPB, MAP_V1, MAPB_V1])
def test_what_is_right_is_accepted(base: Object) -> None:
    assert told_of_new(base) == []
