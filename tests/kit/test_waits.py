import asyncio

import pytest

from pinnace.kit.clock import VirtualClock
from pinnace.kit.waits import set_or_elapsed


async def passes():
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
async def begun():
    event, clock = asyncio.Event(), VirtualClock()
    task = asyncio.create_task(set_or_elapsed(event, clock, 30))
    await passes()
    yield event, clock, task
    task.cancel()


async def test_the_event_ends_the_wait_and_nobody_sleeps_on(begun):
    event, clock, task = begun
    assert not task.done()
    event.set()
    await task
    assert clock.next_deadline() is None


async def test_time_ends_the_wait(begun):
    _, clock, task = begun
    await clock.advance(29)
    assert not task.done()
    await clock.advance(1)
    await task


async def test_without_a_time_only_the_event_ends_the_wait():
    event, clock = asyncio.Event(), VirtualClock()
    task = asyncio.create_task(set_or_elapsed(event, clock, None))
    await passes()
    assert clock.next_deadline() is None
    assert not task.done()
    event.set()
    await task


async def test_who_is_cancelled_leaves_nothing_waiting(begun):
    _, clock, task = begun
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.next_deadline() is None
    assert asyncio.all_tasks() == {asyncio.current_task()}
