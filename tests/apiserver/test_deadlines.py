"""Work that does not wait costs no alarm; work that waits too long is cancelled."""

import asyncio

import pytest

from pinnace.apiserver.deadlines import Within
from pinnace.apiserver.fairness.gate import Held

WORKER = Held()


async def test_work_that_does_not_wait_is_done_at_once() -> None:
    async def work() -> int:
        return 3

    assert await Within(work(), 0.0, WORKER) == 3


async def test_work_that_waits_goes_on_with_what_it_waited_for() -> None:
    first, second = asyncio.Future[int](), asyncio.Future[int]()
    loop = asyncio.get_running_loop()
    loop.call_soon(first.set_result, 1)

    async def work() -> int:
        one = await first
        loop.call_soon(second.set_result, 2)
        return one + await second

    assert await Within(work(), 60.0, WORKER) == 3


async def test_work_that_waits_too_long_is_cancelled() -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    with pytest.raises(TimeoutError):
        await Within(work(), 0.0, WORKER)
    assert ended


async def test_errors_of_the_work_come_through() -> None:
    async def work(*, wait: bool) -> None:
        if wait:
            await asyncio.sleep(0)
        raise KeyError("gone")

    for wait in (False, True):
        with pytest.raises(KeyError, match="gone"):
            await Within(work(wait=wait), 60.0, WORKER)


async def test_who_is_cancelled_cancels_the_work() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.ensure_future(Within(work(), 60.0, WORKER))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
