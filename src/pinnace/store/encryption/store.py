"""A store whose values are encrypted on their way in, and are plain again on their way out.

It stands between any backend and the caches, so everything above it sees plain values only: ranges,
old revisions, events and what they replaced. What is not named by the configuration costs one
look-up by the first part of its key.

A value whose seed has to be asked for holds up the events behind it, since they have an order; so
does nothing else. One that cannot be read is empty in ranges and events, and `check` says why: who
lists or reads it is told, and the rest of the store is not affected.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from pinnace.store.base import (
    Compare,
    CompareFailed,
    Deliver,
    Entry,
    Event,
    Failed,
    Page,
    Store,
    StoreError,
    Watch,
)
from pinnace.store.encryption.base import ENCRYPTED, NotLearned, Transformer, TransformError
from pinnace.store.encryption.transformers import Transformers, resource_of

_log = logging.getLogger(__name__)
_REGISTRY = len("/registry/")
# How many entries of a range are read before others get their turn.
_SLICE = 200


class EncryptedStore:
    """Any store, with transformers before it; `context` returns a key as it is authenticated."""

    def __init__(
        self,
        store: Store,
        transformers: Transformers,
        built_in: Mapping[str, tuple[str, str]],
        context: Callable[[str], str] = str,
    ) -> None:
        self._store = store
        self._built_in = built_in
        self._context = context
        self._by_head: dict[str, Transformer | None] = {}
        self._following: set[_Following] = set()
        self._passed: list[asyncio.Future[None]] = []
        self.transformers = transformers
        # Why values cannot be read, by their keys.
        self._unreadable: dict[str, TransformError] = {}

    @property
    def shared(self) -> bool:
        return self._store.shared

    def use(self, transformers: Transformers) -> Transformers:
        """Use other transformers from now on; return the ones so far, to be closed later."""
        before, self.transformers = self.transformers, transformers
        self._by_head.clear()
        return before

    def forget_unreadable(self) -> list[str]:
        """Return the keys of values that could not be read; they are to be read again."""
        keys = list(self._unreadable)
        self._unreadable.clear()
        return keys

    def check(self, prefix: str) -> None:
        """Raise TransformError if a value under a prefix is known to be unreadable."""
        for key in sorted(self._unreadable) if self._unreadable else ():
            if key.startswith(prefix):
                error = self._unreadable[key]
                raise TransformError(f'unable to transform key "{key}": {error}')

    def check_key(self, key: str) -> None:
        """Raise TransformError if the value of a key is known to be unreadable."""
        if key in self._unreadable:
            raise self._unreadable[key]

    def _of(self, key: str) -> Transformer | None:
        """Return the transformer of a key; those of one kind share their first parts."""
        head = key[: key.find("/", _REGISTRY)]
        try:
            return self._by_head[head]
        except KeyError:
            resource = resource_of(key, self._built_in)
        found = self.transformers.of(*resource) if resource is not None else None
        if head in self._built_in:
            self._by_head[head] = found
        return found

    async def get(self, key: str) -> Entry | None:
        entry = await self._store.get(key)
        return None if entry is None else await self._plain(entry)

    async def range(
        self, prefix: str, *, after: str = "", limit: int = 0, revision: int = 0
    ) -> Page:
        page = await self._store.range(prefix, after=after, limit=limit, revision=revision)
        entries = []
        for at, entry in enumerate(page.entries, start=1):
            entries.append(await self._plain(entry))
            if at % _SLICE == 0:
                await asyncio.sleep(0)
        return Page(entries, page.revision, page.more, page.remaining)

    async def commit(
        self,
        *,
        compares: Sequence[Compare] = (),
        puts: Sequence[tuple[str, bytes]] = (),
        deletes: Sequence[str] = (),
        durable: bool = True,
        ttl: int = 0,
    ) -> int:
        try:
            revision = await self._store.commit(
                compares=compares,
                puts=[(key, self._written(key, value)) for key, value in puts],
                deletes=deletes,
                durable=durable,
                ttl=ttl,
            )
        except CompareFailed as failed:
            await self._caught_up()
            if failed.current is None:
                raise
            raise CompareFailed(failed.key, await self._plain(failed.current)) from failed
        await self._caught_up()
        return revision

    def watch(self, prefix: str, *, since: int, deliver: Deliver, failed: Failed) -> Watch:
        following = _Following(self, deliver, failed)
        self._following.add(following)
        following.watch = self._store.watch(
            prefix, since=since, deliver=following.take, failed=following.fail
        )
        return following

    async def compact(self, revision: int) -> None:
        await self._store.compact(revision)

    async def revision(self) -> int:
        return await self._store.revision()

    async def size(self) -> int:
        return await self._store.size()

    async def close(self) -> None:
        await self._store.close()
        await self._caught_up()
        for following in tuple(self._following):
            following.close()

    async def is_stale(self, key: str) -> bool:
        """Say whether a value would be stored in another form now: it is to be rewritten."""
        if self._of(key) is None:
            return False
        entry = await self._store.get(key)
        if entry is None:
            return False
        return (await self._read(entry))[1]

    def _written(self, key: str, value: bytes) -> bytes:
        transformer = self._of(key)
        if transformer is None:
            return value
        try:
            return transformer.write(value, self._context(key).encode())
        except TransformError as error:
            _log.error("failed to encrypt %s: %s", key, error)
            raise

    async def _plain(self, entry: Entry) -> Entry:
        value = entry.value
        if self._of(entry.key) is None and not value.startswith(ENCRYPTED):
            return entry
        try:
            plain, _ = await self._read(entry)
        except TransformError as error:
            plain = self.broken(entry.key, error)
        else:
            self._unreadable.pop(entry.key, None)
        return Entry(entry.key, plain, entry.created, entry.modified)

    async def _read(self, entry: Entry) -> tuple[bytes, bool]:
        try:
            return self._read_now(entry)
        except NotLearned as unknown:
            await unknown.learn()
        return self._read_now(entry)

    def broken(self, key: str, error: TransformError) -> bytes:
        """Note that a value cannot be read; return what stands for it."""
        _log.error("unable to transform key %s: %s", key, error)
        self._unreadable[key] = error
        return b""

    def _read_now(self, entry: Entry) -> tuple[bytes, bool]:
        transformer = self._of(entry.key)
        if transformer is None:
            raise TransformError("identity transformer tried to read encrypted data")
        return transformer.read(entry.value, self._context(entry.key).encode())

    def plain_now(self, entry: Entry) -> Entry:
        """Return an entry with its plain value; raises NotLearned and TransformError."""
        value = entry.value
        if self._unreadable:
            self._unreadable.pop(entry.key, None)
        if not value or (self._of(entry.key) is None and not value.startswith(ENCRYPTED)):
            return entry
        plain, _ = self._read_now(entry)
        return Entry(entry.key, plain, entry.created, entry.modified)

    async def _caught_up(self) -> None:
        """Wait until what the backend has delivered has been passed on."""
        for following in tuple(self._following):
            await following.empty()

    def forget(self, following: "_Following") -> None:
        """Let go of a watch that has ended."""
        self._following.discard(following)


class _Following:
    """A watch: passes plain events on at once, or in order when something had to be asked."""

    def __init__(self, store: EncryptedStore, deliver: Deliver, failed: Failed) -> None:
        self._store = store
        self._deliver = deliver
        self._failed = failed
        self._held: deque[Sequence[Event] | StoreError] = deque()
        self._working: asyncio.Task[None] | None = None
        self.watch: Watch | None = None

    def close(self) -> None:
        """End the watch."""
        if self.watch is not None:
            self.watch.close()
        if self._working is not None:
            self._working.cancel()
        self._held.clear()
        self._store.forget(self)

    async def empty(self) -> None:
        """Wait until nothing is held."""
        if self._working is not None:
            await asyncio.wait((self._working,))

    def take(self, events: Sequence[Event]) -> None:
        if self._working is None:
            try:
                self._deliver([self._plain(event) for event in events])
            except NotLearned:
                pass
            else:
                return
        self._hold(events)

    def fail(self, error: StoreError) -> None:
        """End with an error, after what is held."""
        if self._working is None:
            self._end(error)
        else:
            self._held.append(error)

    def _end(self, error: StoreError) -> None:
        self._store.forget(self)
        self._failed(error)

    def _hold(self, events: Sequence[Event]) -> None:
        self._held.append(events)
        if self._working is None:
            self._working = asyncio.create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._held:
                held = self._held.popleft()
                if isinstance(held, StoreError):
                    self._end(held)
                    return
                for event in held:
                    await self._learn(event.entry)
                    if event.previous is not None:
                        await self._learn(event.previous)
                self._deliver([self._plain(event, again=True) for event in held])
        finally:
            self._working = None

    async def _learn(self, entry: Entry) -> None:
        try:
            self._store.plain_now(entry)
        except NotLearned as unknown:
            with suppress(TransformError):
                await unknown.learn()
        except TransformError:
            return

    def _plain(self, event: Event, *, again: bool = False) -> Event:
        """Return an event with plain values; one that cannot be read has none."""
        entry, previous = event.entry, event.previous
        before: Entry | None = None
        if previous is not None:
            # What was there is as good as unknown if it cannot be read.
            with suppress(TransformError):
                before = self._read(previous, again=again)
        try:
            plain = self._read(entry, again=again)
        except TransformError as error:
            value = self._store.broken(entry.key, error)
            plain = Entry(entry.key, value, entry.created, entry.modified)
        return Event(event.type, plain, before)

    def _read(self, entry: Entry, *, again: bool) -> Entry:
        try:
            return self._store.plain_now(entry)
        except NotLearned as unknown:
            if again:
                raise TransformError("failed to decrypt DEK") from unknown
            raise
