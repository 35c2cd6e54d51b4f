"""What an expression may name, and compiling it there."""

import sys
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import re2

from pinnace.api.cel import kubernetes, lists, network, standard, strings, times
from pinnace.api.cel.checker import Checker
from pinnace.api.cel.functions import Overload, table
from pinnace.api.cel.parser import parse
from pinnace.api.cel.patience import patience
from pinnace.api.cel.program import Program, build
from pinnace.api.cel.syntax import (
    Call,
    CompileError,
    Entry,
    Expr,
    Fold,
    Issue,
    Literal,
    MakeList,
    MakeMap,
    MakeStruct,
    Select,
)
from pinnace.api.cel.times import checked_timestamp, parse_duration, parse_timestamp
from pinnace.api.cel.types import Structs, Type, unwrap_optional
from pinnace.api.cel.values import NANOS, CelError

_ROOM = 5_000
_FUNCTIONS: Mapping[str, tuple[Overload, ...]] = table(
    standard.OVERLOADS,
    times.OVERLOADS,
    strings.OVERLOADS,
    lists.OVERLOADS,
    network.OVERLOADS,
    kubernetes.OVERLOADS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Variables and their types, the fields of object types, and functions beyond the common.

    `bindings` says that `cel.bind` may be used.
    """

    variables: Mapping[str, Type]
    structs: Structs = field(default_factory=dict)
    functions: Mapping[str, tuple[Overload, ...]] = field(default_factory=dict)
    bindings: bool = False

    def compile(self, source: str) -> Program:
        """Return the program; raises CompileError with upstream's text."""
        given = patience()
        if given is not None:
            given.compile(source)
        _make_room()
        expr = parse(source, bindings=self.bindings)
        functions = {**_FUNCTIONS, **self.functions} if self.functions else _FUNCTIONS
        checker = Checker(self.variables, functions, self.structs)
        checker.check(expr)
        if not checker.issues:
            checker.issues.extend(_bad_literals(expr))
            checker.issues.extend(_mixed_literals(expr))
        if checker.issues:
            raise CompileError(source, checker.issues)
        return build(source, expr, functions)


def _make_room() -> None:
    """Let expressions nest as deeply as the language allows: the parser takes nine calls a level.

    The limit guards the stack of C, of which this takes less than half of what threads have.
    """
    if sys.getrecursionlimit() < _ROOM:
        sys.setrecursionlimit(_ROOM)


def nodes(expr: Expr) -> Iterator[Expr]:
    """Go through an expression and all inside it."""
    yield expr
    for inner in _inside(expr):
        yield from nodes(inner)


def _inside(expr: Expr) -> list[Expr]:
    if isinstance(expr, Select):
        return [expr.operand]
    if isinstance(expr, Call):
        return ([expr.target] if expr.target else []) + expr.args
    if isinstance(expr, MakeList):
        return expr.elements
    if isinstance(expr, MakeMap | MakeStruct):
        return [inner for entry in expr.entries for inner in _of_entry(entry)]
    if isinstance(expr, Fold):
        return [expr.range, expr.init, expr.condition, expr.step, expr.result]
    return []


def _of_entry(entry: Entry) -> tuple[Expr, Expr]:
    return entry.key, entry.value


def _bad_literals(expr: Expr) -> Iterator[Issue]:
    """Tell of constants that a conversion or a match would always refuse."""
    for node in nodes(expr):
        if not isinstance(node, Call) or not node.args:
            continue
        arg = node.args[-1] if node.function == "matches" else node.args[0]
        if not isinstance(arg, Literal):
            continue
        if isinstance(arg.value, str):
            is_readable = _readable(node.function, arg.value)
        else:
            is_readable = node.function != "timestamp" or _is_moment(arg.value)
        if not is_readable:
            yield Issue(arg.pos, f"invalid {node.function} argument")


def _is_moment(seconds: Any) -> bool:
    try:
        checked_timestamp(seconds * NANOS)
    except (CelError, TypeError):
        return not isinstance(seconds, int)
    return True


def _mixed_literals(expr: Expr) -> Iterator[Issue]:
    """Tell of lists and maps whose elements have types that merely could be the same."""
    if isinstance(expr, Call) and expr.function == "format":
        return
    if isinstance(expr, MakeList):
        yield from _mixed(expr.elements, expr.optional)
    elif isinstance(expr, MakeMap):
        optional = frozenset(i for i, entry in enumerate(expr.entries) if entry.optional)
        yield from _mixed([entry.key for entry in expr.entries])
        yield from _mixed([entry.value for entry in expr.entries], optional)
    for inner in _inside(expr):
        yield from _mixed_literals(inner)


def _mixed(elements: Sequence[Expr], optional: Container[int] = ()) -> Iterator[Issue]:
    first: Type | None = None
    for index, element in enumerate(elements):
        given = unwrap_optional(element.type)[0] if index in optional else element.type
        if first is None:
            first = given
        elif given != first:
            yield Issue(element.pos, f"expected type '{first}' but found '{given}'")
            return


def _readable(function: str, text: str) -> bool:
    try:
        if function == "duration":
            parse_duration(text)
        elif function == "timestamp":
            parse_timestamp(text)
        elif function == "matches":
            re2.compile(text, standard.RE2)
    except (ValueError, re2.error):
        return False
    return True
