"""What a scheduling plug-in is: it is asked about one pod and all nodes at once.

A pre-filter may refuse a pod before any node is looked at. A filter yields reasons, each with the
rows that it rules out; a score gives every row 0 to 100, of which only those of the feasible rows
count. None of them changes anything.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from pinnace.api.objects import Object
from pinnace.scheduler.columns import Columns, Mask, Numbers
from pinnace.scheduler.podinfo import PodInfo
from pinnace.scheduler.terms import Terms

MAX_SCORE = 100


class Storage(Protocol):
    """Looks volumes up; None for what is not there."""

    def claim(self, namespace: str, name: str) -> Object | None: ...

    def volume(self, name: str) -> Object | None: ...

    def storage_class(self, name: str) -> Object | None: ...


class NoStorage:
    """A cluster without volumes."""

    def claim(self, namespace: str, name: str) -> Object | None:
        return None

    def volume(self, name: str) -> Object | None:
        return None

    def storage_class(self, name: str) -> Object | None:
        return None


@dataclass(slots=True)
class State:
    """What plug-ins look at; `kept` holds what was derived from labels and taints.

    `nominated` has the pods that wait for a node on which others were evicted for them, by uid.
    """

    columns: Columns
    terms: Terms
    storage: Storage = field(default_factory=NoStorage)
    nominated: dict[str, tuple[PodInfo, str]] = field(default_factory=dict)
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


class Ruled(NamedTuple):
    """A reason, and the rows that it rules out.

    `final` says that evicting pods there would not help: for all of the rows, or for which.
    """

    reason: str
    rows: Mask
    final: bool | Mask = False


class Filter(Protocol):
    """Rules nodes out."""

    name: str

    def filter(self, pod: PodInfo, state: State) -> Iterable[Ruled]:
        """Yield each reason with the rows that it rules out."""
        ...


class PreFilter(Protocol):
    """Refuses a pod whatever the nodes are like."""

    name: str

    def refusal(self, pod: PodInfo, state: State) -> str:
        """Return why no node can take the pod, empty if one may."""
        ...


class Score(Protocol):
    """Says how well nodes suit."""

    name: str

    def score(self, pod: PodInfo, state: State, feasible: Mask) -> Numbers:
        """Return 0 to 100 for each row."""
        ...
