"""Macros: calls that the parser replaces by loops and tests.

Upstream: cel-go `parser/macro.go`, `ext/comprehensions.go`, the optional types of `cel/library.go`
and `sortBy` of `ext/lists.go`.
"""

from collections.abc import Callable, Mapping

from pinnace.api.cel.syntax import (
    Call,
    Entry,
    Expr,
    Fold,
    Ident,
    Literal,
    MakeList,
    MakeMap,
    MakeStruct,
    Select,
)

ACCUMULATOR = "__result__"
_SORTED = "@__sortBy_input__"


class MacroError(Exception):
    """A macro with arguments that it cannot take."""

    def __init__(self, pos: int, text: str) -> None:
        super().__init__(text)
        self.pos = pos
        self.text = text


def expand(call: Call, *, bindings: bool = False) -> Expr | None:
    """Return what the macro means, or None if the call is none of them.

    `bindings` says that `cel.bind` is one of them.
    """
    if bindings and isinstance(call.target, Ident) and call.target.name == "cel":
        return _bind(call) if (call.function, len(call.args)) == ("bind", 3) else None
    if call.target is None:
        return _has(call) if call.function == "has" and len(call.args) == 1 else None
    found = _MACROS.get((call.function, len(call.args)))
    return found(call, call.target) if found else None


def copied(expr: Expr) -> Expr:
    """Return a copy of a tree, for a macro that uses an argument twice."""
    if isinstance(expr, Literal):
        return Literal(expr.pos, expr.value)
    if isinstance(expr, Ident):
        return Ident(expr.pos, expr.name)
    if isinstance(expr, Select):
        return Select(expr.pos, copied(expr.operand), expr.field, expr.test)
    if isinstance(expr, Call):
        target = copied(expr.target) if expr.target else None
        return Call(expr.pos, expr.function, target, [copied(arg) for arg in expr.args])
    if isinstance(expr, MakeList):
        return MakeList(expr.pos, [copied(each) for each in expr.elements], expr.optional)
    if isinstance(expr, MakeMap):
        return MakeMap(expr.pos, _entries(expr.entries))
    if isinstance(expr, MakeStruct):
        return MakeStruct(expr.pos, expr.name, _entries(expr.entries))
    assert isinstance(expr, Fold)
    inner = (expr.init, expr.condition, expr.step, expr.result)
    init, condition, step, result = map(copied, inner)
    names = (expr.var, expr.var2, expr.accu)
    return Fold(expr.pos, copied(expr.range), *names, init, condition, step, result)


def _entries(entries: list[Entry]) -> list[Entry]:
    return [Entry(e.pos, copied(e.key), copied(e.value), e.optional) for e in entries]


def _has(call: Call) -> Expr:
    (arg,) = call.args
    if isinstance(arg, Select) and not arg.test:
        return Select(call.pos, arg.operand, arg.field, True)
    raise MacroError(arg.pos, "invalid argument to has() macro")


def _variable(arg: Expr, why: str) -> str:
    if not isinstance(arg, Ident) or arg.name.startswith("."):
        raise MacroError(arg.pos, why)
    if arg.name == ACCUMULATOR:
        raise MacroError(arg.pos, "iteration variable overwrites accumulator variable")
    return arg.name


def _variables(call: Call, count: int) -> tuple[str, str]:
    if count == 1:
        simple = call.function in ("all", "exists", "exists_one", "existsOne")
        why = "argument must be a simple name" if simple else "argument is not an identifier"
        return _variable(call.args[0], why), ""
    first = _variable(call.args[0], "argument must be a simple name")
    second = _variable(call.args[1], "argument must be a simple name")
    if first == second:
        raise MacroError(call.args[1].pos, f"duplicate variable name: {first}")
    return first, second


class _Loop:
    """Makes the nodes of a loop, all of which errors show at the call."""

    def __init__(self, call: Call, target: Expr, count: int) -> None:
        self.pos = call.pos
        self.target = target
        self.var, self.var2 = _variables(call, count)

    def accu(self) -> Expr:
        return Ident(self.pos, ACCUMULATOR)

    def call(self, name: str, *args: Expr) -> Expr:
        return Call(self.pos, name, None, list(args))

    def const(self, value: bool | int) -> Expr:
        return Literal(self.pos, value)

    def fold(
        self, init: Expr, step: Expr, condition: Expr | None = None, result: Expr | None = None
    ) -> Expr:
        condition = condition or self.const(True)
        names = (self.var, self.var2, ACCUMULATOR)
        return Fold(self.pos, self.target, *names, init, condition, step, result or self.accu())


def _all(count: int) -> Callable[[Call, Expr], Expr]:
    def make(call: Call, target: Expr) -> Expr:
        loop = _Loop(call, target, count)
        condition = loop.call("@not_strictly_false", loop.accu())
        step = loop.call("_&&_", loop.accu(), call.args[count])
        return loop.fold(loop.const(True), step, condition)

    return make


