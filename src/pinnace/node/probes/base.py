"""What a way to probe is: a field of the probe, and a coroutine that asks once."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pinnace.node.runtime import ExecResult


class ProbeError(Exception):
    """The question could not be asked at all; says nothing about the container."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer: healthy or not, and the text for the Event."""

    ok: bool
    output: str = ""


class Execute(Protocol):
    """Runs a command in the probed container."""

    async def __call__(self, command: list[str], *, timeout: float) -> ExecResult: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question: the handler's own settings, and how to reach the container."""

    handler: Mapping[str, Any]
    host: str
    ports: Mapping[str, int]
    timeout: float
    execute: Execute


@dataclass(frozen=True, slots=True)
class ProbeType:
    """A row of the table."""

    field: str
    ask: Callable[[Asked], Awaitable[Outcome]]


def port_number(port: int | str, named: Mapping[str, int]) -> int:
    """Return the number of a port that may be a name; raises ProbeError if there is no such."""
    if isinstance(port, int):
        return port
    if port.isdigit():
        return int(port)
    if port not in named:
        raise ProbeError(f"couldn't find port by name: {port}")
    return named[port]
