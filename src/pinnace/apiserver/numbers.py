"""Whole numbers of queries, read and refused as Go's strconv does; of any length."""

import orjson

from pinnace.api.errors import BadRequest

_LARGEST = (1 << 63) - 1
# More digits than a number of 64 bits has; what is longer is not worth turning into a number.
_DIGITS = 20


def int64(text: str) -> int:
    """Return a number of 64 bits; raises BadRequest."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdecimal()):
        raise BadRequest(f"strconv.ParseInt: parsing {_quoted(text)}: invalid syntax")
    value = uint(digits)
    value = -value if text[:1] == "-" else value
    if not -_LARGEST - 1 <= value <= _LARGEST:
        raise BadRequest(f"strconv.ParseInt: parsing {_quoted(text)}: value out of range")
    return value


def uint(digits: str) -> int:
    """Return the value of decimal digits, or something too large for 64 bits if it is that."""
    significant = digits.lstrip("0")
    return int(significant or "0") if len(significant) <= _DIGITS else 1 << 64


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()
