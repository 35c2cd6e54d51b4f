"""Pruning, defaulting, keyed lists and embedded resources."""

from typing import Any

import pytest

from pinnace.api.custom import defaulting
from pinnace.api.custom.embedded import check_embedded, coerce
from pinnace.api.custom.listtypes import check_lists
from pinnace.api.custom.pruning import prune
from pinnace.api.custom.structural import Structural, build

KEEP = "x-kubernetes-preserve-unknown-fields"


def spec(**properties: Any) -> Structural:
    inner = {"type": "object", "properties": properties}
    return build({"type": "object", "properties": {"spec": inner}})


def test_unknown_fields_are_dropped_and_named() -> None:
    schema = spec(a={"type": "array", "items": {"properties": {"b": {}}}})
    obj = {"kind": "K", "metadata": {"x": 1}, "spec": {"z": 1, "a": [{"b": 1, "c": 2}]}, "top": 1}
    assert prune(obj, schema) == ["spec.a[0].c", "spec.z", "top"]
    assert obj == {"kind": "K", "metadata": {"x": 1}, "spec": {"a": [{"b": 1}]}}


def test_what_is_preserved_is_kept_but_named_parts_prune_again() -> None:
    schema = spec(raw={KEEP: True, "properties": {"known": {"properties": {"a": {}}}}})
    obj = {"spec": {"raw": {"any": {"deep": 1}, "known": {"a": 1, "b": 2}}}}
    assert prune(obj, schema) == ["spec.raw.known.b"]
    assert obj["spec"]["raw"] == {"any": {"deep": 1}, "known": {"a": 1}}


def test_map_values_are_known_by_any_name() -> None:
    schema = spec(m={"additionalProperties": {"properties": {"a": {}}}})
    obj = {"spec": {"m": {"x": {"a": 1, "b": 2}}}}
    assert prune(obj, schema) == ["spec.m.x.b"]


def test_defaults_fill_what_is_missing_or_wrongly_null() -> None:
    schema = spec(
        a={"default": 1}, b={"default": {"c": []}}, n={"nullable": True, "default": 2},
        l={"items": {"properties": {"d": {"default": True}}}},
    )  # fmt: skip
    obj: Any = {"spec": {"a": None, "n": None, "l": [{}, {"d": False}]}}
    defaulting.apply(obj, schema)
    assert obj == {"spec": {"a": 1, "b": {"c": []}, "n": None, "l": [{"d": True}, {"d": False}]}}
    obj["spec"]["b"]["c"].append(1)
    fresh: Any = {"spec": {}}
    defaulting.apply(fresh, schema)
    assert fresh["spec"]["b"] == {"c": []}, "defaults are not shared between objects"


def test_nulls_that_may_not_be_there_go() -> None:
    obj: Any = {"spec": {"a": None, "n": None, "d": None}}
    defaulting.drop_nulls(obj, spec(a={}, n={"nullable": True}, d={"default": 1}))
    assert obj == {"spec": {"n": None, "d": None}}


def test_repeated_items_are_told_once_each() -> None:
    schema = spec(
        s={"x-kubernetes-list-type": "set", "items": {}},
        m={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": {}},
    )
    obj = {"spec": {"s": ["a", "a", "a", 1, True], "m": [{"k": 1}, {"k": 1, "v": 2}]}}
    assert [cause.text() for cause in check_lists(obj, schema)] == [
        'spec.s[1]: Duplicate value: "a"',
        'spec.m[1]: Duplicate value: {"k":1}',
    ]


EMBEDDED = spec(e={"x-kubernetes-embedded-resource": True, KEEP: True})


def test_embedded_resources_need_kind_version_and_good_metadata() -> None:
    good = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}
    assert check_embedded({"spec": {"e": good}}, EMBEDDED) == []
    bad = {"kind": "not a kind", "metadata": {"name": "a/b"}}
    fields = [cause.field for cause in check_embedded({"spec": {"e": bad}}, EMBEDDED)]
    assert fields == ["spec.e.apiVersion", "spec.e.kind", "spec.e.metadata.name"]


def test_metadata_inside_is_read_as_go_reads_it() -> None:
    obj: Any = {"spec": {"e": {"metadata": {"name": "x", "foo": 1, "labels": {}}}}}
    assert coerce(obj, EMBEDDED) == ["spec.e.metadata.foo"]
    assert obj["spec"]["e"]["metadata"] == {"name": "x"}
    wrong = {"spec": {"e": {"metadata": {"labels": {"a": 1}}}}}
    with pytest.raises(ValueError, match=r"^spec\.e\.metadata: .*ObjectMeta\.labels"):
        coerce(wrong, EMBEDDED)
