"""What an expression may cost at most, from its types and the sizes that a schema allows.

Upstream: cel-go `checker/cost.go` and apiserver `library/cost.go`. Which rules a definition may
have depends on these numbers, so they are upstream's to the unit. A range is a pair of the least
and the most; numbers do not go beyond 64 bits.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pinnace.api.cel.callcosts import Arg, call_estimate
from pinnace.api.cel.ranges import MOST, ONE, UNKNOWN, Range, add, fixed, times, union
from pinnace.api.cel.syntax import (
    Call,
    Expr,
    Fold,
    Ident,
    Literal,
    MakeList,
    MakeMap,
    MakeStruct,
    Select,
)
from pinnace.api.cel.types import Type, unwrap_optional

_SCALARS = frozenset(("bool", "double", "duration", "int", "timestamp", "uint"))
_ACCU = "__result__"
SizeOf = Callable[[tuple[str, ...]], Range | None]


@dataclass(frozen=True, slots=True)
class _Entries:
    """The sizes of the keys and values of a container that an expression makes."""

    kind: str
    key: Range
    value: Range

    def union(self, other: "_Entries | None") -> "_Entries | None":
        if other is None:
            return None
        return _Entries(self.kind, union(self.key, other.key), union(self.value, other.value))


class _Path:
    """A path that leads to a value, which grows as a slice of Go does.

    Upstream appends to one path from two places, and the second overwrites what the first added if
    there is room behind it. Estimates depend on that, so it is so here.
    """

    __slots__ = ("_cells", "_length")

    def __init__(self, cells: list[str], length: int) -> None:
        self._cells = cells
        self._length = length

    def plus(self, name: str) -> "_Path":
        """Return the path to a part; it shares its room with this one while there is some."""
        cells = self._cells
        if self._length == len(cells):
            cells = [*cells, *[""] * max(len(cells), 1)]
        cells[self._length] = name
        return _Path(cells, self._length + 1)

    def now(self) -> tuple[str, ...]:
        """Return the steps as they are at this moment."""
        return tuple(self._cells[: self._length])


@dataclass(frozen=True, slots=True)
class _Local:
    path: _Path
    size: Range | None = None
    entries: _Entries | None = None


@dataclass(slots=True)
class Estimator:
    """Estimates one expression; `size_of` knows the sizes of what paths lead to."""

    size_of: SizeOf
    _locals: dict[str, list[_Local]] = field(default_factory=dict)
    _paths: dict[int, _Path] = field(default_factory=dict)
    _sizes: dict[int, Range] = field(default_factory=dict)
    _entries: dict[int, _Entries] = field(default_factory=dict)

    def cost(self, expr: Expr) -> Range:
        """Return the least and the most that evaluating may cost."""
        run = _COSTS.get(type(expr))
        return run(self, expr) if run else fixed(0)

    def ident(self, expr: Ident) -> Range:
        found = self._local(expr.name)
        self._paths[id(expr)] = found.path if found else _Path([expr.name], 1)
        return ONE

    def select(self, expr: Select) -> Range:
        if expr.variable:
            return self.ident(Ident(expr.pos, expr.variable))
        cost = self.cost(expr.operand)
        if expr.test:
            return cost
        if expr.operand.type.kind in ("map", "struct", "param"):
            cost = add(cost, ONE)
        self._paths[id(expr)] = self._path(expr.operand).plus(expr.field)
        return cost

    def call(self, expr: Call) -> Range:
        if expr.function == "dyn" and expr.args:
            cost = add(ONE, self.cost(expr.args[0]))
            self._copy(expr, expr.args[0])
            return cost
        costs = [self.cost(arg) for arg in expr.args]
        args = [self._arg(arg) for arg in expr.args]
        if not expr.overloads:
            return fixed(0)
        total, target = fixed(0), None
        if expr.target is not None:
            total = self.cost(expr.target)
            target = self._arg(expr.target)
        return add(total, self._overloads(expr, target, args, costs))

    def _overloads(
        self, expr: Call, target: Arg | None, args: list[Arg], costs: list[Range]
    ) -> Range:
        found: Range = (MOST, 0)
        size: Range | None = None
        for overload in expr.overloads:
            cost, result = self._function(expr, overload, target, args, costs)
            found = union(found, cost)
            if result is not None:
                size = result if size is None else union(size, result)
            if overload in ("index_list", "index_map"):
                entries = self._entries_of(expr.args[0])
                size = entries.value if entries else None
                step = "@items" if overload == "index_list" else "@values"
                self._paths[id(expr)] = self._path(expr.args[0]).plus(step)
            if size is None:
                size = self._size(expr)
        if size is not None:
            self._sizes[id(expr)] = size
        return found

    def _function(
        self, expr: Call, overload: str, target: Arg | None, args: list[Arg], costs: list[Range]
    ) -> tuple[Range, Range | None]:
        total = fixed(0)
        for cost in costs:
            total = add(total, cost)
        if overload in ("logical_or", "logical_and"):
            return (costs[0][0], add(costs[0], costs[1])[1]), None
        if overload == "conditional":
            return self._conditional(expr, costs)
        if overload in ("add_string", "add_bytes", "add_list"):
            one, two = (self._entries_of(arg) for arg in expr.args)
            joined = one.union(two) if one else None
            if joined:
                self._entries[id(expr)] = joined
        cost, size = call_estimate(expr.function, overload, target, args, self._sized)
        return add(cost, total), size

    def _conditional(self, expr: Call, costs: list[Range]) -> tuple[Range, Range]:
        size = union(self._known(expr.args[1]), self._known(expr.args[2]))
        one, two = self._entries_of(expr.args[1]), self._entries_of(expr.args[2])
        joined = one.union(two) if one else None
        if joined:
            self._entries[id(expr)] = joined
        return add(costs[0], union(costs[1], costs[2])), size

    def list(self, expr: MakeList) -> Range:
        cost, item = fixed(0), (MOST if expr.elements else 0, 0)
        for element in expr.elements:
            cost = add(cost, self.cost(element))
            item = union(item, self._known(element))
        self._entries[id(expr)] = _Entries("list", ONE, item)
        return add(cost, fixed(10))

    def map(self, expr: MakeMap) -> Range:
        low = MOST if expr.entries else 0
        cost, key, value = fixed(0), (low, 0), (low, 0)
        for entry in expr.entries:
            cost = add(add(cost, self.cost(entry.key)), self.cost(entry.value))
            key = union(key, self._known(entry.key))
            value = union(value, self._known(entry.value))
        self._entries[id(expr)] = _Entries("map", key, value)
        return add(cost, fixed(30))

    def struct(self, expr: MakeStruct) -> Range:
        cost = fixed(40)
        for entry in expr.entries:
            cost = add(cost, self.cost(entry.value))
        return cost

    def fold(self, expr: Fold) -> Range:
        cost = add(self.cost(expr.range), self.cost(expr.init))
        self._push_value(expr.accu, expr.init)
        is_bind = (
            isinstance(expr.range, MakeList)
            and not expr.range.elements
            and isinstance(expr.condition, Literal)
            and expr.condition.value is False
            and expr.accu != _ACCU
        )
        if is_bind:
            cost = add(cost, self.cost(expr.result))
            self._locals[expr.accu].pop()
            self._copy(expr, expr.result)
            return cost
        return self._loop(expr, cost)

    def _loop(self, expr: Fold, cost: Range) -> Range:
        self._push_variables(expr)
        each = self.cost(expr.condition)
        each = add(self.cost(expr.step), each)
        self._locals[expr.var].pop()
        if expr.var2:
            self._locals[expr.var2].pop()
        cost = add(cost, self.cost(expr.result))
        self._locals[expr.accu].pop()
        count = self._known(expr.range)
        cost = add(cost, times(count, each))
        if isinstance(expr.init, Literal):
            size = self._size(expr.init)
            if size:
                self._sizes[id(expr)] = size
        elif isinstance(expr.init, MakeList | MakeMap):
            self._sizes[id(expr)] = count
            entries = self._entries_of(expr.step)
            if entries:
                self._entries[id(expr)] = entries
        return cost

    def _push_value(self, name: str, expr: Expr) -> None:
        local = _Local(self._path(expr), self._size(expr), self._entries_of(expr))
        self._locals.setdefault(name, []).append(local)

    def _push_variables(self, expr: Fold) -> None:
        entries, path = self._entries_of(expr.range), self._path(expr.range)
        is_list = (entries.kind if entries else expr.range.type.kind) == "list"
        key = entries.key if entries else None
        value = entries.value if entries else None
        if expr.var2:
            keys = _Local(path.plus("@indices" if is_list else "@keys"), key)
            values = _Local(path.plus("@items" if is_list else "@values"), value)
            self._locals.setdefault(expr.var, []).append(keys)
            self._locals.setdefault(expr.var2, []).append(values)
            return
        step, size = ("@items", value) if is_list else ("@keys", key)
        self._locals.setdefault(expr.var, []).append(_Local(path.plus(step), size))

    def _local(self, name: str) -> _Local | None:
        found = self._locals.get(name)
        return found[-1] if found else None

    def _path(self, expr: Expr) -> _Path:
        if isinstance(expr, Ident):
            found = self._local(expr.name)
            if found:
                return found.path
        return self._paths.get(id(expr)) or _Path([], 0)

    def _arg(self, expr: Expr) -> Arg:
        path = self._path(expr).now()
        if path and path[0] in (_ACCU, "@result"):
            path = ()
        return Arg(expr, expr.type, path, self._size(expr))

    def _sized(self, path: tuple[str, ...]) -> Range | None:
        return self.size_of(path) if path else None

    def _known(self, expr: Expr) -> Range:
        return self._size(expr) or UNKNOWN

    def _copy(self, to: Expr, of: Expr) -> None:
        size, entries = self._size(of), self._entries_of(of)
        if size:
            self._sizes[id(to)] = size
        if entries:
            self._entries[id(to)] = entries

    def _size(self, expr: Expr) -> Range | None:
        found = self._sizes.get(id(expr)) or _literal_size(expr)
        if found:
            return found
        sized = self._sized(self._path(expr).now())
        if sized is not None:
            self._sizes[id(expr)] = sized
            return sized
        if _is_scalar(expr.type):
            return ONE
        local = self._local(expr.name) if isinstance(expr, Ident) else None
        return local.size if local else None

    def _entries_of(self, expr: Expr) -> _Entries | None:
        found = self._entries.get(id(expr))
        if found:
            return found
        local = self._local(expr.name) if isinstance(expr, Ident) else None
        return local.entries if local else None


def _literal_size(expr: Expr) -> Range | None:
    if isinstance(expr, Literal):
        return fixed(len(expr.value) if isinstance(expr.value, str | bytes) else 1)
    if isinstance(expr, MakeList):
        return fixed(len(expr.elements))
    if isinstance(expr, MakeMap):
        return fixed(len(expr.entries))
    return None


def _is_scalar(given: Type) -> bool:
    inner, is_optional = unwrap_optional(given)
    return _is_scalar(inner) if is_optional else given.kind in _SCALARS


def factor_text(cost: int, limit: int) -> str:
    """Return by how much a cost is over its limit, as upstream tells it."""
    factor = cost / limit
    if factor > 100:
        return "more than 100x"
    return f"{factor:f}x" if factor < 1.5 else f"{math.floor(factor * 10 + 0.5) / 10:.1f}x"


_COSTS: Mapping[type, Callable[..., Range]] = {
    Ident: Estimator.ident,
    Select: Estimator.select,
    Call: Estimator.call,
    MakeList: Estimator.list,
    MakeMap: Estimator.map,
    MakeStruct: Estimator.struct,
    Fold: Estimator.fold,
}
