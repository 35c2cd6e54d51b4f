"""The standard functions and operators.

The logical operators, `?:`, selections and indexes are here for the checker; they do not evaluate
all of their arguments, so the compiler has closures of its own for them.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import re2

from pinnace.api.cel.conversions import CONVERSIONS
from pinnace.api.cel.functions import Overload, member, plain
from pinnace.api.cel.times import (
    checked_duration,
    checked_timestamp,
)
from pinnace.api.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    Type,
    list_of,
    map_of,
    optional_of,
    param,
)
from pinnace.api.cel.values import (
    INT_MIN,
    NONE,
    CelError,
    KeyedList,
    Optional,
    SetList,
    UInt,
    alike,
    check_size,
    checked_int,
    checked_uint,
    contains,
    equal,
    is_zero,
    no_overload,
)

_A, _B, _K, _V = param("A"), param("B"), param("K"), param("V")
_LIST, _MAP, _OPTIONAL = list_of(_A), map_of(_A, _B), optional_of(_V)
RE2 = re2.Options()
RE2.log_errors = False


def lazily(*_args: Any) -> Any:
    """Stand for an operator that the compiler evaluates itself."""
    raise no_overload()


def _divided(one: int, two: int) -> int:
    if two == 0:
        raise CelError("division by zero")
    return checked_int(abs(one) // abs(two) * (1 if (one < 0) == (two < 0) else -1))


def _remainder(one: int, two: int) -> int:
    if two == 0:
        raise CelError("modulus by zero")
    if one == INT_MIN and two == -1:
        raise CelError("integer overflow")
    return abs(one) % abs(two) * (-1 if one < 0 else 1)


def _udivided(one: int, two: int) -> UInt:
    if two == 0:
        raise CelError("division by zero")
    return UInt(int(one) // int(two))


def _uremainder(one: int, two: int) -> UInt:
    if two == 0:
        raise CelError("modulus by zero")
    return UInt(int(one) % int(two))


def _fdivided(one: float, two: float) -> float:
    if two == 0:
        if one == 0 or math.isnan(one):
            return math.nan
        return math.copysign(math.inf, one) * math.copysign(1.0, two)
    return one / two


def _join(one: list[Any], two: list[Any]) -> list[Any]:
    check_size(len(one) + len(two))
    if isinstance(one, SetList | KeyedList):
        return one.joined(two)
    return [*one, *two]


def _concatenate(one: Any, two: Any) -> Any:
    check_size(len(one) + len(two))
    return one + two


def _uint(run: Callable[[int, int], int]) -> Callable[[int, int], UInt]:
    return lambda one, two: checked_uint(run(int(one), int(two)))


def _int(run: Callable[[int, int], int]) -> Callable[[int, int], int]:
    return lambda one, two: checked_int(run(one, two))


_ARITHMETIC: tuple[Overload, ...] = (
    plain("_+_", "add_bytes", (BYTES, BYTES), BYTES, _concatenate),
    plain("_+_", "add_double", (DOUBLE, DOUBLE), DOUBLE, lambda a, b: a + b),
    plain(
        "_+_",
        "add_duration_duration",
        (DURATION, DURATION),
        DURATION,
        lambda a, b: checked_duration(a.nanos + b.nanos),
    ),
    plain(
        "_+_",
        "add_duration_timestamp",
        (DURATION, TIMESTAMP),
        TIMESTAMP,
        lambda a, b: checked_timestamp(a.nanos + b.nanos),
    ),
    plain(
        "_+_",
        "add_timestamp_duration",
        (TIMESTAMP, DURATION),
        TIMESTAMP,
        lambda a, b: checked_timestamp(a.nanos + b.nanos),
    ),
    plain("_+_", "add_int64", (INT, INT), INT, _int(lambda a, b: a + b)),
    plain("_+_", "add_list", (_LIST, _LIST), _LIST, _join),
    plain("_+_", "add_string", (STRING, STRING), STRING, _concatenate),
    plain("_+_", "add_uint64", (UINT, UINT), UINT, _uint(lambda a, b: a + b)),
    plain("_-_", "subtract_double", (DOUBLE, DOUBLE), DOUBLE, lambda a, b: a - b),
    plain(
        "_-_",
        "subtract_duration_duration",
        (DURATION, DURATION),
        DURATION,
        lambda a, b: checked_duration(a.nanos - b.nanos),
    ),
    plain("_-_", "subtract_int64", (INT, INT), INT, _int(lambda a, b: a - b)),
    plain(
        "_-_",
        "subtract_timestamp_duration",
        (TIMESTAMP, DURATION),
        TIMESTAMP,
        lambda a, b: checked_timestamp(a.nanos - b.nanos),
    ),
    plain(
        "_-_",
        "subtract_timestamp_timestamp",
        (TIMESTAMP, TIMESTAMP),
        DURATION,
        lambda a, b: checked_duration(a.nanos - b.nanos),
    ),
    plain("_-_", "subtract_uint64", (UINT, UINT), UINT, _uint(lambda a, b: a - b)),
    plain("_*_", "multiply_double", (DOUBLE, DOUBLE), DOUBLE, lambda a, b: a * b),
    plain("_*_", "multiply_int64", (INT, INT), INT, _int(lambda a, b: a * b)),
    plain("_*_", "multiply_uint64", (UINT, UINT), UINT, _uint(lambda a, b: a * b)),
    plain("_/_", "divide_double", (DOUBLE, DOUBLE), DOUBLE, _fdivided),
    plain("_/_", "divide_int64", (INT, INT), INT, _divided),
    plain("_/_", "divide_uint64", (UINT, UINT), UINT, _udivided),
    plain("_%_", "modulo_int64", (INT, INT), INT, _remainder),
    plain("_%_", "modulo_uint64", (UINT, UINT), UINT, _uremainder),
    plain("-_", "negate_double", (DOUBLE,), DOUBLE, lambda a: -a),
    plain("-_", "negate_int64", (INT,), INT, lambda a: checked_int(-a)),
    plain("!_", "logical_not", (BOOL,), BOOL, lambda a: not a),
)

_ORDERED: Mapping[str, Type] = {
    "bool": BOOL,
    "int64": INT,
    "int64_double": INT,
    "int64_uint64": INT,
    "uint64": UINT,
    "uint64_double": UINT,
    "uint64_int64": UINT,
    "double": DOUBLE,
    "double_int64": DOUBLE,
    "double_uint64": DOUBLE,
    "string": STRING,
    "timestamp": TIMESTAMP,
    "duration": DURATION,
    "bytes": BYTES,
}
_SECOND = {"double": DOUBLE, "int64": INT, "uint64": UINT}


def _unordered(one: Any, two: Any) -> None:
    if one != one or two != two:
        raise CelError("NaN values cannot be ordered")


def _less(one: Any, two: Any) -> bool:
    _unordered(one, two)
    one, two = alike(one, two)
    return bool(one < two)


def _less_equals(one: Any, two: Any) -> bool:
    _unordered(one, two)
    one, two = alike(one, two)
    return bool(one <= two)


def _comparisons() -> list[Overload]:
    made = []
    kinds: tuple[tuple[str, str, Callable[[Any, Any], bool]], ...] = (
        ("_<_", "less", _less),
        ("_<=_", "less_equals", _less_equals),
        ("_>_", "greater", lambda a, b: _less(b, a)),
        ("_>=_", "greater_equals", lambda a, b: _less_equals(b, a)),
    )
    for operator, prefix, run in kinds:
        for name, first in _ORDERED.items():
            second = _SECOND[name.split("_")[1]] if "_" in name else first
            made.append(plain(operator, f"{prefix}_{name}", (first, second), BOOL, run))
    made.append(plain("_==_", "equals", (_A, _A), BOOL, equal))
    made.append(plain("_!=_", "not_equals", (_A, _A), BOOL, lambda a, b: not equal(a, b)))
    return made


def matches(text: str, pattern: str) -> bool:
    """Say whether a regular expression is found in a text."""
    try:
        return re2.compile(pattern, RE2).search(text) is not None
    except re2.error as error:
        raise CelError(f"error parsing regexp: {error}") from None


def _sizes() -> list[Overload]:
    kinds = (("string", STRING), ("bytes", BYTES), ("list", _LIST), ("map", _MAP))
    made = []
    for name, kind in kinds:
        made.append(plain("size", f"size_{name}", (kind,), INT, len))
        made.append(member("size", f"{name}_size", (kind,), INT, len))
    return made


_COLLECTIONS: tuple[Overload, ...] = (
    plain("@in", "in_list", (_A, list_of(_A)), BOOL, lambda a, b: contains(b, a)),
    plain("@in", "in_map", (_A, map_of(_A, _B)), BOOL, lambda a, b: in_map(a, b)),
    *_sizes(),
    member("contains", "contains_string", (STRING, STRING), BOOL, lambda a, b: b in a),
    member("endsWith", "ends_with_string", (STRING, STRING), BOOL, str.endswith),
    member("startsWith", "starts_with_string", (STRING, STRING), BOOL, str.startswith),
    plain("matches", "matches", (STRING, STRING), BOOL, matches),
    member("matches", "matches_string", (STRING, STRING), BOOL, matches),
    plain("_[_]", "index_list", (_LIST, INT), _A, lazily),
    plain("_[_]", "index_map", (_MAP, _A), _B, lazily),
    plain("_[_]", "optional_list_index_int", (optional_of(_LIST), INT), optional_of(_A), lazily),
    plain("_[_]", "optional_map_index_value", (optional_of(_MAP), _A), optional_of(_B), lazily),
    plain("_?_:_", "conditional", (BOOL, _A, _A), _A, lazily),
    plain("_&&_", "logical_and", (BOOL, BOOL), BOOL, lazily),
    plain("_||_", "logical_or", (BOOL, BOOL), BOOL, lazily),
    plain("@not_strictly_false", "not_strictly_false", (BOOL,), BOOL, lazily),
)


def in_map(key: Any, value: dict[Any, Any]) -> bool:
    """Say whether a map has a key; what cannot be one is not there."""
    if isinstance(key, list | dict | float) and not (isinstance(key, float) and key.is_integer()):
        return False
    return key in value


def _value(given: Optional) -> Any:
    if not given.present:
        raise CelError("optional.none() dereference")
    return given.value


def _non_zero(value: Any) -> Optional:
    return NONE if is_zero(value) else Optional(value, True)


def _unwrapped(values: list[Optional]) -> list[Any]:
    return [each.value for each in values if each.present]


def _first(values: list[Any]) -> Optional:
    return Optional(values[0], True) if values else NONE


def _last(values: list[Any]) -> Optional:
    return Optional(values[-1], True) if values else NONE


_LIST_V, _MAP_KV = list_of(_V), map_of(_K, _V)
_OPTIONALS: tuple[Overload, ...] = (
    plain("optional.of", "optional_of", (_V,), _OPTIONAL, lambda a: Optional(a, True)),
    plain("optional.ofNonZeroValue", "optional_ofNonZeroValue", (_V,), _OPTIONAL, _non_zero),
    plain("optional.none", "optional_none", (), _OPTIONAL, lambda: NONE),
    plain("optional.unwrap", "optional_unwrap", (list_of(_OPTIONAL),), _LIST_V, _unwrapped),
    member("unwrapOpt", "optional_unwrapOpt", (list_of(_OPTIONAL),), _LIST_V, _unwrapped),
    member("value", "optional_value", (_OPTIONAL,), _V, _value),
    member("hasValue", "optional_hasValue", (_OPTIONAL,), BOOL, lambda a: a.present),
    member("or", "optional_or_optional", (_OPTIONAL, _OPTIONAL), _OPTIONAL, lazily),
    member("orValue", "optional_orValue_value", (_OPTIONAL, _V), _V, lazily),
    member("first", "list_first", (_LIST_V,), _OPTIONAL, _first),
    member("last", "list_last", (_LIST_V,), _OPTIONAL, _last),
    plain("_[?_]", "list_optindex_optional_int", (_LIST_V, INT), _OPTIONAL, lazily),
    plain(
        "_[?_]",
        "optional_list_optindex_optional_int",
        (optional_of(_LIST_V), INT),
        _OPTIONAL,
        lazily,
    ),
    plain("_[?_]", "map_optindex_optional_value", (_MAP_KV, _K), _OPTIONAL, lazily),
    plain(
        "_[?_]",
        "optional_map_optindex_optional_value",
        (optional_of(_MAP_KV), _K),
        _OPTIONAL,
        lazily,
    ),
)


def _inserted(given: dict[Any, Any], key: Any, value: Any) -> dict[Any, Any]:
    if key in given:
        raise CelError(f"insert failed: key {key} already exists")
    return {**given, key: value}


def _merged(given: dict[Any, Any], more: dict[Any, Any]) -> dict[Any, Any]:
    for key, value in more.items():
        given = _inserted(given, key, value)
    return given


_INSERTS: tuple[Overload, ...] = (
    plain("cel.@mapInsert", "@mapInsert_map_key_value", (_MAP_KV, _K, _V), _MAP_KV, _inserted),
    plain("cel.@mapInsert", "@mapInsert_map_map", (_MAP_KV, _MAP_KV), _MAP_KV, _merged),
)

OVERLOADS: tuple[Overload, ...] = (
    *_ARITHMETIC,
    *_comparisons(),
    *CONVERSIONS,
    *_COLLECTIONS,
    *_OPTIONALS,
    *_INSERTS,
)
