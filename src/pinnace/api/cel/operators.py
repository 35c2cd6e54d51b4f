"""The operators that do not always evaluate all of their operands, and indexing."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from pinnace.api.cel.escaping import unescape
from pinnace.api.cel.frame import Build, Frame, Step, is_attribute, optional_field
from pinnace.api.cel.syntax import Call
from pinnace.api.cel.types import unwrap_optional
from pinnace.api.cel.values import CelError, OpenMap, Optional, UInt, no_overload


def _logical(decides: bool, build: Build, expr: Call) -> Step:
    """Return `&&`, which one false decides, or `||`, which one true does, whatever else fails."""
    left, right = (build(arg) for arg in expr.args)

    def run(frame: Frame) -> Any:
        failed: CelError | None = None
        try:
            if left(frame) is decides:
                return decides
        except CelError as error:
            failed = error
        value = right(frame)
        if value is decides:
            return decides
        if failed is not None:
            raise failed
        if not isinstance(value, bool):
            raise no_overload()
        return not decides

    return run


def _conditional(build: Build, expr: Call) -> Step:
    condition, yes, no = (build(arg) for arg in expr.args)

    def run(frame: Frame) -> Any:
        value = condition(frame)
        if value is True:
            return yes(frame)
        if value is False:
            return no(frame)
        raise no_overload()

    return run


def _not_false(build: Build, expr: Call) -> Step:
    inner = build(expr.args[0])

    def run(frame: Frame) -> bool:
        frame.cost += 1
        try:
            return inner(frame) is not False
        except CelError:
            return True

    return run


def _index(build: Build, expr: Call) -> Step:
    operand, index = (build(arg) for arg in expr.args)
    extra = 1 if is_attribute(expr.args[0]) else 2
    # The attribute that an index is, as in a[b], is looked up as part of the qualifier.
    extra -= 1 if is_attribute(expr.args[1]) else 0

    def run(frame: Frame) -> Any:
        value, key = operand(frame), index(frame)
        frame.charge(extra)
        return _indexed(value, key)

    return run


def _indexed(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        if isinstance(value, OpenMap) and isinstance(key, str):
            return value[key]
        if isinstance(key, list | dict) or key not in value:
            raise CelError(f"no such key: {_key_text(key)}")
        return value[key]
    if isinstance(value, list):
        if isinstance(key, float) and key.is_integer():
            key = int(key)
        if not isinstance(key, int) or isinstance(key, bool):
            raise CelError(f"unsupported index type '{type(key).__name__}' in list")
        if not 0 <= key < len(value):
            raise CelError(f"index out of bounds: {int(key)}")
        return value[key]
    if isinstance(value, Optional):
        return optional_field(value, key)
    raise no_overload()


def _key_text(key: Any) -> str:
    return str(int(key)) if isinstance(key, UInt) else str(key)


def _optional_index(build: Build, expr: Call) -> Step:
    operand, index = (build(arg) for arg in expr.args)
    target, _ = unwrap_optional(expr.args[0].type)
    extra = 1 if is_attribute(expr.args[0]) else 2
    escaped = expr.function == "_?._" and target.kind == "struct"

    def run(frame: Frame) -> Optional:
        value, key = operand(frame), index(frame)
        frame.charge(extra)
        return optional_field(value, unescape(key) if escaped else key)

    return run


def _optional_or(build: Build, expr: Call) -> Step:
    assert expr.target is not None
    first, second = build(expr.target), build(expr.args[0])
    whole = expr.function == "or"

    def run(frame: Frame) -> Any:
        value = first(frame)
        if not isinstance(value, Optional):
            raise no_overload()
        if value.present:
            return value if whole else value.value
        return second(frame)

    return run


SPECIAL: Mapping[str, Callable[[Build, Call], Step]] = {
    "_&&_": partial(_logical, False),
    "_||_": partial(_logical, True),
    "_?_:_": _conditional,
    "@not_strictly_false": _not_false,
    "_[_]": _index,
    "_[?_]": _optional_index,
    "_?._": _optional_index,
    "or": _optional_or,
    "orValue": _optional_or,
}
