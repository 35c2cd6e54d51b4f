"""Pods that wait for a node: the next to decide, those that back off, those that nothing suits.

Upstream's three queues: active (highest priority first, then oldest), backoff (1 s doubling to
10 s), unschedulable (until something changes in the cluster, at most five minutes). Time is handed
in; nothing here waits.
"""

import heapq
import itertools
from dataclasses import dataclass

from pinnace.scheduler.podinfo import PodInfo

FIRST_BACKOFF, LONGEST_BACKOFF = 1.0, 10.0
LONGEST_UNSCHEDULABLE = 300.0


@dataclass(slots=True)
class _Waiting:
    info: PodInfo
    since: float
    attempts: int = 0
    place: str = "active"
    tried: float = 0.0

    @property
    def ready_at(self) -> float:
        """When the back-off after the last attempt is over."""
        wait = FIRST_BACKOFF * 2.0 ** min(self.attempts - 1, 10)
        return self.tried + min(wait, LONGEST_BACKOFF)


class SchedulingQueue:
    """All pods without a node, by uid."""

    def __init__(self) -> None:
        self._pods: dict[str, _Waiting] = {}
        self._active: list[tuple[int, float, int, str]] = []
        self._timed: list[tuple[float, int, str]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        return len(self._pods)

    def add(self, info: PodInfo, now: float) -> None:
        """Take in a pod, or what changed of one; a change makes another attempt worth while."""
        known = self._pods.get(info.uid)
        if known is None:
            waiting = self._pods[info.uid] = _Waiting(info, now)
            self._activate(waiting)
            return
        known.info = info
        if known.place == "unschedulable":
            self._retry(known, now)

    def remove(self, uid: str) -> None:
        """Forget a pod that has a node now, or is gone."""
        self._pods.pop(uid, None)

    def _activate(self, waiting: _Waiting) -> None:
        waiting.place = "active"
        entry = (-waiting.info.priority, waiting.since, next(self._order), waiting.info.uid)
        heapq.heappush(self._active, entry)

    def _retry(self, waiting: _Waiting, now: float) -> None:
        if waiting.ready_at <= now:
            self._activate(waiting)
        else:
            self._park(waiting, "backoff", waiting.ready_at)

    def _park(self, waiting: _Waiting, place: str, until: float) -> None:
        waiting.place = place
        heapq.heappush(self._timed, (until, next(self._order), waiting.info.uid))

    def pop(self) -> PodInfo | None:
        """Take the next pod to decide; it stays known until it is removed or put back."""
        while self._active:
            uid = heapq.heappop(self._active)[3]
            waiting = self._pods.get(uid)
            if waiting is not None and waiting.place == "active":
                waiting.place = "deciding"
                return waiting.info
        return None

    def put_back(self, info: PodInfo, now: float, *, unschedulable: bool) -> None:
        """Keep a pod for later: until something changes, or only for its back-off."""
        waiting = self._pods.get(info.uid)
        if waiting is None:
            return
        waiting.attempts += 1
        waiting.tried = now
        if unschedulable:
            self._park(waiting, "unschedulable", now + LONGEST_UNSCHEDULABLE)
        else:
            self._park(waiting, "backoff", waiting.ready_at)

    def wake(self, now: float) -> None:
        """Try again what nothing suited: the cluster has changed."""
        for waiting in self._pods.values():
            if waiting.place == "unschedulable":
                self._retry(waiting, now)

    def flush(self, now: float) -> None:
        """Move what has waited long enough to the active queue."""
        while self._timed and self._timed[0][0] <= now:
            waiting = self._pods.get(heapq.heappop(self._timed)[2])
            if waiting is None or waiting.place not in ("backoff", "unschedulable"):
                continue
            # An entry may be of an earlier stay; a later one is in the heap as well.
            if waiting.place == "backoff" or now - waiting.tried >= LONGEST_UNSCHEDULABLE:
                self._activate(waiting)

    def next_flush(self, now: float) -> float | None:
        """Return in how many seconds `flush` will have something to do, or None."""
        return max(self._timed[0][0] - now, 0.0) if self._timed else None
