"""Functions on lists: Kubernetes' own, and those of cel-go `ext/lists.go` and `ext/sets.go`."""

import functools
import itertools
from collections.abc import Sequence
from typing import Any

from pinnace.api.cel.functions import Overload, member, plain
from pinnace.api.cel.standard import OVERLOADS as _STANDARD
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
    param,
)
from pinnace.api.cel.values import CelError, Duration, UInt, contains, equal, type_of

_T = param("T")
_LIST, _ANY = list_of(_T), list_of(Type("dyn"))
_COMPARED: dict[str, Type] = {
    "int": INT,
    "uint": UINT,
    "double": DOUBLE,
    "bool": BOOL,
    "duration": DURATION,
    "timestamp": TIMESTAMP,
    "string": STRING,
    "bytes": BYTES,
}
_SUMMED: dict[str, tuple[Type, Any, str]] = {
    "int": (INT, 0, "add_int64"),
    "uint": (UINT, UInt(0), "add_uint64"),
    "double": (DOUBLE, 0.0, "add_double"),
    "duration": (DURATION, Duration(0), "add_duration_duration"),
}
_ADD = {overload.id: overload.run for overload in _STANDARD}


def _is_sorted(values: list[Any]) -> bool:
    return all(not two < one for one, two in itertools.pairwise(values))


def _least(values: list[Any]) -> Any:
    if not values:
        raise CelError("min called on empty list")
    return min(values)


def _greatest(values: list[Any]) -> Any:
    if not values:
        raise CelError("max called on empty list")
    return max(values)


def _index_of(values: list[Any], wanted: Any) -> int:
    return next((i for i, value in enumerate(values) if equal(value, wanted)), -1)


def _last_index_of(values: list[Any], wanted: Any) -> int:
    return next((i for i in reversed(range(len(values))) if equal(values[i], wanted)), -1)


def _slice(values: list[Any], start: int, end: int) -> list[Any]:
    where = f"cannot slice({start}, {end})"
    if start < 0 or end < 0:
        raise CelError(f"{where}, negative indexes not supported")
    if start > end:
        raise CelError(f"{where}, start index must be less than or equal to end index")
    if end > len(values):
        raise CelError(f"{where}, list is length {len(values)}")
    return list(values[start:end])


def _flatten(values: list[Any], depth: int = 1) -> list[Any]:
    if depth < 0:
        raise CelError("level must be non-negative")
    made: list[Any] = []
    for value in values:
        if isinstance(value, list) and depth:
            made.extend(_flatten(value, depth - 1))
        else:
            made.append(value)
    return made


def _sort(values: list[Any]) -> list[Any]:
    return _sort_by(values, values)


def _sort_by(values: list[Any], keys: list[Any]) -> list[Any]:
    if not values:
        return values
    wanted = type_of(keys[0])
    if wanted.kind not in _COMPARED:
        raise CelError("list elements must be comparable")
    if any(type_of(key) != wanted for key in keys):
        raise CelError("list elements must have the same type")
    return [values[i] for i in sorted(range(len(values)), key=keys.__getitem__)]


def _distinct(values: list[Any]) -> list[Any]:
    made: list[Any] = []
    for value in values:
        if not contains(made, value):
            made.append(value)
    return made


def _range(count: int) -> list[int]:
    if count > 10_000_000:
        raise CelError("lists.range: too many elements")
    return list(range(count))


def _all_in(values: Sequence[Any], wanted: Sequence[Any]) -> bool:
    return all(contains(values, each) for each in wanted)


def _sum(zero: Any, add: str, values: list[Any]) -> Any:
    return functools.reduce(_ADD[add], values, zero)


def _kubernetes() -> list[Overload]:
    made = []
    for name, kind in _COMPARED.items():
        of = (list_of(kind),)
        made.append(member("isSorted", f"list_{name}_is_sorted_bool", of, BOOL, _is_sorted))
        made.append(member("max", f"list_{name}_max_{name}", of, kind, _greatest))
        made.append(member("min", f"list_{name}_min_{name}", of, kind, _least))
        made.append(member("sort", f"list_{name}_sort", of, list_of(kind), _sort))
        both = (_LIST, list_of(kind))
        made.append(
            member(
                "@sortByAssociatedKeys", f"list_{name}_sortByAssociatedKeys", both, _LIST, _sort_by
            )
        )
    for name, (kind, zero, add) in _SUMMED.items():
        run = functools.partial(_sum, zero, add)
        made.append(member("sum", f"list_{name}_sum_{name}", (list_of(kind),), kind, run))
    return made


_SETS = (_LIST, _LIST)
OVERLOADS: tuple[Overload, ...] = (
    *_kubernetes(),
    member("indexOf", "list_a_index_of_int", (_LIST, _T), INT, _index_of),
    member("lastIndexOf", "list_a_last_index_of_int", (_LIST, _T), INT, _last_index_of),
    member("slice", "list_slice", (_LIST, INT, INT), _LIST, _slice),
    member("flatten", "list_flatten", (list_of(_LIST),), _LIST, _flatten),
    member(
        "flatten", "list_flatten_int", (list_of(Type("dyn")), INT), list_of(Type("dyn")), _flatten
    ),
    plain("lists.range", "lists_range", (INT,), list_of(INT), _range),
    member("reverse", "list_reverse", (_LIST,), _LIST, lambda values: values[::-1]),
    member("distinct", "list_distinct", (_LIST,), _LIST, _distinct),
    plain("sets.contains", "list_sets_contains_list", _SETS, BOOL, _all_in),
    plain(
        "sets.equivalent",
        "list_sets_equivalent_list",
        _SETS,
        BOOL,
        lambda a, b: _all_in(a, b) and _all_in(b, a),
    ),
    plain(
        "sets.intersects",
        "list_sets_intersects_list",
        _SETS,
        BOOL,
        lambda a, b: any(contains(a, each) for each in b),
    ),
)
