"""The gate that every request passes between authentication and authorization.

With priority and fairness a request gets seats in its priority level, or waits for them, or is sent
away with 429; then it waits for its turn on the processor, if others do. Without it there is a
limit for reads and one for writes, and who comes too many is sent away.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from pinnace.api.wire import Answer, Hijack, Request, Response, Stream, User
from pinnace.apiserver.fairness.flow import Flow
from pinnace.apiserver.routes import RequestInfo

_TOO_MANY = b"Too many requests, please try again later.\n"
READING = frozenset({"get", "list", "watch"})


class Rejected(Exception):
    """A request is sent away; it may come again after so many seconds."""

    def __init__(self, retry_after: int = 1) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after

    def answer(self) -> Response:
        """Return what upstream answers."""
        headers = {
            "content-type": "text/plain; charset=utf-8",
            "retry-after": str(self.retry_after),
            "x-content-type-options": "nosniff",
        }
        return Response(status=429, headers=headers, body=_TOO_MANY)


class Held:
    """A request that may go on, or will; this one holds nothing and waits for nobody."""

    flow: Flow | None = None
    # Whether `ready` has to be awaited.
    waits = False

    async def ready(self, request: Request) -> None:
        """Wait until the request may go on; raises Rejected."""

    async def rest(self) -> None:
        """Let others have their turn, between two slices of work."""
        await asyncio.sleep(0)

    def spent(self, seconds: float) -> None:
        """Note what a slice of work has cost."""

    def paused(self) -> None:
        """Note that the request waits for something, so that others may come in between."""

    def begun(self) -> None:
        """Give the seats back: what is left of a watch is to wait for events."""

    def finish(self) -> None:
        """Give everything back."""

    def leaving(self, answer: Answer) -> Answer:
        """Return the answer, which gives everything back when it is complete."""
        return answer


PASSING = Held()


class Gate(Protocol):
    """What lets requests in."""

    def enter(self, request: Request, info: RequestInfo, user: User) -> Held:
        """Let a request in, or let it wait; raises Rejected."""
        ...


def leaving(held: Held, answer: Answer) -> Answer:
    """Return an answer that finishes when it is complete."""
    if isinstance(answer, Response):
        held.finish()
    elif isinstance(answer, Stream):
        answer.frames = _Frames(answer.frames, held.finish)
        answer.spent = held.spent
        # What waits for its client does not work, so its seats are for others.
        answer.slow = held.begun
    else:
        run, abandon = answer.run, answer.abandon

        async def finishing(connection: object) -> object:
            try:
                return await run(connection)
            finally:
                held.finish()

        async def abandoning() -> None:
            held.finish()
            await abandon()

        return Hijack(run=finishing, abandon=abandoning)
    return answer


class _Frames:
    """Frames whose end is told, also if nobody ever asks for one of them."""

    def __init__(self, frames: AsyncIterator[bytes], ended: Callable[[], None]) -> None:
        self._frames = frames
        self._ended = ended

    def __aiter__(self) -> "_Frames":
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self._frames.__anext__()
        except BaseException:
            self._ended()
            raise

    async def aclose(self) -> None:
        """Close what makes the frames."""
        self._ended()
        close = getattr(self._frames, "aclose", None)
        if close is not None:
            await close()
