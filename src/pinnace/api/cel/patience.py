"""How long expressions may take before whoever waits for them had better do so elsewhere.

A server that answers everybody from one thread lends it to expressions for some milliseconds. What
needs more raises TooSlow out of everything that evaluates, and is to be done again, from the start,
where nobody is kept waiting.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

# In the units of evaluation, of which a core does some millions a second.
_LENT = 20_000
# What compiling one character takes, in these units.
_PER_CHARACTER = 40


class TooSlow(Exception):
    """What is evaluated or compiled takes longer than it was lent time for."""


@dataclass(slots=True)
class Patience:
    """What is left of the time lent."""

    left: int

    def spend(self, cost: int) -> None:
        """Take a cost off; raises TooSlow if there is not that much."""
        self.left -= cost
        if self.left < 0:
            raise TooSlow

    def compile(self, source: str) -> None:
        """Take off what compiling costs; raises TooSlow."""
        self.spend(len(source) * _PER_CHARACTER)


_PATIENCE: ContextVar[Patience | None] = ContextVar("patience", default=None)


def patience() -> Patience | None:
    """Return what limits the expressions that are evaluated here, or None if nothing does."""
    return _PATIENCE.get()


def hurried(run: Callable[[], T]) -> T:
    """Call, and raise TooSlow if the expressions in it take more than some milliseconds."""
    token = _PATIENCE.set(Patience(_LENT))
    try:
        return run()
    finally:
        _PATIENCE.reset(token)
