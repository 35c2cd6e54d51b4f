"""The rules of `webhooks`, in the words of an upstream server asked the same."""

from typing import Any

import pytest
from tests.api.validation.replay import GONE, told, told_of_new

from pinnace.api.objects import Object

VWC: Object = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "sample-vwc"},
    "webhooks": [
        {
            "name": "a.example.com",
            "clientConfig": {
                "service": {"name": "s", "namespace": "n", "path": "/p/q", "port": 443},
                "caBundle": "YQ==",
            },
            "rules": [
                {
                    "operations": ["CREATE", "UPDATE"],
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "resources": ["deployments", "deployments/scale"],
                    "scope": "Namespaced",
                }
            ],
            "failurePolicy": "Fail",
            "matchPolicy": "Exact",
            "namespaceSelector": {
                "matchLabels": {"a": "b"},
                "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}],
            },
            "objectSelector": {
                "matchLabels": {"a": "b"},
                "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}],
            },
            "sideEffects": "None",
            "timeoutSeconds": 5,
            "admissionReviewVersions": ["v1", "v1beta1"],
            "matchConditions": [{"name": "c", "expression": "true"}],
        },
        {
            "name": "b.example.com",
            "clientConfig": {"url": "https://example.com/x"},
            "rules": [
                {
                    "operations": ["*"],
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "resources": ["deployments", "deployments/scale"],
                    "scope": "Namespaced",
                }
            ],
            "sideEffects": "NoneOnDryRun",
            "admissionReviewVersions": ["v1"],
        },
    ],
}
MWC: Object = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "MutatingWebhookConfiguration",
    "metadata": {"name": "sample-mwc"},
    "webhooks": [
        {
            "name": "a.example.com",
            "clientConfig": {
                "service": {"name": "s", "namespace": "n", "path": "/p/q", "port": 443},
                "caBundle": "YQ==",
            },
            "rules": [
                {
                    "operations": ["CREATE", "UPDATE"],
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "resources": ["deployments", "deployments/scale"],
                    "scope": "Namespaced",
                }
            ],
            "failurePolicy": "Fail",
            "matchPolicy": "Exact",
            "namespaceSelector": {
                "matchLabels": {"a": "b"},
                "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}],
            },
            "objectSelector": {
                "matchLabels": {"a": "b"},
                "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}],
            },
            "sideEffects": "None",
            "timeoutSeconds": 5,
            "admissionReviewVersions": ["v1", "v1beta1"],
            "matchConditions": [{"name": "c", "expression": "true"}],
            "reinvocationPolicy": "IfNeeded",
        },
        {
            "name": "b.example.com",
            "clientConfig": {"url": "https://example.com/x"},
            "rules": [
                {
                    "operations": ["*"],
                    "apiGroups": ["apps"],
                    "apiVersions": ["v1"],
                    "resources": ["deployments", "deployments/scale"],
                    "scope": "Namespaced",
                }
            ],
            "sideEffects": "NoneOnDryRun",
            "admissionReviewVersions": ["v1"],
        },
    ],
}
CASES: list[tuple[Object, str, str, Any, list[str]]] = [
    (VWC, "create", "webhooks.0.name", GONE, ["webhooks[0].name: Required value"]),
    (
        VWC,
        "create",
        "webhooks.0.clientConfig.service",
        {},
        [
            "webhooks[0].clientConfig.service.name: Required value",
            "webhooks[0].clientConfig.service.namespace: Required value",
        ],
    ),
    (
        VWC,
        "create",
        "webhooks.0.sideEffects",
        GONE,
        ["webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun"],
    ),
    (
        VWC,
        "create",
        "webhooks.0.admissionReviewVersions",
        ["v1", "v1beta1", "v1"],
        ['webhooks[0].admissionReviewVersions[2]: Invalid value: "v1": duplicate version'],
    ),
    (MWC, "create", "webhooks.0.name", GONE, ["webhooks[0].name: Required value"]),
    (
        MWC,
        "create",
        "webhooks.0.clientConfig.service",
        {},
        [
            "webhooks[0].clientConfig.service.name: Required value",
            "webhooks[0].clientConfig.service.namespace: Required value",
        ],
    ),
    (
        MWC,
        "create",
        "webhooks.0.sideEffects",
        GONE,
        ["webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun"],
    ),
    (
        MWC,
        "create",
        "webhooks.0.admissionReviewVersions",
        ["v1", "v1beta1", "v1"],
        ['webhooks[0].admissionReviewVersions[2]: Invalid value: "v1": duplicate version'],
    ),
]


@pytest.mark.parametrize(("base", "how", "path", "value", "expected"), CASES)
def test_every_broken_rule_is_told(
    base: Object, how: str, path: str, value: Any, expected: list[str]
) -> None:
    assert told(base, how, path, value) == expected


@pytest.mark.parametrize("base", [VWC, MWC])
def test_what_is_right_is_accepted(base: Object) -> None:
    assert told_of_new(base) == []
