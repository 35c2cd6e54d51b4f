"""x-kubernetes-validations: which rules of a custom resource are broken, and what is said."""

from typing import Any

import pytest

from pinnace.api.custom.kind import CustomKind

RULES = "x-kubernetes-validations"


def kind_of(schema: dict[str, Any], **more: Any) -> CustomKind:
    spec = {"type": "object", "properties": {"spec": schema}, **more}
    return CustomKind(
        "g.io", "Thing", {"name": "v1", "schema": {"openAPIV3Schema": spec}}, selects={}
    )


def thing(spec: Any) -> dict[str, Any]:
    return {"apiVersion": "g.io/v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": spec}


def told(schema: dict[str, Any], spec: Any, old: Any = None) -> list[str]:
    kind, new = kind_of(schema), thing(spec)
    found = kind.check(new) if old is None else kind.check_update(new, thing(old))
    return [f"{cause.field}: {cause.body()}" for cause in found]


def ruled(kind: str, rule: str, **more: Any) -> dict[str, Any]:
    own = {key: more.pop(key) for key in tuple(more) if key in OF_RULES}
    return {"type": kind, RULES: [{"rule": rule, **own}], **more}


OF_RULES = ("message", "messageExpression", "reason", "fieldPath", "optionalOldSelf")


@pytest.mark.parametrize(
    ("schema", "spec", "said"),
    [
        (ruled("integer", "self > 0"), 1, []),
        (ruled("integer", "self > 0"), 0, ["spec: Invalid value: 0: failed rule: self > 0"]),
        (ruled("integer", "self > 0", message=" too small "), 0,
         ["spec: Invalid value: 0: too small"]),
        (ruled("integer", "self > 0", messageExpression="'is ' + string(self)"), -1,
         ["spec: Invalid value: -1: is -1"]),
        (ruled("integer", "self > 0", message="m", messageExpression="' '"), -1,
         ["spec: Invalid value: -1: m"]),
        (ruled("integer", "self > 0", reason="FieldValueForbidden"), 0,
         ["spec: Forbidden: failed rule: self > 0"]),
        (ruled("integer", "self > 0", reason="FieldValueRequired"), 0,
         ["spec: Required value: failed rule: self > 0"]),
        (ruled("integer", "self > 0", reason="FieldValueDuplicate"), 0,
         ["spec: Duplicate value: 0"]),
        (ruled("integer", "10 / self > 0"), 0,
         ['spec: Invalid value: "integer": division by zero evaluating rule: 10 / self > 0']),
        (ruled("number", "self < 10.5"), 10, []),
        (ruled("number", "self * 2.0 == 5.0"), 2.5, []),
        (ruled("string", "self > duration('1m')", format="duration"), "2m", []),
        (ruled("string", "self.getFullYear() == 2020", format="date-time"),
         "2020-01-01T00:00:00Z", []),
        (ruled("string", "self.getMonth() == 1", format="date"), "2020-02-03", []),
        (ruled("string", "size(self) == 3", format="byte"), "YWJj", []),
        (ruled("object", "self.a < self.b", properties={
            "a": {"type": "integer"}, "b": {"type": "integer"}}), {"a": 2, "b": 1},
         ["spec: Invalid value: failed rule: self.a < self.b"]),
        (ruled("object", "has(self.a)", fieldPath=".a", properties={"a": {"type": "integer"}}),
         {}, ["spec.a: Invalid value: failed rule: has(self.a)"]),
        (ruled("object", "self.__in__ == self.x__dash__y", properties={
            "in": {"type": "integer"}, "x-y": {"type": "integer"}}), {"in": 1, "x-y": 1}, []),
        (ruled("object", "self.a == 1", properties={"a": {"type": "integer"}}), {},
         ['spec: Invalid value: "object": no such key: a evaluating rule: self.a == 1']),
        (ruled("object", "'k' in self", additionalProperties={"type": "string"}), {"k": "v"}, []),
        ({"type": "object", "additionalProperties": ruled("string", "self != 'bad'")},
         {"k": "bad"}, ['spec[k]: Invalid value: "bad": failed rule: self != \'bad\'']),
        ({"type": "array", "items": ruled("string", "self != 'bad'")}, ["a", "bad"],
         ['spec[1]: Invalid value: "bad": failed rule: self != \'bad\'']),
        (ruled("array", "self == ['b', 'a']", items={"type": "string"},
               **{"x-kubernetes-list-type": "set"}), ["a", "b"], []),
        (ruled("array", "self == ['b', 'a']", items={"type": "string"}), ["a", "b"],
         ["spec: Invalid value: failed rule: self == ['b', 'a']"]),
        ({"x-kubernetes-int-or-string": True,
          RULES: [{"rule": "type(self) == int ? self > 0 : self == 'all'"}]}, "all", []),
        ({"x-kubernetes-int-or-string": True, RULES: [{"rule": "self > 0"}]}, "all",
         ["spec: Invalid value: \"\": 'no such overload': call arguments did not match a "
          "supported operator, function or macro signature for rule: self > 0"]),
        ({"type": "integer", "allOf": [{RULES: [{"rule": "self > 0"}]}]}, 0,
         ["spec: Invalid value: 0: failed rule: self > 0"]),
        (ruled("integer", "self == oldSelf"), 1, []),
        (ruled("integer", "!oldSelf.hasValue() && self > 1", optionalOldSelf=True), 1,
         ["spec: Invalid value: 1: failed rule: !oldSelf.hasValue() && self > 1"]),
    ],
)  # fmt: skip
def test_rules_are_asked_of_new_objects(schema: dict[str, Any], spec: Any, said: list[str]) -> None:
    assert told(schema, spec) == said


