"""The rules of `runtimeclasses`, in the words of an upstream server asked the same."""

from typing import Any

import pytest
from tests.api.validation.replay import GONE, told, told_of_new

from pinnace.api.objects import Object

RUNTIMECLASS: Object = {
    "apiVersion": "node.k8s.io/v1",
    "kind": "RuntimeClass",
    "metadata": {"name": "sample-rc"},
    "handler": "runc",
    "overhead": {"podFixed": {"cpu": "1", "memory": "1Gi"}},
    "scheduling": {
        "nodeSelector": {"a": "b"},
        "tolerations": [
            {
                "key": "k",
                "operator": "Equal",
                "value": "v",
                "effect": "NoExecute",
                "tolerationSeconds": 5,
            }
        ],
    },
}
CASES: list[tuple[Object, str, str, Any, list[str]]] = [
    (RUNTIMECLASS, "create", "handler", GONE, ["handler: Required value"]),
    (
        RUNTIMECLASS,
        "create",
        "overhead.podFixed.cpu",
        "-1",
        ['overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
    ),
    (
        RUNTIMECLASS,
        "update",
        "handler",
        GONE,
        ["handler: Required value", 'handler: Invalid value: "": field is immutable'],
    ),
    (
        RUNTIMECLASS,
        "update",
        "handler",
        "other",
        ['handler: Invalid value: "other": field is immutable'],
    ),
]


@pytest.mark.parametrize(("base", "how", "path", "value", "expected"), CASES)
def test_every_broken_rule_is_told(
    base: Object, how: str, path: str, value: Any, expected: list[str]
) -> None:
    assert told(base, how, path, value) == expected


@pytest.mark.parametrize("base", [RUNTIMECLASS])
def test_what_is_right_is_accepted(base: Object) -> None:
    assert told_of_new(base) == []
