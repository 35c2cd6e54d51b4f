"""Lets go of history: what is older than five minutes goes, every five minutes, with old Events.

Of several servers on one store the one does it that first raises the shared key, as upstream's do
among themselves: the key holds the compacted revision, and its own revision says who was last. A
server that was late goes on from what the others did.
"""

import logging
from datetime import datetime, timedelta

from pinnace.api.kinds.core import EVENTS
from pinnace.api.objects import Object, parse_time
from pinnace.apiserver.core import Core
from pinnace.store.base import MOST_KEYS, Compare, CompareFailed, Store, StoreError
from pinnace.store.watchcache.item import Item

_log = logging.getLogger(__name__)

INTERVAL = 300.0
KEY = "compact_rev_key"


class Compactor:
    """One server's part in the compaction of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = 0
        self._revision = 0
        self.compacted = 0

    async def round(self) -> None:
        """Compact to where the store was a round ago, unless another server has done so since."""
        value = str(self._revision).encode()
        try:
            turn = await self._store.commit(
                compares=[Compare(KEY, self._turn)], puts=[(KEY, value)]
            )
        except CompareFailed as failed:
            self._turn = failed.current.modified if failed.current else 0
            self._revision = await self._store.revision()
            return
        target, self._turn, self._revision = self._revision, turn, turn
        if target:
            await self._store.compact(target)
            self.compacted = target


async def compact_for_ever(core: Core) -> None:
    """Keep between five and ten minutes of history, and Events for their time."""
    compactor = Compactor(core.store)
    while True:
        await core.clock.sleep(INTERVAL)
        try:
            await compactor.round()
            if not core.store.shared:
                await expire_events(core)
        except StoreError as error:
            _log.warning("the store cannot be compacted now: %s", error)


async def expire_events(core: Core) -> None:
    """Delete Events that nobody has written for an hour, as a shared store does by itself."""
    cache = core.caches.loaded(EVENTS.prefix)
    if cache is None:
        return
    limit = core.clock.monotonic() - core.config.event_ttl
    moment = core.clock.now() - timedelta(seconds=core.config.event_ttl)
    old = [
        item
        for item in cache.items()
        if item.since < limit or (item.since <= cache.since and _is_older(item, moment))
    ]
    for at in range(0, len(old), MOST_KEYS):
        some = old[at : at + MOST_KEYS]
        try:
            await core.store.commit(
                compares=[Compare(item.key, item.revision) for item in some],
                deletes=[item.key for item in some],
                durable=False,
            )
        except CompareFailed:
            continue  # one of them has been written meanwhile; the next round sees to the others


def _is_older(item: Item, moment: datetime) -> bool:
    """Say whether an Event that was there when the server started was last written before."""
    event = item.decode()
    times = [event["metadata"].get("creationTimestamp"), *_times(event)]
    return all(parse_time(text) < moment for text in times if text)


def _times(event: Object) -> list[str | None]:
    series = event.get("series") or {}
    return [event.get("lastTimestamp"), event.get("eventTime"), series.get("lastObservedTime")]
