"""What a call may cost, by function and the sizes of its arguments.

Upstream: `EstimateCallCost` of apiserver `library/cost.go`, then `functionCost` of cel-go
`checker/cost.go`, and the list functions of `ext/lists.go`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pinnace.api.cel.costs import CHECK, REGEX, TRAVERSAL
from pinnace.api.cel.ranges import MOST, ONE, UNKNOWN, Range, add, fixed, scaled, times
from pinnace.api.cel.syntax import Expr, Literal
from pinnace.api.cel.types import Type

SizeOf = Callable[[tuple[str, ...]], Range | None]
_MAX_NAME_REGEX, _MAX_FORMAT = 128, 64
_CHEAP_EQUALS = frozenset(("net.IP", "net.CIDR", "kubernetes.Quantity", "kubernetes.Semver"))


@dataclass(frozen=True, slots=True)
class Arg:
    """An argument: the node, its type, the path that leads to it and its size if it is known."""

    expr: Expr
    type: Type
    path: tuple[str, ...]
    size: Range | None


@dataclass(frozen=True, slots=True)
class _Call:
    function: str
    overload: str
    target: Arg | None
    args: list[Arg]
    size_of: SizeOf

    def size(self, arg: Arg) -> Range:
        if arg.size is not None:
            return arg.size
        return self.size_of(arg.path) or UNKNOWN if arg.path else UNKNOWN

    def first(self) -> Range:
        return self.size(self.args[0]) if self.args else UNKNOWN

    def of_target(self) -> Range:
        return self.size(self.target) if self.target else UNKNOWN

    def element(self) -> tuple[Type, Range] | None:
        """Return the type and size of the elements of the target, if it is a list or map."""
        if self.target is None or not self.target.type.params:
            return None
        found = self.size_of((*self.target.path, "@items")) if self.target.path else None
        return self.target.type.params[0], found or UNKNOWN


_Estimate = tuple[Range, Range | None]


def call_estimate(
    function: str, overload: str, target: Arg | None, args: list[Arg], size_of: SizeOf
) -> _Estimate:
    """Return the cost of a call, without that of its arguments, and the size of its result."""
    call = _Call(function, overload, target, args, size_of)
    for known in (_BY_OVERLOAD.get(overload), _BY_FUNCTION.get(function)):
        found = known(call) if known else None
        if found is not None:
            return found
    return ONE, None


def _traverse_first(call: _Call) -> _Estimate:
    return scaled(call.first(), TRAVERSAL), None


def _traverse_kept(call: _Call) -> _Estimate:
    size = call.first()
    return scaled(size, TRAVERSAL), size


def _traverse_target(call: _Call) -> _Estimate | None:
    if call.target is None:
        return None
    size = call.of_target()
    return scaled(size, TRAVERSAL), size


def _each_element(call: _Call) -> _Estimate | None:
    if call.target is None:
        return None
    found = call.element()
    if found is None:
        return scaled(call.of_target(), TRAVERSAL), None
    kind, size = found
    each = add(ONE, scaled(size, TRAVERSAL)) if kind.kind in ("string", "bytes") else ONE
    return times(call.of_target(), each), None


def _replace(call: _Call) -> _Estimate | None:
    if call.target is None or len(call.args) < 2:
        return None
    size, old, new = call.of_target(), call.size(call.args[0]), call.size(call.args[1])
    low_count, low_kept = _replaced(size[0], old[1], new[0] < old[1])
    high_count, high_kept = _replaced(size[1], old[0], new[1] > old[0])
    result = add(times((low_count, high_count), new), (low_kept, high_kept))
    return scaled(size, 2 * TRAVERSAL), result


def _replaced(size: int, old: int, matters: bool) -> tuple[int, int]:
    """Return how often a text of such a size is replaced, and how much of the text stays."""
    if old == 0:
        return min(size + 1, MOST), size
    return (math.ceil(size / old), 0) if matters else (0, size)


def _split(call: _Call) -> _Estimate | None:
    if call.target is None:
        return None
    size = call.of_target()
    most = size[1]
    if len(call.args) > 1:
        given = call.args[1].expr
        if isinstance(given, Literal) and type(given.value) is int:
            most = given.value & MOST
    return scaled(size, 2 * TRAVERSAL), (0, most)


def _join(call: _Call) -> _Estimate | None:
    if call.target is None:
        return None
    count, size = call.of_target(), fixed(0)
    found = call.element()
    if found is not None:
        size = times(count, found[1])
    if call.args:
        between = (max(count[0] - 1, 0), max(count[1] - 1, 0))
        size = add(size, times(call.first(), between))
    return scaled(size, TRAVERSAL), size


def _find(call: _Call) -> _Estimate | None:
    if call.target is None or not call.args:
        return None
    size = call.of_target()
    text = scaled(add(size, ONE), TRAVERSAL)
    return times(text, scaled(call.first(), REGEX)), (0, size[1])


def _matches(call: _Call) -> _Estimate | None:
    if call.target is None or len(call.args) != 1:
        return None
    text = scaled(add(call.target.size or UNKNOWN, ONE), TRAVERSAL)
    return times(text, scaled(call.args[0].size or UNKNOWN, REGEX)), None


def _contains(call: _Call) -> _Estimate | None:
    if call.target is None or len(call.args) != 1:
        return None
    text = scaled(call.target.size or UNKNOWN, TRAVERSAL)
    return times(text, scaled(call.args[0].size or UNKNOWN, TRAVERSAL)), None


def _ip_in(call: _Call) -> _Estimate:
    cost = scaled((8, 32), TRAVERSAL)
    if call.overload == "cidr_contains_ip_string":
        cost = add(cost, scaled(call.first(), TRAVERSAL))
    return cost, None


def _cidr_in(call: _Call) -> _Estimate:
    cost = add(add(scaled((8, 32), TRAVERSAL), scaled((4, 16), TRAVERSAL)), ONE)
    if call.overload == "cidr_contains_cidr_string":
        cost = add(cost, scaled(call.first(), TRAVERSAL))
    return cost, None


def _validate(call: _Call) -> _Estimate:
    return scaled(scaled(call.first(), TRAVERSAL), _MAX_NAME_REGEX * REGEX), None


def _selector(call: _Call) -> _Estimate:
    size = call.first()
    count = scaled(size, 0.5)
    return add(add(fixed(10), scaled(size, TRAVERSAL)), scaled(count, 50.0)), None


def _equals(call: _Call) -> _Estimate:
    one, two = call.args[0], call.args[1]
    if call.function == "_==_" and one.type == two.type and one.type.kind == "opaque":
        name = one.type.name
        if name in _CHEAP_EQUALS or name.startswith("kubernetes.authorization."):
            return ONE, None
        if name == "kubernetes.NamedFormat":
            return scaled((1, _MAX_FORMAT), TRAVERSAL), None
    return _compared(call)


def _compared(call: _Call) -> _Estimate:
    most = min((arg.size or UNKNOWN)[1] for arg in call.args[:2])
    return scaled((1 if most > 0 else 0, most), TRAVERSAL), None


def _prefix(call: _Call) -> _Estimate:
    return scaled(call.args[0].size or UNKNOWN, TRAVERSAL), None


def _in_list(call: _Call) -> _Estimate:
    return scaled(call.args[1].size or UNKNOWN, 1), None


def _added(call: _Call) -> _Estimate:
    size = add(call.args[0].size or UNKNOWN, call.args[1].size or UNKNOWN)
    return (ONE if call.overload == "add_list" else scaled(size, TRAVERSAL)), size


def _to_bytes(call: _Call) -> _Estimate:
    size = call.args[0].size or UNKNOWN
    return scaled(size, TRAVERSAL), (size[0], size[1] * 4 & MOST)


def _to_text(call: _Call) -> _Estimate:
    size = call.args[0].size or UNKNOWN
    return scaled(size, TRAVERSAL), (size[0] // 4, size[1])


def _quote(call: _Call) -> _Estimate:
    size = call.args[0].size or UNKNOWN
    return scaled(size, TRAVERSAL), (size[0] + 2, size[1] * 2 + 2 & MOST)


def _format(call: _Call) -> _Estimate | None:
    return (scaled(call.target.size or UNKNOWN, TRAVERSAL), None) if call.target else None


def _allocated(factor: float, size: Range) -> _Estimate:
    return add(scaled(size, factor), fixed(11)), size


def _slice(call: _Call) -> _Estimate:
    start, end = (_whole(arg) for arg in call.args)
    last = end if end is not None else call.of_target()[1]
    return _allocated(1, fixed(max(last - (start or 0), 0)))


def _whole(arg: Arg) -> int | None:
    value = arg.expr.value if isinstance(arg.expr, Literal) else None
    return value if isinstance(value, int) else None


def _range(call: _Call) -> _Estimate:
    count = _whole(call.args[0])
    return _allocated(1, fixed(MOST if count is None else max(count, 0)))


def _reversed(call: _Call) -> _Estimate:
    return _allocated(1, call.of_target())


def _squared(call: _Call) -> _Estimate:
    size = call.of_target()
    cost = add(times(scaled(size, 2.0), size), fixed(11))
    return cost, size


def _sets(call: _Call) -> _Estimate | None:
    if len(call.args) != 2:
        return None
    cost = times(call.size(call.args[0]), call.size(call.args[1]))
    return add(cost, ONE), None


def _fixed(cost: int) -> Callable[[_Call], _Estimate]:
    return lambda call: (fixed(cost), None)


_Row = Callable[[_Call], _Estimate | None]


def _each(names: str, row: _Row) -> dict[str, _Row]:
    return dict.fromkeys(names.split(), row)


_BY_FUNCTION: Mapping[str, _Row] = {
    "check": _fixed(CHECK),
    "replace": _replace,
    "split": _split,
    "join": _join,
    "validate": _validate,
    "containsIP": _ip_in,
    "containsCIDR": _cidr_in,
    "_==_": _equals,
    "_!=_": _compared,
    "ip.isCanonical": lambda call: (scaled(call.first(), 2 * TRAVERSAL), None),
    **_each("find findAll", _find),
    **_each("fieldSelector labelSelector", _selector),
    **_each("isSorted sum max min indexOf lastIndexOf", _each_element),
    **_each("url jsonpatch.escapeKey", _traverse_kept),
    **_each("lowerAscii upperAscii substring trim", _traverse_target),
    **_each("cidr isIP isCIDR ip quantity isQuantity semver isSemver", _traverse_first),
}
_BY_OVERLOAD: Mapping[str, _Row] = {
    "cidr_ip": _fixed(1),
    "matches_string": _matches,
    "contains_string": _contains,
    "string_to_bytes": _to_bytes,
    "bytes_to_string": _to_text,
    "strings_quote": _quote,
    "string_format": _format,
    "in_list": _in_list,
    "list_slice": _slice,
    "lists_range": _range,
    "list_reverse": _reversed,
    "list_distinct": _squared,
    **_each("list_flatten list_flatten_int", _reversed),
    **_each("starts_with_string ends_with_string", _prefix),
    **_each("add_string add_bytes add_list", _added),
    **_each("list_sets_contains_list list_sets_equivalent_list list_sets_intersects_list", _sets),
    **_each(
        "less_string greater_string less_equals_string greater_equals_string less_bytes "
        "greater_bytes less_equals_bytes greater_equals_bytes",
        _compared,
    ),
    **{
        f"list_{kind}_sort": _squared
        for kind in ["int", "uint", "double", "bool", "string", "bytes"]
    },
}
