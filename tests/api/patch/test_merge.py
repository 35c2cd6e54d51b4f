from typing import Any

import pytest

from pinnace.api.errors import BadRequest
from pinnace.api.patch import merge


@pytest.mark.parametrize(
    ("doc", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": "x"}, {"a": {"b": None}}, {"a": {}}),
    ],
)
def test_merges(doc: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]) -> None:
    before = repr(doc)
    assert merge.apply(doc, patch) == result
    assert repr(doc) == before


@pytest.mark.parametrize("patch", [[], "x", None, 1])
def test_only_objects_are_patches(patch: Any) -> None:
    with pytest.raises(BadRequest, match="Invalid JSON Patch"):
        merge.apply({}, patch)
