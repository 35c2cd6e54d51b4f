import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinnace.api.codec import yaml
from pinnace.api.errors import BadRequest


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("y", True), ("No", False), ("on", True), ("TRUE", True), ("yEs", "yEs"), ("~", None),
        ("", None), ("1_000", 1000), ("0x1F", 31), ("010", 8), ("0o10", 8), ("08", 8), ("0b11", 3),
        ("1:30", "1:30"), ("190:20:30", "190:20:30"), ("2001-01-01", "2001-01-01"), ("1.0", 1),
        ("1.5", 1.5), (".5", 0.5), ("1e3", 1000), ("-3", -3), ("+3", 3), ("1.2.3", "1.2.3"),
        ("'1'", "1"), ("!!str 1", "1"), ("18446744073709551615", 2**64 - 1), ("1e999", "1e999"),
        ("2001-01-01T00:00:00Z", "2001-01-01T00:00:00Z"), ("=", "="), ("-", "-"), ("1Gi", "1Gi"),
    ],
)  # fmt: skip
def test_scalars_are_what_go_makes_of_them(text: str, value: Any) -> None:
    if text == "-":
        assert yaml.resolve("-") == "-"
        return
    decoded = yaml.decode(f"a: {text}\n".encode())["a"]
    assert decoded == value
    assert type(decoded) is type(value)


def test_keys_become_text() -> None:
    assert yaml.decode(b"1: a\ntrue: b\n") == {"1": "a", "true": "b"}


def test_only_the_first_document_is_read() -> None:
    assert yaml.decode(b"a: 1\n---\nb: 2\n") == {"a": 1}


def test_merges_and_aliases() -> None:
    body = b"k: &x {a: 1, b: 2}\nl: {<<: *x, b: 3}\nm: *x\n"
    assert yaml.decode(body) == {
        "k": {"a": 1, "b": 2},
        "l": {"a": 1, "b": 3},
        "m": {"a": 1, "b": 2},
    }


def test_repeated_keys_are_told_with_their_line() -> None:
    obj, said = yaml.decode_strict(b"a: 1\nb: 2\na: 3\n")
    assert obj == {"a": 3, "b": 2}
    assert said == ['yaml: unmarshal errors:\n  line 3: key "a" already set in map']


def test_repeated_keys_of_json_are_told_too() -> None:
    obj, said = yaml.decode_document(b'{"a": {"b": "x:y", "b": "z"}}')
    assert obj == {"a": {"b": "z"}}
    assert said == ['line 1: key "b" already set in map']


def test_json_whose_key_is_too_long_for_yaml_is_refused() -> None:
    with pytest.raises(BadRequest, match="did not find expected ','"):
        yaml.decode_document(b'{"%s": 1}' % (b"a" * 1100))


def test_alias_bombs_are_refused() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(BadRequest, match="excessive aliasing"):
        yaml.decode("\n".join(lines).encode())


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"a: b: c\n", "yaml: mapping values are not allowed in this context"),
        (b"x: 1\na: b: c\n", "yaml: line 2: mapping values are not allowed in this context"),
        (b"a: &a [*a]\n", "yaml: anchor 'a' value contains itself"),
        (b"a: .nan\n", "json: unsupported value: NaN"),
        (b"a: [" * 5000, "yaml: "),
        (b"a: \xff\n", "yaml: "),
        (b"- a\n", "couldn't get version/kind; json parse error: json: cannot unmarshal array"),
        (b"a: !!int x\n", "yaml: cannot decode !!str `x` as a !!int"),
    ],
)
def test_refuses_as_upstream(body: bytes, said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        yaml.decode(body)
    assert caught.value.message.startswith(said)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs", "Cc"], max_codepoint=0xD7FF)),
        st.sampled_from(["y", "1", "a\nb\n", "", "~", "1e3", "null", "- a", "a: b", " x", "0x1"])
        | st.integers(-5, 5),
    )
)
def test_reads_what_it_writes(obj: dict[str, Any]) -> None:
    assert yaml.decode(yaml.encode({"data": obj})) == {"data": obj}


_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126))
_SCALARS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.booleans() | st.none()
_VALUES = st.recursive(
    _SCALARS | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(min_codepoint=97, max_codepoint=122)), _VALUES))
def test_json_reads_the_same_by_the_quick_way(value: dict[str, Any]) -> None:
    value.pop("apiVersion", None)
    value.pop("kind", None)
    for body in (json.dumps(value).encode(), json.dumps(value, indent=1).encode()):
        try:
            slow = yaml.decode_strict(body)[0]
        except BadRequest as error:
            with pytest.raises(BadRequest, match=re.escape(str(error))):
                yaml.decode(body)
        else:
            assert repr(yaml.decode(body)) == repr(slow)
            assert repr(yaml.decode_document(body)[0]) == repr(slow)
