"""One request as it comes off a connection, before it is a `Request`."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

# What may be about the chunks of a body: so much, and what one reading of a socket brings.
_FREE = 16 * 1024 + 512 * 1024
# What is held of a body that is passed on before its sender has to wait.
_HELD = 256 * 1024


class Body:
    """A body that is passed on while it comes; its sender waits while nobody takes it."""

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._pause = pause
        self._resume = resume
        self._parts: deque[bytes] = deque()
        self._size = 0
        self._paused = False
        self._broken = False
        self._waiting: asyncio.Future[None] | None = None
        self.ended = False

    def feed(self, part: bytes) -> None:
        """Take a piece."""
        self._parts.append(part)
        self._size += len(part)
        if self._size > _HELD and not self._paused:
            self._paused = True
            self._pause()
        self._wake()

    def end(self) -> None:
        """Nothing more comes."""
        self.ended = True
        self._wake()

    def cut(self) -> None:
        """The rest will never come."""
        self._broken = True
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def __aiter__(self) -> "Body":
        return self

    async def __anext__(self) -> bytes:
        while not self._parts:
            if self._broken:
                raise ConnectionResetError("the client is gone")
            if self.ended:
                raise StopAsyncIteration
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        part = self._parts.popleft()
        self._size -= len(part)
        if self._paused and self._size <= _HELD // 2:
            self._paused = False
            self._resume()
        return part


@dataclass(slots=True)
class Incoming:
    """One request. `too_large` says that its body was, and is not there; `timed_out` likewise."""

    url: bytes = b""
    path: str = ""
    query: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    method: str = ""
    version: str = "1.1"
    body: list[bytes] = field(default_factory=list)
    size: int = 0
    # Bytes of the head, and of the body as it was sent: with what is around its chunks.
    head_size: int = 0
    raw_size: int = 0
    content: Body | None = None
    keep: bool = False
    upgrade: bool = False
    too_large: bool = False
    timed_out: bool = False
    ends_early: bool = False

    def header(self, name: str) -> str:
        """Return the first value of a header; the name in lower case."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def most_raw(self) -> int:
        """Return how many bytes may have come for a body of this size, as Go has it.

        Each chunk may have sixteen bytes about it and half of what is in it; 16 KiB are free. What
        came last has not been taken apart yet.
        """
        return _FREE + 32 * self.size

    def settle(self, *, keep: bool) -> bool:
        """Return whether the connection stays after this request, as the answer's head says."""
        self.ends_early = self.content is not None and not self.content.ended
        self.keep = self.keep and keep and not self.ends_early
        return self.keep
