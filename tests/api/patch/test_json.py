import copy
from typing import Any

import pytest

from pinnace.api.errors import BadRequest, Invalid, RequestEntityTooLarge
from pinnace.api.kinds.core import PODS
from pinnace.api.patch import json, merge, strategic

DOC = {"a": {"b": [1, 2, 3], "c/d": "x", "n": None}}


@pytest.mark.parametrize(
    ("ops", "expected"),
    [
        ([{"op": "add", "path": "/a/b/1", "value": 9}], {"b": [1, 9, 2, 3]}),
        ([{"op": "add", "path": "/a/b/-", "value": 9}], {"b": [1, 2, 3, 9]}),
        ([{"op": "add", "path": "/a/b/-1", "value": 9}], {"b": [1, 2, 3, 9]}),
        ([{"op": "remove", "path": "/a/b/0"}], {"b": [2, 3]}),
        ([{"op": "remove", "path": "/a/c~1d"}], {"b": [1, 2, 3], "n": None}),
        ([{"op": "replace", "path": "/a/b/-1", "value": 9}], {"b": [1, 2, 9]}),
        ([{"op": "replace", "path": "/a/new", "value": {"x": 1}}], {"new": {"x": 1}}),
        ([{"op": "move", "from": "/a/b/0", "path": "/a/m"}], {"b": [2, 3], "m": 1}),
        ([{"op": "copy", "from": "/a/b", "path": "/a/m"}], {"m": [1, 2, 3]}),
        ([{"op": "test", "path": "/a/b", "value": [1, 2, 3]}], {}),
        ([{"op": "test", "path": "/a/gone", "value": None}], {}),
        ([{"op": "test", "path": "/a/n"}], {}),
    ],
)
def test_applies(ops: list[Any], expected: dict[str, Any]) -> None:
    before = copy.deepcopy(DOC)
    result = json.apply(DOC, ops)["a"]
    assert {name: result[name] for name in expected} == expected
    if ops[0]["op"] == "remove" and "c~1d" in ops[0]["path"]:
        assert "c/d" not in result
    assert before == DOC


@pytest.mark.parametrize(
    "op",
    [
        {"op": "add", "path": "/x/y", "value": 1},
        {"op": "add", "path": "/a/b/5", "value": 1},
        {"op": "add", "path": "/a/b/x", "value": 1},
        {"op": "add", "path": "", "value": {}},
        {"op": "add"},
        {"op": "remove", "path": "/a/gone"},
        {"op": "replace", "path": "/a/b/3", "value": 1},
        {"op": "replace", "path": "", "value": 1},
        {"op": "replace", "path": "", "value": []},
        {"op": "move", "from": "/gone", "path": "/x"},
        {"op": "test", "path": "/a/b/0", "value": True},
        {"op": "test", "path": "/a/b/0", "value": 1.0},
        {"op": "jump", "path": "/a"},
        {"path": "/a"},
    ],
)
def test_what_does_not_apply_is_invalid(op: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        json.apply(DOC, [op])
    assert caught.value.message == "the server rejected our request due to an error in our request"


def test_what_is_no_patch_is_a_bad_request() -> None:
    with pytest.raises(BadRequest, match=r"object into Go value of type jsonpatch.Patch"):
        json.apply(DOC, {})
    with pytest.raises(BadRequest, match=r"string into Go value of type jsonpatch.Operation"):
        json.apply(DOC, ["x"])


def test_operations_are_limited() -> None:
    with pytest.raises(RequestEntityTooLarge, match=r"is 10000, got 10001"):
        json.apply(DOC, [{"op": "test", "path": "/a/gone"}] * 10_001)


def test_copies_cannot_grow_without_end() -> None:
    grow = [{"op": "copy", "from": "/a", "path": "/a/x"}] * 200
    with pytest.raises(Invalid):
        json.apply({"a": {"text": "x" * 1000}}, grow)


@pytest.mark.parametrize(
    "ops",
    [
        [{"op": "copy", "from": "/a", "path": "/a/x"}] * 300,
        [{"op": "add", "path": "/a" + "/x" * n, "value": {}} for n in range(1, 400)],
        [{"op": "add", "path": "/a" + "/x" * n, "value": {}} for n in range(1, 1500)]
        + [{"op": "test", "path": "", "value": {}}, {"op": "copy", "from": "/a", "path": "/b"}],
    ],
)
def test_patches_cannot_dig_without_end(ops: list[Any]) -> None:
    with pytest.raises((BadRequest, Invalid)):
        json.apply({"a": {}}, ops)


def test_deep_patches_are_refused() -> None:
    deep: Any = {}
    for _ in range(200):
        deep = {"a": deep}
    for patch in (
        lambda: json.apply({}, [{"op": "add", "path": "/a", "value": deep}]),
        lambda: merge.apply({}, deep),
        lambda: strategic.apply({}, deep, PODS),
    ):
        with pytest.raises(BadRequest, match="max depth"):
            patch()
