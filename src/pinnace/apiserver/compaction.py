"""Lets go of history: what is older than five minutes goes, every five minutes, with old Events."""

from pinnace.api.kinds.core import EVENTS
from pinnace.apiserver.core import Core
from pinnace.store.base import MOST_KEYS, StoreError

INTERVAL = 300.0
EVENT_SECONDS = 3600.0


async def compact_for_ever(core: Core) -> None:
    """Compact to the revision of the last round, so that between five and ten minutes are kept."""
    last = 0
    while True:
        await core.clock.sleep(INTERVAL)
        revision = await core.store.revision()
        if last:
            await core.store.compact(last)
        last = revision
        await expire_events(core)


async def expire_events(core: Core) -> None:
    """Delete Events that nobody has written for an hour, as upstream's leases on them do."""
    cache = core.caches.loaded(EVENTS.prefix)
    if cache is None:
        return
    limit = core.clock.monotonic() - EVENT_SECONDS
    old = [item.key for item in cache.items() if item.since < limit]
    for at in range(0, len(old), MOST_KEYS):
        try:
            await core.store.commit(deletes=old[at : at + MOST_KEYS], durable=False)
        except StoreError:
            return
