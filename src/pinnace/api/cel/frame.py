"""What closures of an expression work with: one evaluation, and values that may not be there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pinnace.api.cel.syntax import Call, Expr, Ident, Select
from pinnace.api.cel.values import NONE, CostExceeded, Lookups, Optional, no_overload


@dataclass(slots=True)
class Frame:
    """One evaluation: its variables, the values of its loops, and what it has cost so far."""

    variables: Mapping[str, Any]
    slots: list[Any]
    limit: int
    cost: int = 0

    def charge(self, cost: int) -> None:
        """Add a cost; raises CostExceeded."""
        self.cost += cost
        if self.cost > self.limit:
            raise CostExceeded


Step = Callable[[Frame], Any]
Build = Callable[[Expr], Step]


def is_attribute(expr: Expr) -> bool:
    """Say whether an expression names something: a variable, a field or an index of one."""
    return isinstance(expr, Ident | Select) or (
        isinstance(expr, Call) and expr.function in ("_[_]", "_[?_]", "_?._")
    )


def optional_field(value: Any, name: Any) -> Optional:
    """Return what a field, key or index holds, or none."""
    if isinstance(value, Optional):
        return optional_field(value.value, name) if value.present else NONE
    if isinstance(value, Lookups):
        try:
            return Optional(value.field(name), True)
        except KeyError:
            return NONE
    if isinstance(value, dict):
        return Optional(value[name], True) if name in value else NONE
    if isinstance(value, list) and isinstance(name, int):
        return Optional(value[name], True) if 0 <= name < len(value) else NONE
    raise no_overload()
