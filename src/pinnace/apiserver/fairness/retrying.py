"""After how many seconds a client that was sent away should come again.

One second, and twice that as long as too many are sent away: upstream's tracker, by level.
"""

from collections import deque

_MOST_SECONDS = 32


class Dropped:
    """Counts what one level drops."""

    def __init__(self) -> None:
        self.retry_after = 1
        self._history: deque[tuple[int, int]] = deque()
        self._second, self._count = 0, 0
        self._raised_at = 0

    def record(self, second: int) -> None:
        """Count a request that is dropped in this second."""
        if second == self._second:
            self._count += 1
            return
        self._history.append((self._second, self._count))
        kept = min(2 * self.retry_after, _MOST_SECONDS)
        while self._history and self._second - self._history[0][0] > kept:
            self._history.popleft()
        self._second, self._count = second, 1
        self._adjust(second)

    def _adjust(self, second: int) -> None:
        wait = self.retry_after
        lately = sum(count for at, count in self._history if second - wait <= at < second)
        if second - self._raised_at >= wait and lately >= 3 * wait:
            self.retry_after = min(2 * wait, _MOST_SECONDS)
            self._raised_at = second
        elif lately < wait and wait > 1:
            self.retry_after = wait - 1
