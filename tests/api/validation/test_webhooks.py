"""The rules of `webhooks`, in the words of an upstream server asked the same."""

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


@pytest.mark.parametrize("base", [VWC, MWC])
def test_what_is_right_is_accepted(base: Object) -> None:
    row = ROWS[base["apiVersion"], base["kind"]]
    obj = copy.deepcopy(base)
    apply_defaults(row, obj)
    assert validate_create(row, obj) == []
