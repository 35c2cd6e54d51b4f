import pytest

from pinnace.api.codec import json
from pinnace.api.errors import BadRequest


def test_reads_what_it_writes() -> None:
    obj = {"kind": "Pod", "n": [1, 2.5, None, True, "é"]}
    assert json.decode(json.encode(obj)) == obj


def test_null_is_an_empty_object() -> None:
    assert json.decode(b"null") == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "unexpected end of JSON input"),
        (b'{"a":', "unexpected end of JSON input"),
        (b"hello", "invalid character 'h' looking for beginning of value"),
        (b"[]", "json: cannot unmarshal array into Go value of type struct { APIVersion"),
        (b'{"kind":1}', "json: cannot unmarshal number into Go struct field .kind of type string"),
        (b"[" * 100_000, ""),
    ],
)
def test_refuses_as_upstream(body: bytes, said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        json.decode(body)
    assert caught.value.message.startswith(f"couldn't get version/kind; json parse error: {said}")


def test_depth_is_bounded_so_that_what_walks_objects_may_recurse() -> None:
    deep = b'{"kind":"A","a":' + b"[" * 149 + b"]" * 149 + b"}"
    assert json.encode(json.decode(deep))
    with pytest.raises(BadRequest, match="exceeded max depth"):
        json.decode(b'{"a":' + b"[" * 160 + b"]" * 160 + b"}")
