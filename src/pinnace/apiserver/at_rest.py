"""Encryption at rest, as a server has it: before its store, with the plug-ins and the file watched.

Upstream: apiserver `pkg/server/options/encryptionconfig/controller`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from pinnace.api.resources import Resource
from pinnace.kit.clock import Clock
from pinnace.store.base import Store
from pinnace.store.encryption import settings, transformers
from pinnace.store.encryption.base import TransformError
from pinnace.store.encryption.settings import Encryption, EncryptionError
from pinnace.store.encryption.store import EncryptedStore
from pinnace.store.encryption.transformers import Transformers

_log = logging.getLogger(__name__)
_PREFIX = "/registry"
_POLL_SECONDS = 60.0
_LEAST_GRACE = 10.0
_TRY_SECONDS = 0.1
Reread = Callable[[list[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionConfig:
    """What is encrypted how; `prefix` is what all keys begin with in the store itself.

    With `reload` the file at `path` is looked at every minute.
    """

    encryption: Encryption
    path: str = ""
    reload: bool = False
    prefix: str = _PREFIX


class AtRest:
    """Keeps what a server stores encrypted."""

    def __init__(
        self, config: EncryptionConfig, store: Store, rows: Iterable[Resource], clock: Clock
    ) -> None:
        self._config = config
        self._clock = clock
        self._closing: set[asyncio.Task[None]] = set()
        self.store = EncryptedStore(
            store,
            Transformers(config.encryption, clock),
            built_in(rows),
            lambda key: config.prefix + key.removeprefix(_PREFIX),
        )

    @property
    def is_checked(self) -> bool:
        """Whether there is something whose health counts."""
        return self._config.reload or bool(self.store.transformers.kms)

    async def start(self) -> None:
        """Ask the plug-ins, and go on asking."""
        await self.store.transformers.start()

    async def close(self) -> None:
        """Ask the plug-ins no more."""
        for task in tuple(self._closing):
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self.store.transformers.close()

    async def check(self) -> None:
        """Raise TransformError if a plug-in is not well."""
        await self.store.transformers.check()

    async def follow_file(self, reread: Reread) -> None:
        """Look at the file for ever, and do as it says when it changes.

        `reread` is told of the keys of what could not be read before.
        """
        while self._config.reload:
            await self._clock.sleep(_POLL_SECONDS)
            try:
                if await self.reload():
                    await reread(self.store.forget_unreadable())
            except (EncryptionError, TransformError) as error:
                _log.error(
                    "error processing encryption config file %s: %s", self._config.path, error
                )
        # A file that is read once is never looked at again; the server goes on all the same.
        await asyncio.Event().wait()

    async def reload(self) -> bool:
        """Do as the file says now, if it can be used and is another; say whether it is.

        Raises EncryptionError and TransformError.
        """
        path = self._config.path
        if not settings.changed(path, self.store.transformers.digest):
            return False
        found = settings.load(path, reload=True)
        transformers.check(found)
        new = Transformers(found, self._clock)
        try:
            await new.start()
            await self._well(new)
        except TransformError:
            await new.close()
            raise
        before = self.store.use(new)
        _log.info("encryption config %s is loaded anew", path)
        task = asyncio.create_task(self._close_later(before))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return True

    async def _well(self, new: Transformers) -> None:
        """Wait a while for all plug-ins to be well; raises TransformError."""
        ends = self._clock.monotonic() + max(2 * new.seconds, _LEAST_GRACE)
        while True:
            try:
                return await new.check()
            except TransformError as error:
                if self._clock.monotonic() >= ends:
                    why = f"health check for new transformers failed: {error}"
                    raise TransformError(why) from error
            await self._clock.sleep(_TRY_SECONDS)

    async def _close_later(self, before: Transformers) -> None:
        """Close transformers when nobody uses them any more."""
        try:
            await self._clock.sleep(2 * before.seconds)
        finally:
            await before.close()


def built_in(rows: Iterable[Resource]) -> dict[str, tuple[str, str]]:
    """Return group and resource by what keys of built-in kinds begin with."""
    found: dict[str, tuple[str, str]] = {}
    for row in rows:
        # Events of both groups lie in one place, which counts as the core group's.
        if row.prefix and row.custom is None and (row.prefix not in found or not row.group):
            found[row.prefix] = row.group, row.plural
    return found
