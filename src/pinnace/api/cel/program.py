"""Checked nodes into closures, and running them.

A closure gets a `Frame`, adds what it costs and returns a value, or raises CelError. Costs are
upstream's (cel-go `interpreter/runtimecost.go`): an evaluation that exceeds its limit ends.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pinnace.api.cel.costs import Charge, charge_for
from pinnace.api.cel.escaping import unescape
from pinnace.api.cel.frame import Frame, Step, is_attribute, optional_field
from pinnace.api.cel.functions import Overload
from pinnace.api.cel.operators import SPECIAL
from pinnace.api.cel.patience import patience
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
from pinnace.api.cel.values import (
    CelError,
    CostExceeded,
    Instance,
    Lookups,
    Optional,
    has_type,
    no_overload,
)

_LIST_COST, _MAP_COST, _STRUCT_COST = 10, 30, 40


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an evaluation: a value or an error, and the cost in either case."""

    value: Any = None
    error: CelError | CostExceeded | None = None
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Program:
    """An expression that can be evaluated; it holds nothing of any evaluation."""

    source: str
    expr: Expr
    type: Type
    names: frozenset[str]
    _step: Step = field(repr=False)
    _slots: int = 0

    def run(self, variables: Mapping[str, Any], limit: int) -> Outcome:
        """Evaluate for these variables, at this cost at most."""
        given = patience()
        if given is None:
            return self._run(variables, limit)
        outcome = self._run(variables, min(limit, max(given.left, 0)))
        given.spend(outcome.cost)
        return outcome

    def _run(self, variables: Mapping[str, Any], limit: int) -> Outcome:
        frame = Frame(variables, [None] * self._slots, limit)
        try:
            value = self._step(frame)
            frame.charge(0)
            return Outcome(value, None, frame.cost)
        except (CelError, CostExceeded) as error:
            return Outcome(None, error, frame.cost)
        except RecursionError:
            return Outcome(None, CelError("evaluation is nested too deeply"), frame.cost)


def build(source: str, expr: Expr, functions: Mapping[str, tuple[Overload, ...]]) -> Program:
    """Compile a checked expression."""
    builder = _Builder(functions)
    step = builder.build(expr)
    return Program(source, expr, expr.type, frozenset(builder.names), step, builder.slots)


class _Builder:
    def __init__(self, functions: Mapping[str, tuple[Overload, ...]]) -> None:
        self._functions = functions
        self._scopes: list[dict[str, int]] = []
        self.slots = 0
        self.names: set[str] = set()

    def build(self, expr: Expr) -> Step:
        if expr.type.kind == "type" and isinstance(expr, Ident | Select):
            named = expr.type.params[0]
            return lambda frame: named
        known, value = _constant(expr)
        if known:
            return lambda frame: value
        return _BUILD[type(expr)](self, expr)

    def _slot(self) -> int:
        self.slots += 1
        return self.slots - 1

    def ident(self, expr: Ident) -> Step:
        for scope in reversed(self._scopes):
            if expr.name in scope:
                return _local(scope[expr.name])
        name = expr.name
        self.names.add(name)

        def run(frame: Frame) -> Any:
            frame.cost += 1
            try:
                return frame.variables[name]
            except KeyError:
                raise CelError(f"no such attribute(s): {name}") from None

        return run

    def select(self, expr: Select) -> Step:
        if expr.variable:
            return self.ident(Ident(expr.pos, expr.variable))
        operand = self.build(expr.operand)
        target, _ = unwrap_optional(expr.operand.type)
        name = unescape(expr.field) if target.kind == "struct" else expr.field
        extra = 1 if is_attribute(expr.operand) else 2
        if expr.test:
            return _presence(operand, name, extra - 1)

        def run(frame: Frame) -> Any:
            value = operand(frame)
            frame.cost += extra
            try:
                return value[name]
            except (KeyError, TypeError):
                return _selected(value, name)

        return run

    def call(self, expr: Call) -> Step:
        special = SPECIAL.get(expr.function)
        if special is not None and (expr.target is None or expr.function in ("or", "orValue")):
            return special(self.build, expr)
        nodes = ([expr.target] if expr.target is not None else []) + expr.args
        if expr.function == "@in" and (found := self._membership(nodes)):
            return found
        args = [self.build(node) for node in nodes]
        chosen = [o for o in self._functions[expr.function] if o.id in expr.overloads]
        charge = charge_for(expr.function, chosen[0].id if len(chosen) == 1 else "")
        sure = len(chosen) == 1 and not any(_uncertain(node.type) for node in nodes)
        if sure:
            return _direct(args, chosen[0].run, charge)
        return _dispatched(args, chosen, charge)

    def _membership(self, nodes: list[Expr]) -> Step | None:
        """Return a look-up in a set for a list of constants, which upstream does not charge."""
        known, values = _constant(nodes[1])
        if not known or not isinstance(values, list) or not values:
            return None
        kinds = {type(value) for value in values}
        if len(kinds) != 1 or kinds - {str, int}:
            return None
        wanted, kind, inner = frozenset(values), kinds.pop(), self.build(nodes[0])

        def run(frame: Frame) -> bool:
            value = inner(frame)
            if type(value) is not kind:
                return isinstance(value, int | float) and value in wanted
            return value in wanted

        return run

    def list(self, expr: MakeList) -> Step:
        elements = [self.build(each) for each in expr.elements]
        optional = expr.optional

        def run(frame: Frame) -> list[Any]:
            made = []
            for index, element in enumerate(elements):
                value = element(frame)
                if index in optional:
                    if value.present:
                        made.append(value.value)
                    continue
                made.append(value)
            frame.charge(_LIST_COST)
            return made

        return run

    def map(self, expr: MakeMap) -> Step:
        entries = [(self.build(e.key), self.build(e.value), e.optional) for e in expr.entries]

        def run(frame: Frame) -> dict[Any, Any]:
            made: dict[Any, Any] = {}
            for key_step, value_step, optional in entries:
                key, value = key_step(frame), value_step(frame)
                if not isinstance(key, str | int):
                    raise CelError(f"unsupported key type: {type(key).__name__}")
                if key in made:
                    raise CelError(f"Failed with repeated key: {key}")
                if optional:
                    if value.present:
                        made[key] = value.value
                    continue
                made[key] = value
            frame.charge(_MAP_COST)
            return made

        return run

    def struct(self, expr: MakeStruct) -> Step:
        entries = [
            (unescape(e.key.value), self.build(e.value), e.optional)
            for e in expr.entries
            if isinstance(e.key, Literal)
        ]
        name = expr.name

        def run(frame: Frame) -> Instance:
            fields = {}
            for key, value_step, optional in entries:
                value = value_step(frame)
                if optional:
                    if value.present:
                        fields[key] = value.value
                    continue
                fields[key] = value
            frame.charge(_STRUCT_COST)
            return Instance(name, fields)

        return run

    def fold(self, expr: Fold) -> Step:
        if isinstance(expr.range, MakeList) and not expr.range.elements:
            return self._bind(expr)
        over, init = self.build(expr.range), self.build(expr.init)
        accu, first = self._slot(), self._slot()
        second = self._slot() if expr.var2 else -1
        self._scopes.append({expr.accu: accu})
        names = {expr.var: first}
        if expr.var2:
            names[expr.var2] = second
        self._scopes.append(names)
        condition, step = self.build(expr.condition), self.build(expr.step)
        self._scopes.pop()
        result = self.build(expr.result)
        self._scopes.pop()

        def run(frame: Frame) -> Any:
            items = over(frame)
            slots = frame.slots
            slots[accu] = init(frame)
            for one, two in _pairs(items, second >= 0):
                slots[first] = one
                if second >= 0:
                    slots[second] = two
                if condition(frame) is False:
                    break
                try:
                    slots[accu] = step(frame)
                except CelError as error:
                    slots[accu] = error
                frame.charge(0)
            return result(frame)

        return run

    def _bind(self, expr: Fold) -> Step:
        value, slot = self.build(expr.init), self._slot()
        self._scopes.append({expr.accu: slot})
        result = self.build(expr.result)
        self._scopes.pop()

        def run(frame: Frame) -> Any:
            frame.slots[slot] = value(frame)
            frame.charge(_LIST_COST)
            return result(frame)

        return run


