from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinnace.api.codec.canonical import canonical_bytes, split

# Strings made to confuse: the very keys that the splice looks for, quotes and backslashes.
NASTY = st.one_of(
    st.sampled_from(['"uid":"',
                      '\\"uid\\":\\"x', 'uid', '"metadata":', '","uid":"x"', "\\", '"', "}"]),
    st.lists(st.sampled_from(['"', "\\", "uid", ":", ",", "{", "metadata", "é"])).map("".join),
    st.text(st.characters(exclude_categories=["Cs"])),
)  # fmt: skip
TREE = st.recursive(
    NASTY | st.integers(-5, 5) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NASTY, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {"uid": st.uuids().map(str)},
            optional={
                "name": NASTY, "generateName": NASTY, "namespace": NASTY, "labels": TREE,
                "annotations": TREE, "ownerReferences": TREE, "resourceVersion": NASTY,
                "managedFields": TREE, "other": TREE,
            },
        ),
        "kind": NASTY,
        "apiVersion": NASTY,
    },
    optional={"spec": TREE, "data": TREE, "uid": TREE, "a": TREE},
)  # fmt: skip


@given(OBJECTS, st.integers(1, 2**63))
def test_the_splice_sets_the_revision_and_nothing_else(obj: dict[str, Any], revision: int) -> None:
    spliced = orjson.loads(b"".join(split(canonical_bytes(obj), revision)))
    wanted = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(revision)}}
    assert spliced == wanted


@given(OBJECTS)
def test_revision_zero_is_not_told(obj: dict[str, Any]) -> None:
    spliced = orjson.loads(b"".join(split(canonical_bytes(obj), 0)))
    assert "resourceVersion" not in spliced["metadata"]


@given(OBJECTS)
def test_the_parts_meet_before_the_metadata(obj: dict[str, Any]) -> None:
    before, after = split(canonical_bytes(obj), 1)
    assert orjson.loads(before[:-1] + b"}") == {name: obj[name] for name in ("kind", "apiVersion")}
    assert after.startswith(b'"metadata":')


def test_order_is_that_of_upstream() -> None:
    obj = {
        "spec": {},
        "metadata": {"labels": {}, "uid": "u", "namespace": "n", "name": "a",
                     "resourceVersion": "1"},
        "apiVersion": "v1",
        "kind": "Pod",
    }  # fmt: skip
    assert canonical_bytes(obj) == (
        b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"n","uid":"u",'
        b'"labels":{}},"spec":{}}'
    )


@pytest.mark.parametrize(
    "metadata", [{}, {"uid": ""}, {"uid": 'a"b'}, {"uid": "u", "name": {"uid": "x"}}]
)
def test_what_cannot_be_spliced_is_not_stored(metadata: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="store"):
        canonical_bytes({"kind": "Pod", "apiVersion": "v1", "metadata": metadata})