def test_an_update_is_held_to_rules_about_the_change() -> None:
    schema = ruled("string", "self == oldSelf", message="immutable")
    assert told(schema, "b", "a") == ['spec: Invalid value: "b": immutable']
    assert told(schema, "a", "a") == []


def test_items_are_found_again_by_their_keys() -> None:
    item = {
        "type": "object",
        "properties": {"k": {"type": "string"}, "v": ruled("integer", "self >= oldSelf")},
    }
    keyed = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]}
    schema = {"type": "array", "items": item, **keyed}
    old = [{"k": "a", "v": 5}, {"k": "b", "v": 1}]
    assert told(schema, [{"k": "b", "v": 2}, {"k": "a", "v": 5}, {"k": "c", "v": 0}], old) == []
    assert told(schema, [{"k": "b", "v": 9}, {"k": "a", "v": 4}], old) == [
        "spec[1].v: Invalid value: 4: failed rule: self >= oldSelf"
    ]


def test_what_an_update_leaves_as_it_was_is_warned_of_alone() -> None:
    schema = {
        "type": "object",
        "properties": {"a": ruled("integer", "self > 0"), "b": {"type": "integer"}},
    }
    warnings: list[str] = []
    kind = kind_of(schema)
    old, new = thing({"a": 0, "b": 1}), thing({"a": 0, "b": 2})
    assert kind.check_update(new, old, warnings) == []
    assert warnings == ["spec.a: Invalid value: 0: failed rule: self > 0"]
    assert len(kind.check_update(thing({"a": -1, "b": 2}), old)) == 1


def test_rules_wait_until_the_object_is_otherwise_in_order() -> None:
    schema = ruled("object", "self.a > 0", properties={"a": {"type": "integer"}}, required=["a"])
    assert told(schema, {}) == [
        "spec.a: Required value",
        "<nil>: Invalid value: null: some validation rules were not checked because the object "
        "was invalid; correct the existing errors to complete validation",
    ]


def test_the_root_sees_its_name_and_nothing_else_of_its_metadata() -> None:
    kind = kind_of({"type": "object"}, **{RULES: [{"rule": "self.metadata.name == 'y'"}]})
    (cause,) = kind.check(thing({}))
    assert (cause.field, cause.body()) == (
        "<nil>", "Invalid value: failed rule: self.metadata.name == 'y'"
    )  # fmt: skip


def test_all_rules_of_an_object_share_one_budget() -> None:
    schema = ruled("array", "self.all(x, self.all(y, y >= 0))", items={"type": "integer"})
    (said,) = told(schema, list(range(1000)))
    assert "operation cancelled: actual cost limit exceeded" in said
    assert "no further validation rules will be run due to call cost exceeds limit" in said
