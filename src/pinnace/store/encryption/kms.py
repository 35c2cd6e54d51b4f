"""Envelope encryption with a KMS v2 plug-in: it keeps the key of a seed, and the seed makes keys.

Upstream: apiserver `pkg/storage/value/encrypt/envelope/kmsv2` and the probe in
`pkg/server/options/encryptionconfig`. The plug-in's Status names its key. As long as that is the
same, one seed makes the keys of all values; with another, a new seed is made. Reads go on for ever
with the seeds that are known; writes end three minutes after the plug-in was last well.
"""

import asyncio
import hashlib
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from pinnace.api.objects import format_time
from pinnace.kit.clock import Clock
from pinnace.kit.uids import new_uid
from pinnace.store.encryption.aes import SEED_SIZE, DerivedGcm, Gcm
from pinnace.store.encryption.base import NotLearned, Transformer, TransformError
from pinnace.store.encryption.messages import (
    DERIVED,
    Source,
    Status,
    decode_object,
    encode_object,
    key_id_error,
)

_log = logging.getLogger(__name__)
_VERSIONS = ("v2", "v2beta1")
_WRITES_FOR = timedelta(minutes=3)
_WELL_SECONDS, _ILL_SECONDS = 60.0, 10.0
_WELL_TTL, _ILL_TTL = 20.0, 3.0
# As many seeds as upstream's cache may hold within a day.
_SEEDS = 4096


class Service(Protocol):
    """A plug-in; raises TransformError."""

    async def status(self) -> Status: ...
    async def encrypt(self, plain: bytes, uid: str) -> Source: ...
    async def decrypt(self, source: Source, uid: str) -> bytes: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Writing:
    """The seed that is written with, and until when."""

    source: Source
    transformer: DerivedGcm
    until: datetime


