"""Leases: what etcd forgets by itself. Entries written near one another share one."""

import time
from dataclasses import dataclass

from pinnace.store.etcd.client import EtcdClient

# Upstream's numbers: a lease is shared for a minute (or a twentieth of its time), by a thousand.
_SHARED_SECONDS = 60
_SHARED_PART = 0.05
_SHARED_COUNT = 1000
_DEADLINE = 10.0


@dataclass(slots=True)
class _Lease:
    id: int
    until: float
    used: int = 0


class Leases:
    """Hands out leases for a time to live."""

    def __init__(self, client: EtcdClient) -> None:
        self._client = client
        self._by_ttl: dict[int, _Lease] = {}

    async def lease(self, ttl: int) -> int:
        """Return a lease with at least so many seconds left, and not many more."""
        now = time.monotonic()
        found = self._by_ttl.get(ttl)
        if found is None or found.until <= now or found.used >= _SHARED_COUNT:
            shared = min(_SHARED_SECONDS, int(ttl * _SHARED_PART))
            answer = await self._client.call("LeaseGrant", deadline=_DEADLINE, TTL=ttl + shared)
            found = self._by_ttl[ttl] = _Lease(answer.ID, now + shared)
        found.used += 1
        return found.id
