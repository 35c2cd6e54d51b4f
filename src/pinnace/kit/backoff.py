"""How long to wait before trying again: exponential, per item."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class Backoff:
    """One growing wait; `jitter` 1.0 adds up to as much again, drawn from `random`."""

    initial: float
    maximum: float
    factor: float = 2.0
    jitter: float = 0.0
    random: Callable[[], float] = lambda: 0.0
    _failures: int = 0

    def next(self) -> float:
        """Return how long to wait now, and grow."""
        # The exponent is capped: 2.0**1024 is no float any more, and long past any maximum.
        wait = min(self.initial * self.factor ** min(self._failures, 64), self.maximum)
        self._failures += 1
        return wait + wait * self.jitter * self.random()

    def reset(self) -> None:
        """Start over."""
        self._failures = 0


class Backoffs(Generic[K]):
    """A back-off per item; client-go's ItemExponentialFailureRateLimiter."""

    def __init__(self, initial: float = 0.005, maximum: float = 1000.0) -> None:
        self._initial = initial
        self._maximum = maximum
        self._failures: dict[K, int] = {}

    def next(self, key: K) -> float:
        """Return how long this item waits now, and count the failure."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        return min(self._initial * 2.0 ** min(failures, 64), self._maximum)

    def failures(self, key: K) -> int:
        """Return how often the item has failed since it was last forgotten."""
        return self._failures.get(key, 0)

    def forget(self, key: K) -> None:
        """Start over for this item."""
        self._failures.pop(key, None)
