"""The words are those of Go's encoding/json, for bodies that decode nowhere."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pinnace.api.codec.jsonsyntax import complaint


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "unexpected end of JSON input"),
        (b'{"a":1', "unexpected end of JSON input"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
        (b'{"a":01}', "invalid character '1' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b"{} x", "invalid character 'x' after top-level value"),
        (b"tru ", "invalid character ' ' in literal true (expecting 'e')"),
        (b"-x", "invalid character 'x' in numeric literal"),
        (b"1.x", "invalid character 'x' after decimal point in numeric literal"),
        (b"1ex", "invalid character 'x' in exponent of numeric literal"),
        (b'"\n"', r"invalid character '\n' in string literal"),
        (rb'"\x"', "invalid character 'x' in string escape code"),
        (rb'"\u12"', "invalid character '\"' in \\u hexadecimal character escape"),
        (b"\x00", r"invalid character '\x00' looking for beginning of value"),
        (b"'", r"invalid character '\'' looking for beginning of value"),
        (b"[" * 10_001, "exceeded max depth"),
        (b"[" * 10_000 + b"]" * 10_000, ""),
    ],
)
def test_says_what_is_wrong_first(body: bytes, said: str) -> None:
    assert complaint(body) == said


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)  # fmt: skip


@given(VALUES)
def test_has_nothing_against_json(value: object) -> None:
    assert complaint(json.dumps(value, indent=1).encode()) == ""


@given(VALUES, st.integers(0, 200))
def test_complains_where_other_readers_do(value: object, cut: int) -> None:
    body = json.dumps(value).encode()[:cut]
    try:
        json.loads(body)
    except json.JSONDecodeError:
        assert complaint(body)
    else:
        assert complaint(body) == ""
