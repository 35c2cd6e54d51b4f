"""`format`: values into a text, as clauses such as %s and %.3f say."""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from pinnace.api.cel.conversions import double_text
from pinnace.api.cel.times import timestamp_text
from pinnace.api.cel.types import Type
from pinnace.api.cel.values import (
    NANOS,
    CelError,
    CostExceeded,
    Duration,
    Timestamp,
    UInt,
    check_size,
    type_of,
)

_USUAL_PRECISION, _MOST_DIGITS = 6, 9
_CLAUSE = re.compile(r"%(?:%|(?:\.(\d*))?(.?))", re.DOTALL)
_SHOWN = "strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps"
_QUOTED = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": "\\\\",
    '"': r"\"",
}


def quoted(text: str) -> str:
    """Return a text in quotes, with escapes for what needs them."""
    return '"' + "".join(_QUOTED.get(char, char) for char in text) + '"'


def formatted(text: str, args: list[Any]) -> str:
    """Return a text with its clauses replaced; raises CelError for clauses that do not fit."""
    used, size = 0, len(text)

    def one(match: re.Match[str]) -> str:
        nonlocal used, size
        if match.group() == "%%":
            return "%"
        letter = match[2]
        if not letter:
            raise CelError("unexpected end of string")
        run = _LETTERS.get(letter)
        if run is None:
            text = f'unrecognized formatting clause "{letter}"'
            raise CelError(f"could not parse formatting clause: {text}")
        if used >= len(args):
            raise CelError(f"index {used} out of range")
        used += 1
        made = run(args[used - 1], _precision(match[1]))
        size += len(made)
        check_size(size)
        return made

    return _CLAUSE.sub(one, text)


def _precision(digits: str) -> int:
    if not digits:
        return _USUAL_PRECISION
    if len(digits) > _MOST_DIGITS:
        raise CostExceeded
    precision = int(digits)
    check_size(precision)
    return precision


def _refused(name: str, kinds: str, value: Any) -> CelError:
    given = type_of(value)
    shown = given.name or {"null": "null_type"}.get(given.kind, given.kind)
    shown = {"timestamp": "google.protobuf.Timestamp", "duration": "google.protobuf.Duration"}.get(
        shown, shown
    )
    text = f"error during formatting: {name} clause can only be used on {kinds}, was given {shown}"
    return CelError(text)


def _plain_double(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    shown = format(Decimal(repr(value)), "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _seconds(value: Duration) -> str:
    return f"{_plain_double(value.nanos / NANOS)}s"


def text_of(value: Any, _precision: int = 0) -> str:
    """Return any value as %s shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{', '.join(map(text_of, value))}]"
    if isinstance(value, dict):
        entries = sorted((text_of(key), text_of(inner)) for key, inner in value.items())
        return f"{{{', '.join(f'{key}: {inner}' for key, inner in entries)}}}"
    run = _TEXTS.get(type(value))
    if run is None:
        kinds = (
            "strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps"
        )
        raise _refused("string", kinds, value)
    return run(value)


def _string(value: Any, _precision: int) -> str:
    return double_text(value) if isinstance(value, float) else text_of(value)


def type_text(value: Type) -> str:
    """Return the name of a type."""
    names = {"null": "null_type", "timestamp": "google.protobuf.Timestamp"}
    names["duration"] = "google.protobuf.Duration"
    return value.name or names.get(value.kind, value.kind)


_TEXTS: dict[type, Callable[[Any], str]] = {
    str: lambda value: value,
    int: str,
    UInt: lambda value: str(int(value)),
    float: _plain_double,
    bytes: lambda value: value.decode(errors="replace"),
    Duration: _seconds,
    Timestamp: timestamp_text,
    Type: type_text,
}


def _decimal(value: Any, _precision: int) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused("decimal", "ints, uints, and doubles", value)
    return _plain_double(value) if isinstance(value, float) else str(int(value))


def _number(name: str, letter: str) -> Callable[[Any, int], str]:
    def run(value: Any, precision: int) -> str:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _refused(name, "ints, uints, and doubles", value)
        if not math.isfinite(value):
            return _plain_double(float(value))
        return format(value, f".{precision}{letter}")

    return run


def _binary(value: Any, _precision: int) -> str:
    if not isinstance(value, int):
        raise _refused("binary", "bools, ints, and uints", value)
    return format(int(value), "b")


def _octal(value: Any, _precision: int) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _refused("octal", "ints and uints", value)
    return format(int(value), "o")


def _hexadecimal(upper: bool) -> Callable[[Any, int], str]:
    def run(value: Any, _precision: int) -> str:
        if isinstance(value, str | bytes):
            shown = (value.encode() if isinstance(value, str) else value).hex()
        elif isinstance(value, int) and not isinstance(value, bool):
            shown = format(int(value), "x")
        else:
            raise _refused("hex", "ints, uints, bytes, and strings", value)
        return shown.upper() if upper else shown

    return run


_LETTERS: dict[str, Callable[[Any, int], str]] = {
    "s": _string,
    "d": _decimal,
    "f": _number("fixed-point", "f"),
    "e": _number("scientific", "e"),
    "b": _binary,
    "o": _octal,
    "x": _hexadecimal(False),
    "X": _hexadecimal(True),
}
