"""How many seats each priority level has: by its share, and by what others lend it. Pure.

A level may always use `lower`, its nominal seats less what it lends. What all levels together do
not need is given to those that can use it, in proportion to their demand and up to `upper`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pinnace.api.objects import Object

_LEAST_TARGET = 0.001
_EPSILON = 1e-7
# A single request gets at most this share of the nominal seats of its level.
_MOST_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a level's specification makes of the server's seats."""

    nominal: int
    lower: int
    upper: int

    @property
    def initial(self) -> int:
        """What a level has before anything is known of its demand."""
        return self.nominal - (self.nominal - self.lower) // 2


NOTHING = Bounds(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a level asks for in an allocation."""

    target: float
    lower: float
    upper: float


def shares(spec: Object) -> tuple[int, int, int | None]:
    """Return the shares of a level, and the percentages it lends and borrows (None: no limit)."""
    part: Any = spec.get("limited") or spec.get("exempt") or {}
    return (
        part.get("nominalConcurrencyShares") or 0,
        part.get("lendablePercent") or 0,
        part.get("borrowingLimitPercent") if spec.get("limited") else None,
    )


def bounds(spec: Object, *, total: int, all_shares: float) -> Bounds:
    """Return the seats of a level on a server with `total`; rounded up, so all have some."""
    mine, lends, borrows = shares(spec)
    nominal = math.ceil(total * mine / all_shares) if all_shares else 0
    lendable = rounded(nominal * lends / 100)
    borrowing = total if borrows is None else rounded(nominal * borrows / 100)
    return Bounds(nominal, nominal - lendable, nominal + borrowing)


def most_seats(spec: Object, nominal: int) -> int:
    """Return how many seats one request may get; 0 if the level does not say."""
    queuing = ((spec.get("limited") or {}).get("limitResponse") or {}).get("queuing")
    if not queuing:
        return 0
    most: int = max(1, min(math.ceil(nominal * _MOST_SHARE), nominal // queuing["handSize"]))
    return most


def rounded(value: float) -> int:
    """Round half away from zero, as Go does."""
    return math.floor(value + 0.5)


def allocate(total: int, wishes: Sequence[Wish]) -> tuple[list[float], float] | None:
    """Divide `total` so that each gets the same multiple of its target, bounds apart.

    Returns the parts and that multiple; None if the bounds do not allow it. Three levels with the
    targets 10, 20 and 30 share 90 as 15, 30 and 45; if the first takes no more than 12, the others
    share the remaining 78 as 31.2 and 46.8.
    """
    targets = [max(wish.target, _LEAST_TARGET) for wish in wishes]
    low, high = sum(wish.lower for wish in wishes), sum(wish.upper for wish in wishes)
    if low - total > _EPSILON or total - high > _EPSILON:
        return None
    if total == 0:
        return [0.0] * len(wishes), 0.0
    edges = sorted(
        {edge / target for wish, target in zip(wishes, targets, strict=True)
         for edge in (wish.lower, wish.upper)}
    )  # fmt: skip

    def parts(multiple: float) -> list[float]:
        return [
            max(wish.lower, min(wish.upper, multiple * target))
            for wish, target in zip(wishes, targets, strict=True)
        ]

    # The sum grows with the multiple, in straight pieces between the edges.
    below, above = edges[0], edges[-1]
    for edge in edges:
        if sum(parts(edge)) <= total:
            below = edge
        else:
            above = edge
            break
    least, most = sum(parts(below)), sum(parts(above))
    if most - least <= _EPSILON:
        return parts(below), below
    multiple = below + (above - below) * (total - least) / (most - least)
    return parts(multiple), multiple
