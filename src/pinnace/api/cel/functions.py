"""What a function is: overloads, each with the types it takes and the Python that does it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pinnace.api.cel.types import Type


@dataclass(frozen=True, slots=True)
class Overload:
    """One way to call a function; `generic` has the names of its type parameters."""

    id: str
    function: str
    member: bool
    params: tuple[Type, ...]
    result: Type
    run: Callable[..., Any]
    generic: frozenset[str] = frozenset()


def _parameters(types: Iterable[Type]) -> Iterable[str]:
    for each in types:
        if each.kind == "param":
            yield each.name
        yield from _parameters(each.params)


def plain(
    function: str, name: str, params: tuple[Type, ...], result: Type, run: Callable[..., Any]
) -> Overload:
    """Return an overload of a function that is called without a target."""
    generic = frozenset(_parameters((*params, result)))
    return Overload(name, function, False, params, result, run, generic)


def member(
    function: str, name: str, params: tuple[Type, ...], result: Type, run: Callable[..., Any]
) -> Overload:
    """Return an overload of a method; its first parameter is the target."""
    generic = frozenset(_parameters((*params, result)))
    return Overload(name, function, True, params, result, run, generic)


def table(*parts: Iterable[Overload]) -> dict[str, tuple[Overload, ...]]:
    """Return the overloads of each function, in the order given."""
    found: dict[str, list[Overload]] = {}
    for part in parts:
        for overload in part:
            found.setdefault(overload.function, []).append(overload)
    return {name: tuple(overloads) for name, overloads in found.items()}