def _constant(expr: Expr) -> tuple[bool, Any]:
    """Say whether an expression is a literal, or a list or map of such, and its value."""
    if isinstance(expr, Literal):
        return True, expr.value
    if isinstance(expr, MakeList) and expr.elements and not expr.optional:
        found = [_constant(each) for each in expr.elements]
        return all(known for known, _ in found), [value for _, value in found]
    return False, None


def _uncertain(given: Type) -> bool:
    return given.kind in ("dyn", "null", "error")


def _local(slot: int) -> Step:
    def run(frame: Frame) -> Any:
        frame.cost += 1
        value = frame.slots[slot]
        if type(value) is CelError:
            raise value
        return value

    return run


def _pairs(items: Any, both: bool) -> Any:
    if isinstance(items, list):
        return enumerate(items) if both else ((item, None) for item in items)
    if isinstance(items, dict):
        return items.items() if both else ((key, None) for key in items)
    raise no_overload()


def _selected(value: Any, name: str) -> Any:
    """Return a field of what is not a dict that has it."""
    if isinstance(value, Lookups):
        try:
            return value.field(name)
        except KeyError:
            raise CelError(f"no such key: {name}") from None
    if isinstance(value, Optional):
        return optional_field(value, name)
    raise CelError(f"no such key: {name}")


def _presence(operand: Step, name: str, extra: int) -> Step:
    def run(frame: Frame) -> bool:
        value = operand(frame)
        frame.cost += extra
        if isinstance(value, Optional):
            value = value.value if value.present else {}
        if isinstance(value, dict):
            return name in value
        if isinstance(value, Lookups):
            try:
                value.field(name)
            except KeyError:
                return False
            return True
        return False

    return run


def _direct(args: list[Step], run: Callable[..., Any], charge: Charge) -> Step:
    if isinstance(charge, int) and len(args) == 1:
        (only,) = args

        def one(frame: Frame) -> Any:
            value = run(only(frame))
            frame.charge(charge)
            return value

        return one
    if isinstance(charge, int) and len(args) == 2:
        first, second = args

        def two(frame: Frame) -> Any:
            value = run(first(frame), second(frame))
            frame.charge(charge)
            return value

        return two

    def many(frame: Frame) -> Any:
        values = [arg(frame) for arg in args]
        result = run(*values)
        frame.charge(charge if isinstance(charge, int) else charge(values, result))
        return result

    return many


def _dispatched(args: list[Step], chosen: list[Overload], charge: Charge) -> Step:
    def run(frame: Frame) -> Any:
        values = [arg(frame) for arg in args]
        for overload in chosen:
            if len(overload.params) == len(values) and all(map(has_type, values, overload.params)):
                result = overload.run(*values)
                frame.charge(charge if isinstance(charge, int) else charge(values, result))
                return result
        raise no_overload()

    return run


_BUILD: Mapping[type, Callable[[_Builder, Any], Step]] = {
    Ident: _Builder.ident,
    Select: _Builder.select,
    Call: _Builder.call,
    MakeList: _Builder.list,
    MakeMap: _Builder.map,
    MakeStruct: _Builder.struct,
    Fold: _Builder.fold,
}
