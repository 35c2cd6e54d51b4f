"""What lasts is counted while it lasts, and no longer."""

from collections.abc import AsyncIterator
from typing import Any

from pinnace.api.wire import Hijack, Response, Stream
from pinnace.apiserver.longrunning import counted
from pinnace.apiserver.tallies import Counters

KEY = ("CONNECT",)


async def test_a_stream_is_counted_until_it_is_closed() -> None:
    running = Counters("running", "what", ("verb",))
    closed = []

    async def frames() -> AsyncIterator[bytes]:
        try:
            yield b"a"
            yield b"b"
        finally:
            closed.append(True)

    answer: Any = counted(running, KEY, Stream(frames=frames()))
    assert await anext(answer.frames) == b"a"
    assert running.values == {KEY: 1}
    await answer.frames.aclose()
    assert (running.values, closed) == ({KEY: 0}, [True])


async def test_a_connection_is_counted_while_it_is_taken_over() -> None:
    running = Counters("running", "what", ("verb",))

    async def run(connection: object) -> object:
        return connection, dict(running.values)

    answer: Any = counted(running, KEY, Hijack(run=run))
    assert await answer.run("it") == ("it", {KEY: 1})
    assert running.values == {KEY: 0}


async def test_a_complete_answer_is_not_counted() -> None:
    running = Counters("running", "what", ("verb",))
    answer = Response()
    assert counted(running, KEY, answer) is answer
    assert not running.values
