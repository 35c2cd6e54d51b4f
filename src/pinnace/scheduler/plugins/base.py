"""What a scheduling plug-in is: it is asked about one pod and all nodes at once.

A filter yields reasons, each with the rows that it rules out; a score gives every row 0 to 100, of
which only the feasible rows count. Neither changes anything.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from pinnace.scheduler.columns import Columns, Mask, Numbers
from pinnace.scheduler.podinfo import PodInfo
from pinnace.scheduler.terms import Terms

MAX_SCORE = 100


@dataclass(slots=True)
class State:
    """What plug-ins look at; `kept` holds what was derived from labels and taints."""

    columns: Columns
    terms: Terms
    kept: dict[Any, Mask] = field(default_factory=dict)
    generation: int = -1

    def keep(self, key: object, mask: Mask) -> Mask:
        """Remember a mask until labels, taints or the set of nodes change."""
        self.fresh()
        self.kept[key] = mask
        return mask

    def fresh(self) -> dict[Any, Mask]:
        """Return the masks that are still true."""
        if self.generation != self.columns.generation or len(self.kept) > 4096:
            self.kept.clear()
            self.generation = self.columns.generation
        return self.kept


class Filter(Protocol):
    """Rules nodes out."""

    name: str

    def filter(self, pod: PodInfo, state: State) -> Iterable[tuple[str, Mask]]:
        """Yield each reason with the rows that it rules out."""
        ...


class Score(Protocol):
    """Says how well nodes suit."""

    name: str

    def score(self, pod: PodInfo, state: State, feasible: Mask) -> Numbers:
        """Return 0 to 100 for each row."""
        ...