class Kms:
    """The transformer of one plug-in, and the watch over it."""

    def __init__(self, name: str, service: Service, clock: Clock) -> None:
        self.name = name
        self._service = service
        self._clock = clock
        self._writing: _Writing | None = None
        self._version = ""
        self._seeds: dict[tuple[object, ...], Transformer] = {}
        self._checked: tuple[float, TransformError | None] | None = None
        self._checking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Ask the plug-in once, and go on asking; one that is down now may come up later."""
        well = await self._is_well()
        self._task = asyncio.create_task(self._watch(well=well))

    async def close(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._service.close()

    async def _watch(self, *, well: bool) -> None:
        while True:
            await self._clock.sleep(_WELL_SECONDS if well else _ILL_SECONDS)
            well = await self._is_well()

    async def _is_well(self) -> bool:
        try:
            await self.check()
        except TransformError as error:
            _log.warning("kms plugin %s failed health check probe: %s", self.name, error)
            return False
        return True

    async def check(self) -> None:
        """Ask how the plug-in is, unless that is known; raises TransformError if it is not well."""
        async with self._checking:
            if self._checked is not None:
                at, held = self._checked
                ttl = _WELL_TTL if held is None else _ILL_TTL
                if self._clock.monotonic() - at < ttl:
                    if held is not None:
                        raise held
                    return
            try:
                await self._ask()
            except TransformError as error:
                cause = error.__cause__
                held = cause if isinstance(cause, TransformError) else error
                # Who asks soon after is told the plug-in's own words, as upstream does.
                self._checked = self._clock.monotonic(), held
                raise
            self._checked = self._clock.monotonic(), None

    async def _ask(self) -> None:
        try:
            status = await self._service.status()
        except TransformError as error:
            raise TransformError(
                "failed to perform status section of the healthz check for KMS Provider "
                f"{self.name}, error: {error}"
            ) from error
        errors = self._complaints(status)
        why = key_id_error(status.key_id)
        if why:
            hashed = _hashed(status.key_id)
            errors.append(f'got invalid KMSv2 KeyID hash "{hashed}": {why}')
        else:
            try:
                await self._follow(status.key_id)
            except TransformError as error:
                errors.append(str(error))
        if errors:
            text = errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
            raise TransformError(f"kmsv2 Provider {self.name} is not healthy, error: {text}")

    def _complaints(self, status: Status) -> list[str]:
        errors = []
        if status.healthz != "ok":
            errors.append(f"got unexpected healthz status: {status.healthz}")
        if status.version not in _VERSIONS:
            errors.append(f"expected KMSv2 API version v2, got {status.version}")
        else:
            self._version = self._version or status.version
            if status.version != self._version:
                errors.append(
                    "KMSv2 API version should not change after the initial status response "
                    f"version {self._version}, got {status.version}"
                )
        return errors

    async def _follow(self, key_id: str) -> None:
        """Write with a seed of this key from now on, and for three minutes more."""
        until = self._clock.now() + _WRITES_FOR
        held = self._writing
        if held is not None and held.source.key_id == key_id:
            self._writing = _Writing(held.source, held.transformer, until)
            return
        seed, uid, source, why = os.urandom(SEED_SIZE), new_uid(), Source("", b""), "<nil>"
        try:
            source = await self._service.encrypt(seed, uid)
            source.check()
        except TransformError as error:
            why = f"failed to encrypt DEK, error: {error}"
        if why == "<nil>" and source.key_id == key_id:
            transformer = DerivedGcm(seed)
            self._writing = _Writing(source, transformer, until)
            self._remember(source, transformer)
            return
        state = "<nil>" if held is not None else "got unexpected nil transformer"
        held_id = _hashed(held.source.key_id) if held is not None else ""
        expires = format_time(held.until) if held is not None else "0001-01-01T00:00:00Z"
        raise TransformError(
            f'failed to rotate DEK uid="{uid}", useSeed=true, errState={state}, errGen={why}, '
            f'statusKeyIDHash="{_hashed(key_id)}", encryptKeyIDHash="{_hashed(source.key_id)}", '
            f'stateKeyIDHash="{held_id}", expirationTimestamp={expires}'
        )

    def read(self, data: bytes, context: bytes) -> tuple[bytes, bool]:
        """Return a plain value; stale if the plug-in's key is another now."""
        encrypted, source = decode_object(data)
        writing = self._held()
        transformer = self._seeds.get(source.key())
        if transformer is None:
            raise NotLearned(self._learning(source))
        plain, _ = transformer.read(encrypted, context)
        current = writing.source
        return plain, (source.key_id, source.kind) != (current.key_id, current.kind)

    def _learning(self, source: Source) -> Callable[[], Awaitable[None]]:
        async def learn() -> None:
            try:
                key = await self._service.decrypt(source, new_uid())
            except TransformError as error:
                raise TransformError(f"failed to decrypt DEK, error: {error}") from error
            try:
                made: Transformer = DerivedGcm(key) if source.kind == DERIVED else Gcm(key)
            except ValueError as error:
                raise TransformError(f"crypto/aes: invalid key size {len(key)}") from error
            self._remember(source, made)

        return learn

    def _remember(self, source: Source, transformer: Transformer) -> None:
        if len(self._seeds) >= _SEEDS:
            self._seeds.clear()
        self._seeds[source.key()] = transformer

    def _held(self) -> _Writing:
        if self._writing is None:
            raise TransformError("got unexpected nil transformer")
        return self._writing

    def write(self, data: bytes, context: bytes) -> bytes:
        """Return the value to store; fails if the plug-in has not been well for long."""
        writing, now = self._held(), self._clock.now()
        if now > writing.until:
            raise TransformError(
                f'encryptedDEKSource with keyID hash "{_hashed(writing.source.key_id)}" expired at '
                f"{format_time(writing.until)} (current time is {format_time(now)})"
            )
        return encode_object(writing.transformer.write(data, context), writing.source)


def _hashed(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" if text else ""