def _exists(count: int) -> Callable[[Call, Expr], Expr]:
    def make(call: Call, target: Expr) -> Expr:
        loop = _Loop(call, target, count)
        condition = loop.call("@not_strictly_false", loop.call("!_", loop.accu()))
        step = loop.call("_||_", loop.accu(), call.args[count])
        return loop.fold(loop.const(False), step, condition)

    return make


def _exists_one(count: int) -> Callable[[Call, Expr], Expr]:
    def make(call: Call, target: Expr) -> Expr:
        loop = _Loop(call, target, count)
        more = loop.call("_+_", loop.accu(), loop.const(1))
        step = loop.call("_?_:_", call.args[count], more, loop.accu())
        result = loop.call("_==_", loop.accu(), loop.const(1))
        return loop.fold(loop.const(0), step, result=result)

    return make


def _collected(loop: _Loop, given: Expr, condition: Expr | None) -> Expr:
    step = loop.call("_+_", loop.accu(), MakeList(loop.pos, [given]))
    if condition is not None:
        step = loop.call("_?_:_", condition, step, loop.accu())
    return loop.fold(MakeList(loop.pos, []), step)


def _map(count: int) -> Callable[[Call, Expr], Expr]:
    def make(call: Call, target: Expr) -> Expr:
        condition = call.args[count] if len(call.args) == count + 2 else None
        return _collected(_Loop(call, target, count), call.args[-1], condition)

    return make


def _filter(call: Call, target: Expr) -> Expr:
    loop = _Loop(call, target, 1)
    return _collected(loop, Ident(call.args[0].pos, loop.var), call.args[1])


def _transform_map(keyed: bool) -> Callable[[Call, Expr], Expr]:
    def make(call: Call, target: Expr) -> Expr:
        loop = _Loop(call, target, 2)
        key = [Ident(loop.pos, loop.var)] if keyed else []
        step = loop.call("cel.@mapInsert", loop.accu(), *key, call.args[-1])
        if len(call.args) == 4:
            step = loop.call("_?_:_", call.args[2], step, loop.accu())
        return loop.fold(MakeMap(loop.pos, []), step)

    return make


def _bound(pos: int, name: str, value: Expr, result: Expr) -> Expr:
    """Return a loop over nothing, which gives a value a name."""
    nothing = MakeList(pos, [])
    return Fold(
        pos, nothing, "#unused", "", name, value, Literal(pos, False), Ident(pos, name), result
    )


def _bind(call: Call) -> Expr:
    name, value, result = call.args
    if not isinstance(name, Ident) or name.name.startswith("."):
        raise MacroError(name.pos, "cel.bind() variable names must be simple identifiers")
    return _bound(call.pos, name.name, value, result)


def _opt_map(flat: bool) -> Callable[[Call, Expr], Expr]:
    def make(call: Call, target: Expr) -> Expr:
        pos, given = call.pos, call.args[0]
        if not isinstance(given, Ident):
            text = f"{call.function}() variable name must be a simple identifier"
            raise MacroError(given.pos, text)
        value = Call(pos, "value", copied(target), [])
        made = _bound(pos, given.name, value, call.args[1])
        made = made if flat else Call(pos, "optional.of", None, [made])
        present = Call(pos, "hasValue", target, [])
        nothing = Call(pos, "optional.none", None, [])
        return Call(pos, "_?_:_", None, [present, made, nothing])

    return make


def _sort_by(call: Call, target: Expr) -> Expr:
    if not isinstance(target, MakeList | Select | Ident | Fold | Call):
        kinds = "a list, identifier, comprehension, call or select expression"
        raise MacroError(target.pos, f"sortBy can only be applied to {kinds}")
    again = Call(call.pos, "map", None, call.args)
    keys = _map(1)(again, Ident(call.pos, _SORTED))
    result = Call(call.pos, "@sortByAssociatedKeys", Ident(call.pos, _SORTED), [keys])
    return _bound(call.pos, _SORTED, target, result)


_MACROS: Mapping[tuple[str, int], Callable[[Call, Expr], Expr]] = {
    ("all", 2): _all(1),
    ("all", 3): _all(2),
    ("exists", 2): _exists(1),
    ("exists", 3): _exists(2),
    ("exists_one", 2): _exists_one(1),
    ("exists_one", 3): _exists_one(2),
    ("existsOne", 2): _exists_one(1),
    ("existsOne", 3): _exists_one(2),
    ("map", 2): _map(1),
    ("map", 3): _map(1),
    ("filter", 2): _filter,
    ("transformList", 3): _map(2),
    ("transformList", 4): _map(2),
    ("transformMap", 3): _transform_map(True),
    ("transformMap", 4): _transform_map(True),
    ("transformMapEntry", 3): _transform_map(False),
    ("transformMapEntry", 4): _transform_map(False),
    ("optMap", 2): _opt_map(False),
    ("optFlatMap", 2): _opt_map(True),
    ("sortBy", 2): _sort_by,
}
