"""The rules of `events`, in the words of an upstream server asked the same."""

from typing import Any

import pytest
from tests.api.validation.replay import GONE, told, told_of_new

from pinnace.api.objects import Object

EVENT: Object = {
    "apiVersion": "events.k8s.io/v1",
    "kind": "Event",
    "metadata": {"name": "sample-ev", "namespace": "default"},
    "eventTime": "2004-01-01T01:01:01.000000Z",
    "series": {"count": 2, "lastObservedTime": "2004-01-01T01:01:01.000000Z"},
    "reportingController": "example.com/c",
    "reportingInstance": "i",
    "action": "A",
    "reason": "R",
    "regarding": {"kind": "Pod", "namespace": "sample-lab", "name": "p"},
    "note": "n",
    "type": "Normal",
}
CASES: list[tuple[Object, str, str, Any, list[str]]] = [
    (
        EVENT,
        "create",
        "series",
        {},
        [
            'series.count: Invalid value: "": should be at least 2',
            "series.lastObservedTime: Required value",
        ],
    ),
    (
        EVENT,
        "create",
        "series.count",
        GONE,
        ['series.count: Invalid value: "": should be at least 2'],
    ),
    (EVENT, "create", "series.lastObservedTime", GONE, ["series.lastObservedTime: Required value"]),
    (EVENT, "create", "type", GONE, ['type: Invalid value: "": has invalid value: ']),
    (
        EVENT,
        "create",
        "type",
        "Bad_Value!",
        ['type: Invalid value: "": has invalid value: Bad_Value!'],
    ),
    (EVENT, "create", "type", "other", ['type: Invalid value: "": has invalid value: other']),
    (
        EVENT,
        "create",
        "type",
        "other.example.com/x",
        ['type: Invalid value: "": has invalid value: other.example.com/x'],
    ),
    (
        EVENT,
        "create",
        "deprecatedSource",
        {"component": "zz", "host": "zz"},
        ['source: Invalid value: "": needs to be unset'],
    ),
    (
        EVENT,
        "update",
        "reportingController",
        "other",
        ['reportingController: Invalid value: "other": field is immutable'],
    ),
    (
        EVENT,
        "update",
        "reportingController",
        "other.example.com/x",
        ['reportingController: Invalid value: "other.example.com/x": field is immutable'],
    ),
    (
        EVENT,
        "update",
        "reportingInstance",
        GONE,
        [
            "reportingInstance: Required value",
            'reportingInstance: Invalid value: "": field is immutable',
        ],
    ),
    (
        EVENT,
        "update",
        "reportingInstance",
        "Bad_Value!",
        ['reportingInstance: Invalid value: "Bad_Value!": field is immutable'],
    ),
    (
        EVENT,
        "update",
        "reason",
        "Bad_Value!",
        [
            'reason: Invalid value: "Bad_Value!": field is immutable',
            'reason: Invalid value: "Bad_Value!": field is immutable',
        ],
    ),
    (
        EVENT,
        "update",
        "reason",
        "other",
        [
            'reason: Invalid value: "other": field is immutable',
            'reason: Invalid value: "other": field is immutable',
        ],
    ),
    (
        EVENT,
        "update",
        "reason",
        "other.example.com/x",
        [
            'reason: Invalid value: "other.example.com/x": field is immutable',
            'reason: Invalid value: "other.example.com/x": field is immutable',
        ],
    ),
    (EVENT, "update", "note", GONE, ['message: Invalid value: "": field is immutable']),
    (
        EVENT,
        "update",
        "deprecatedSource",
        {"component": "zz", "host": "zz"},
        ['source: Invalid value: {"Component":"zz","Host":"zz"}: field is immutable'],
    ),
]


@pytest.mark.parametrize(("base", "how", "path", "value", "expected"), CASES)
def test_every_broken_rule_is_told(
    base: Object, how: str, path: str, value: Any, expected: list[str]
) -> None:
    assert told(base, how, path, value) == expected


@pytest.mark.parametrize("base", [EVENT])
def test_what_is_right_is_accepted(base: Object) -> None:
    assert told_of_new(base) == []
