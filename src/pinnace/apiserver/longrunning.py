"""Requests that last as long as they last, counted while they do."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any

from pinnace.api.wire import Answer, Hijack, Stream
from pinnace.apiserver.tallies import Counters, Labels


def counted(running: Counters, key: Labels, answer: Answer) -> Answer:
    """Return an answer that is counted from its begin to its end; one that is complete is not."""
    if isinstance(answer, Hijack):

        async def run(connection: Any) -> Any:
            with _counting(running, key):
                return await answer.run(connection)

        return Hijack(run=run, abandon=answer.abandon)
    if isinstance(answer, Stream):
        answer.frames = _frames(running, key, answer.frames)
    return answer


@contextmanager
def _counting(running: Counters, key: Labels) -> Iterator[None]:
    running.add(key)
    try:
        yield
    finally:
        running.add(key, -1)


async def _frames(
    running: Counters, key: Labels, frames: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    with _counting(running, key):
        async with aclosing(frames) as each:  # type: ignore[type-var]
            async for frame in each:
                yield frame
