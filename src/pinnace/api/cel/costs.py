"""What a call costs when it is made.

Upstream: cel-go `runtimecost.go`, apiserver `library/cost.go`.
A cost is a number, or is worked out from arguments and result.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from pinnace.api.cel.values import Optional, Special

Charge = int | Callable[[list[Any], Any], int]
TRAVERSAL, REGEX = 0.1, 0.25
CHECK = 350_000


def size_of(value: Any) -> int:
    """Return the size of what has one, and 1 for the rest."""
    if isinstance(value, str | bytes | list | dict):
        return len(value)
    if isinstance(value, Optional) and value.present:
        return size_of(value.value)
    return 1


def traversal_cost(value: Any) -> int:
    """Return the cost of looking at all of a value."""
    if isinstance(value, str):
        return int(len(value.encode()) * TRAVERSAL)
    if isinstance(value, bytes):
        return int(len(value) * TRAVERSAL)
    if isinstance(value, list):
        return sum(map(traversal_cost, value))
    if isinstance(value, dict):
        return sum(traversal_cost(k) + traversal_cost(v) for k, v in value.items())
    return 1


def _once(index: int, factor: float = TRAVERSAL) -> Charge:
    return lambda args, result: math.ceil(size_of(args[index]) * factor)


def _regex(args: list[Any], _result: Any) -> int:
    text = math.ceil((1.0 + size_of(args[0])) * TRAVERSAL)
    return text * math.ceil(size_of(args[1]) * REGEX)


def _validate(args: list[Any], _result: Any) -> int:
    text = math.ceil((1.0 + size_of(args[1])) * TRAVERSAL)
    return int(text * math.ceil(args[0].max_regex * REGEX))


def _contains_ip(parsed: bool) -> Charge:
    def cost(args: list[Any], _result: Any) -> int:
        made = math.ceil(2 * size_of(args[0]) * TRAVERSAL)
        return made + (math.ceil(size_of(args[1]) * TRAVERSAL) if parsed else 0)

    return cost


def _contains_cidr(parsed: bool) -> Charge:
    def cost(args: list[Any], _result: Any) -> int:
        made = math.ceil(2 * size_of(args[0]) * TRAVERSAL)
        made += math.ceil(size_of(args[0]) * TRAVERSAL) + 1
        return made + (math.ceil(size_of(args[1]) * TRAVERSAL) if parsed else 0)

    return cost


def _compared(args: list[Any], _result: Any) -> int:
    return math.ceil(min(size_of(args[0]), size_of(args[1])) * TRAVERSAL)


def _equals(args: list[Any], result: Any) -> int:
    return 1 if isinstance(args[0], Special) else _compared(args, result)


def _selector(args: list[Any], _result: Any) -> int:
    size = size_of(args[1])
    return 10 + math.ceil(size * TRAVERSAL) + math.ceil(math.ceil(size * 0.5) * 50)


def _joined(_args: list[Any], result: Any) -> int:
    return math.ceil(size_of(result) * 2 * TRAVERSAL)


def _added(args: list[Any], _result: Any) -> int:
    return math.ceil((size_of(args[0]) + size_of(args[1])) * TRAVERSAL)


def _contained(args: list[Any], _result: Any) -> int:
    return math.ceil(size_of(args[0]) * TRAVERSAL) * math.ceil(size_of(args[1]) * TRAVERSAL)


def _each(names: str, charge: Charge) -> dict[str, Charge]:
    return dict.fromkeys(names.split(), charge)


_TRAVERSED: Charge = lambda args, result: traversal_cost(args[0])  # noqa: E731
_BY_FUNCTION: Mapping[str, Charge] = {
    "check": CHECK,
    "fieldSelector": _selector,
    "labelSelector": _selector,
    "join": _joined,
    "find": _regex,
    "findAll": _regex,
    "ip.isCanonical": _once(0, 2 * TRAVERSAL),
    "validate": _validate,
    **_each("isSorted sum max min indexOf lastIndexOf", _TRAVERSED),
    **_each("url lowerAscii upperAscii substring trim jsonpatch.escapeKey", _once(0)),
    **_each("replace split", _once(0, 2 * TRAVERSAL)),
    **_each("cidr isIP isCIDR ip quantity isQuantity semver isSemver", _once(0)),
}
_BY_OVERLOAD: Mapping[str, Charge] = {
    "cidr_ip": 1,
    "cidr_contains_ip_string": _contains_ip(True),
    "cidr_contains_ip_ip": _contains_ip(False),
    "cidr_contains_cidr_string": _contains_cidr(True),
    "cidr_contains_cidr": _contains_cidr(False),
    "equals": _equals,
    "not_equals": _compared,
    "in_list": lambda args, result: size_of(args[1]),
    "matches": 1,
    "matches_string": _regex,
    "contains_string": _contained,
    **_each("add_string add_bytes", _added),
    **_each(
        "starts_with_string ends_with_string string_to_bytes bytes_to_string strings_quote "
        "string_format",
        _once(0),
    ),
    **_each(
        "less_string greater_string less_equals_string greater_equals_string less_bytes "
        "greater_bytes less_equals_bytes greater_equals_bytes",
        _compared,
    ),
}


def charge_for(function: str, overload: str) -> Charge:
    """Return the cost of an overload; of a function, where only the call can tell which it is."""
    if function in ("_==_", "_!=_"):
        overload = "equals" if function == "_==_" else "not_equals"
    return _BY_OVERLOAD.get(overload) or _BY_FUNCTION.get(function) or 1
