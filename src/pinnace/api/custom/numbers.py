"""Bounds of numbers, and the ranges of their formats.

Upstream compares whole numbers as int64 with the bound cut to one, and others as float64.
"""

from collections.abc import Mapping
from typing import Any

from pinnace.api.custom.results import Wrong, go_float

_WHOLE = {"int32": 1 << 31, "int64": 1 << 63, "": 1 << 63}
_FLOAT32_MAX = 3.4028234663852886e38


def number_errors(
    raw: Mapping[str, Any], value: int | float, path: str, *, kind: str, format: str
) -> list[Wrong]:
    """Return what is wrong with a number; `kind` is integer, number, or empty for either."""
    wrong = _range(value, path, "Checked", kind, format)
    for name, what in (
        ("multipleOf", "MultipleOf"),
        ("minimum", "Minimum boundary"),
        ("maximum", "Maximum boundary"),
    ):
        bound = raw.get(name)
        if bound is None:
            continue
        misfit = _range(bound, path, what, kind, format)
        wrong += misfit
        whole = isinstance(value, int) and not misfit
        number = value if whole else float(value)
        limit = int(bound) if whole else float(bound)
        if name == "multipleOf":
            wrong += _multiple(number, limit, path, value)
        else:
            exclusive = bool(raw.get("exclusive" + name.capitalize()))
            lower = name == "minimum"
            wrong += _bound(number, limit, path, value, lower=lower, exclusive=exclusive)
    return wrong


def _range(value: int | float, path: str, what: str, kind: str, format: str) -> list[Wrong]:
    fits = True
    if kind == "integer":
        limit = _WHOLE.get(format, 1 << 63)
        fits = float(value).is_integer() and -limit <= value < limit
    elif kind == "number" and format == "float":
        fits = abs(value) <= _FLOAT32_MAX
    if fits:
        return []
    shown = f"with format {format}" if format else "(default format)"
    return [Wrong(f"{what} value must be of type {kind} {shown} in {path}")]


def _bound(
    number: float, limit: float, path: str, value: Any, *, lower: bool, exclusive: bool
) -> list[Wrong]:
    broken = number < limit if lower else number > limit
    if not broken and not (exclusive and number == limit):
        return []
    words = "greater than" if lower else "less than"
    if not exclusive:
        words += " or equal to"
    shown = str(limit) if isinstance(limit, int) else go_float(limit)
    return [Wrong(f"{path} in body should be {words} {shown}", path, value)]


def _multiple(number: float, factor: float, path: str, value: Any) -> list[Wrong]:
    shown = str(factor) if isinstance(factor, int) else go_float(factor)
    if factor <= 0:
        text = f"factor MultipleOf declared for {path} must be positive: {shown}"
        return [Wrong(text, path, factor)]
    if isinstance(number, int) and isinstance(factor, int):
        fits = number % factor == 0
    else:
        fits = (number / factor).is_integer()
    text = f"{path} in body should be a multiple of {shown}"
    return [] if fits else [Wrong(text, path, value)]
