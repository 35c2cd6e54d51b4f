"""What others have said of tokens, remembered for a while, and asked once at a time."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from pinnace.apiserver.authn.base import Identity, RemoteTokenMethod

Key = tuple[bytes, tuple[str, ...]]
_KEPT = 32 * 1024
# For who joins in waiting for an answer that somebody else has asked for.
_SHARED_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Answer:
    identity: Identity | None
    until: float


class TokenCache:
    """A method whose answers are remembered: successes and failures, but no errors.

    It keeps digests of tokens and not the tokens.
    """

    def __init__(
        self,
        method: RemoteTokenMethod,
        now: Callable[[], float],
        *,
        success_seconds: float,
        failure_seconds: float = 0.0,
    ) -> None:
        self._method = method
        self._now = now
        self._success = success_seconds
        self._failure = failure_seconds
        self._answers: OrderedDict[Key, _Answer] = OrderedDict()
        self._asking: dict[Key, asyncio.Task[Identity | None]] = {}

    async def authenticate_token(self, token: str, audiences: tuple[str, ...]) -> Identity | None:
        """Return what is remembered, or ask; one question serves all who wait for its answer."""
        key = hashlib.sha256(token.encode(errors="surrogatepass")).digest(), audiences
        known = self._answers.get(key)
        if known is not None and self._now() < known.until:
            self._answers.move_to_end(key)
            return known.identity
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._ask(key, token, audiences))
            self._asking[key] = task
            task.add_done_callback(lambda done: self._asked(key, done))
        # Whoever gives up must not take the answer from the others.
        async with asyncio.timeout(_SHARED_SECONDS):
            return await asyncio.shield(task)

    async def close(self) -> None:
        """Stop asking."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, key: Key, token: str, audiences: tuple[str, ...]) -> Identity | None:
        found = await self._method.authenticate_token(token, audiences)
        seconds = self._failure if found is None else self._success
        if seconds > 0:
            self._answers[key] = _Answer(found, self._now() + seconds)
            self._answers.move_to_end(key)
            if len(self._answers) > _KEPT:
                self._answers.popitem(last=False)
        return found

    def _asked(self, key: Key, task: "asyncio.Task[Identity | None]") -> None:
        del self._asking[key]
        if not task.cancelled():
            task.exception()  # an error that nobody waits for any more is no news
