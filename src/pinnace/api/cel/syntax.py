"""The nodes of a parsed expression, and the errors that reading one gives.

The checker writes the type of a node and the overloads of a call into the node. A node is made for
one compilation and not shared.
"""

from dataclasses import dataclass, field
from typing import Any

from pinnace.api.cel.types import DYN, Type


@dataclass(slots=True, eq=False)
class Expr:
    """A node; `pos` is the offset in the text that errors point to."""

    pos: int
    type: Type = field(default=DYN, kw_only=True)


@dataclass(slots=True, eq=False)
class Literal(Expr):
    """A constant."""

    value: Any


@dataclass(slots=True, eq=False)
class Ident(Expr):
    """A variable, or the name of a type."""

    name: str


@dataclass(slots=True, eq=False)
class Select(Expr):
    """`operand.field`, or `has(operand.field)` if `test`; `variable` if the dots are in a name."""

    operand: Expr
    field: str
    test: bool = False
    variable: str = ""


@dataclass(slots=True, eq=False)
class Call(Expr):
    """A function, an operator or, with a target, a method."""

    function: str
    target: Expr | None
    args: list[Expr]
    overloads: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class MakeList(Expr):
    """`[a, ?b]`; `optional` has the positions with a question mark."""

    elements: list[Expr]
    optional: frozenset[int] = frozenset()


@dataclass(slots=True, eq=False)
class Entry:
    """One entry of a map, or one field of an object (whose key is a Literal)."""

    pos: int
    key: Expr
    value: Expr
    optional: bool = False


@dataclass(slots=True, eq=False)
class MakeMap(Expr):
    """`{k: v, ?k: v}`."""

    entries: list[Entry]


@dataclass(slots=True, eq=False)
class MakeStruct(Expr):
    """`Name{field: value}`."""

    name: str
    entries: list[Entry]


@dataclass(slots=True, eq=False)
class Fold(Expr):
    """What a macro such as `all` becomes: a loop with an accumulator."""

    range: Expr
    var: str
    var2: str
    accu: str
    init: Expr
    condition: Expr
    step: Expr
    result: Expr


@dataclass(frozen=True, slots=True)
class Issue:
    """Something wrong with an expression: where (NOWHERE for the whole of it), and what."""

    pos: int
    text: str


NOWHERE = -1
MOST_ISSUES = 100
# Longer lines are not shown with the errors in them.
_MOST_SHOWN = 16_384


class CompileError(Exception):
    """An expression that does not compile; its text is what upstream's compiler prints.

    The issues come in the order in which they were found, and the first hundred are told.
    """

    def __init__(self, source: str, issues: list[Issue]) -> None:
        self.issues = sorted(issues[:MOST_ISSUES], key=lambda issue: issue.pos)
        told = [display(source, issue) for issue in self.issues]
        if len(issues) > MOST_ISSUES:
            told.append(f"{len(issues) - MOST_ISSUES} more errors were truncated")
        super().__init__("\n".join(told))


def location(source: str, pos: int) -> tuple[int, int]:
    """Return the line, from 1, and the column, from 0, of an offset."""
    before = source[:pos]
    return before.count("\n") + 1, pos - (before.rfind("\n") + 1)


def display(source: str, issue: Issue) -> str:
    """Return an error with the line it is in and a mark below."""
    if issue.pos == NOWHERE:
        return f"ERROR: <input>:-1:0: {issue.text}"
    line, column = location(source, issue.pos)
    told = f"ERROR: <input>:{line}:{column + 1}: {issue.text}"
    text = source.split("\n")[line - 1].replace("\t", " ")
    if len(text.encode(errors="replace")) > _MOST_SHOWN:
        return told
    dots = "".join(_wide(char, ".", "\uff0e") for char in text[:column])
    mark = _wide(text[column], "^", "\uff3e") if column < len(text) else "^"
    return f"{told}\n | {text}\n | {dots}{mark}"


def _wide(char: str, narrow: str, wide: str) -> str:
    return wide if ord(char) > 127 else narrow


def qualified_name(expr: Expr) -> str | None:
    """Return `a.b.c` for a chain of plain selections, or None."""
    if isinstance(expr, Ident):
        return expr.name
    if isinstance(expr, Select) and not expr.test:
        before = qualified_name(expr.operand)
        return None if before is None else f"{before}.{expr.field}"
    return None
