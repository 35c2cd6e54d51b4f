"""JSON bodies: fast in, fast out, with the errors of upstream's decoder."""

import json
import re
import sys
from typing import Any

import orjson

from pinnace.api.codec import jsonsyntax
from pinnace.api.errors import BadRequest
from pinnace.api.objects import Object

_INTERPRET = "couldn't get version/kind; json parse error: "
# Deeper objects than any schema asks for are refused: whatever walks objects may then recurse.
_DEPTH = 150
# A number of 64 bits has fewer.
_DIGITS = 24
_HALVES = re.compile("[\ud800-\udfff]")
_TYPE_META = (
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; '
    'Kind string "json:\\"kind,omitempty\\"" }'
)


def decode(body: bytes) -> Object:
    """Read one JSON object; raises BadRequest. A bare `null` is an empty object, as upstream."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = _decoded_slowly(body)
    if body.count(b"{") + body.count(b"[") > _DEPTH:
        check_depth(value)
    return as_object(value)


def check_depth(value: Any) -> None:
    """Refuse a value that is nested too deep; raises BadRequest."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(_DEPTH + 1):
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return
    raise BadRequest(f"{_INTERPRET}exceeded max depth")


def as_object(value: Any) -> Object:
    """Return a decoded value that must be an object; raises BadRequest."""
    if isinstance(value, dict):
        for key in ("apiVersion", "kind"):
            got = value.get(key)
            if got is not None and not isinstance(got, str):
                raise BadRequest(
                    f"{_INTERPRET}json: cannot unmarshal {go_name(got)} into Go struct field "
                    f".{key} of type string"
                )
        return value
    if value is None:
        return {}
    raise BadRequest(
        f"{_INTERPRET}json: cannot unmarshal {go_name(value)} into Go value of type {_TYPE_META}"
    )


def go_name(value: Any) -> str:
    """Name the JSON type of a value as Go's decoder does in its errors."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    return "null" if value is None else "number"


def encode(obj: Any) -> bytes:
    """Write compact JSON."""
    return orjson.dumps(obj)


def _finite(text: str) -> float:
    """Return a number, or the largest there is for one that is larger: it fits nowhere either."""
    return min(max(float(text), -sys.float_info.max), sys.float_info.max)


def _whole(text: str) -> float:
    return int(text) if len(text) < _DIGITS else _finite(text)


def _decoded_slowly(body: bytes) -> Any:
    """Read what orjson refuses and Go does not; raises BadRequest with Go's words for the rest.

    Go takes broken UTF-8 and halves of surrogate pairs for U+FFFD.
    """
    wrong = jsonsyntax.complaint(body)
    if wrong:
        raise BadRequest(_INTERPRET + wrong)
    try:
        value = json.loads(body.decode("utf-8", "replace"), parse_int=_whole, parse_float=_finite)
        text = json.dumps(value, ensure_ascii=False)
        return orjson.loads(_HALVES.sub("\N{REPLACEMENT CHARACTER}", text))
    except (RecursionError, orjson.JSONDecodeError):
        raise BadRequest(_INTERPRET + jsonsyntax.TOO_DEEP) from None
