"""Value rules, in upstream's words. Texts were compared with upstream's server."""

from typing import Any

import pytest

from pinnace.api.custom.values import check_values, compile_values

Schema = dict[str, Any]


def said(schema: Schema, value: Any, *old: Any) -> list[str]:
    node = compile_values({"type": "object", "properties": {"f": schema}})
    before = ({"f": old[0]},) if old else ()
    return [cause.text() for cause in check_values(node, {"f": value}, *before)]


AB = {"a": {"type": "string"}, "b": {"type": "string"}}


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        ({"type": "integer"}, "x", 'must be of type integer: "string"'),
        ({"type": "string"}, None, 'must be of type string: "null"'),
        ({"type": "array", "items": {}}, {}, 'must be of type array: "object"'),
        ({"type": "integer", "minimum": 1}, 0, "should be greater than or equal to 1"),
        (
            {"type": "integer", "minimum": 3, "exclusiveMinimum": True},
            3,
            "should be greater than 3",
        ),
        ({"type": "number", "maximum": 1.5}, 2, "should be less than or equal to 1"),
        ({"type": "number", "maximum": 1.5}, 1.75, "should be less than or equal to 1.5"),
        ({"type": "integer", "multipleOf": 2}, 5, "should be a multiple of 2"),
        ({"type": "string", "minLength": 2}, "a", "should be at least 2 chars long"),
        ({"type": "string", "pattern": "^a+$"}, "b", "should match '^a+$'"),
        ({"type": "string", "format": "ipv4"}, "1.2.3", 'must be of type ipv4: "1.2.3"'),
        ({"type": "array", "minItems": 1, "items": {}}, [], "should have at least 1 items"),
        (
            {"type": "array", "uniqueItems": True, "items": {}},
            [1, 1],
            "shouldn't contain duplicates",
        ),
        ({"type": "object", "minProperties": 1}, {}, "should have at least 1 properties"),
    ],
)
def test_a_broken_rule_is_told_with_its_field(schema: Schema, value: Any, text: str) -> None:
    (only,) = said(schema, value)
    assert only.startswith("f: Invalid value: ")
    assert only.endswith(f": f in body {text}")


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        ({"enum": ["A", "B"]}, "C", 'f: Unsupported value: "C": supported values: "A", "B"'),
        ({"enum": [1, 2]}, 5, 'f: Unsupported value: 5: supported values: "1", "2"'),
        ({"maxLength": 1}, "ab", "f: Too long: may not be more than 1 byte"),
        ({"maxItems": 1, "items": {}}, [1, 2], "f: Too many: 2: must have at most 1 item"),
        ({"maxProperties": 1}, {"a": 1, "b": 2}, "f: Too many: 2: must have at most 1 item"),
        ({"required": ["a"]}, {}, "f.a: Required value"),
    ],
)
def test_some_rules_have_reasons_of_their_own(schema: Schema, value: Any, text: str) -> None:
    assert said(schema, value) == [text]


def test_int_or_string_takes_both_and_nothing_else() -> None:
    schema = {"x-kubernetes-int-or-string": True}
    assert said(schema, 5) == said(schema, "5%") == []
    assert 'must be of type integer,string: "boolean"' in said(schema, True)[0]


def test_a_fraction_is_refused_by_type_and_by_range() -> None:
    assert said({"type": "integer"}, 1.5) == [
        'f: Invalid value: "number": f in body must be of type integer: "number"',
        '<nil>: Invalid value: "": Checked value must be of type integer (default format) in f',
    ]


def test_nullable_takes_null() -> None:
    assert said({"type": "string", "nullable": True}, None) == []


def test_a_float_without_fraction_is_an_integer() -> None:
    assert said({"type": "integer"}, 5.0) == []


@pytest.mark.parametrize(
    ("junctor", "value", "text"),
    [
        ("anyOf", {}, '"f" must validate at least one schema (anyOf)'),
        ("oneOf", {}, '"f" must validate one and only one schema (oneOf). Found none valid'),
        (
            "oneOf",
            {"a": "x", "b": "y"},
            '"f" must validate one and only one schema (oneOf). Found 2 valid alternatives',
        ),
        ("allOf", {"a": "x"}, '"f" must validate all the schemas (allOf)'),
        ("allOf", {}, '"f" must validate all the schemas (allOf). None validated'),
    ],
)
def test_junctors_say_which_of_them_failed(junctor: str, value: Any, text: str) -> None:
    schema = {"type": "object", "properties": AB}
    schema[junctor] = [{"required": ["a"]}, {"required": ["b"]}]
    assert f'<nil>: Invalid value: "": {text}' in said(schema, value)


def test_not_refuses_what_validates() -> None:
    schema = {"type": "object", "not": {"required": ["a"]}}
    assert said(schema, {}) == []
    assert said(schema, {"a": 1}) == [
        '<nil>: Invalid value: "": "f" must not validate the schema (not)'
    ]


def test_what_an_update_leaves_as_it_was_may_stay() -> None:
    schema = {"type": "object", "properties": {"n": {"minimum": 5}, "m": {"minimum": 5}}}
    assert said(schema, {"n": 1, "m": 7}, {"n": 1, "m": 6}) == []
    assert len(said(schema, {"n": 1, "m": 2}, {"n": 1, "m": 6})) == 1


def test_items_of_keyed_lists_are_compared_by_their_keys_and_others_not() -> None:
    item = {"type": "object", "properties": {"k": {}, "n": {"minimum": 5}}}
    keyed = {
        "type": "array",
        "items": item,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
    }
    old = [{"k": "a", "n": 1}]
    new = [{"k": "b", "n": 9}, {"k": "a", "n": 1}]
    assert said(keyed, new, old) == []
    assert len(said({"type": "array", "items": item}, new, old)) == 1


def test_a_pattern_cannot_take_exponential_time() -> None:
    assert said({"type": "string", "pattern": "^(a+)+$"}, "a" * 50_000 + "b") != []
