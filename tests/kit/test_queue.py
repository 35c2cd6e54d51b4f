import asyncio

from pinnace.kit.clock import VirtualClock
from pinnace.kit.queue import WorkQueue


async def test_a_key_added_twice_is_worked_on_once():
    queue = WorkQueue[str](VirtualClock())
    queue.add("a")
    queue.add("a")
    assert await queue.get() == "a"
    assert len(queue) == 0


async def test_a_key_added_while_in_work_waits_until_done():
    queue = WorkQueue[str](VirtualClock())
    queue.add("a")
    await queue.get()
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert len(queue) == 1
    assert not queue.idle


async def test_delayed_keys_come_in_the_order_of_their_deadlines():
    clock = VirtualClock()
    queue = WorkQueue[str](clock)
    queue.add_after("late", 20)
    queue.add_after("soon", 10)
    await asyncio.sleep(0)
    await clock.advance(15)
    assert await queue.get() == "soon"
    assert len(queue) == 0
    await clock.advance(10)
    assert await queue.get() == "late"
    await queue.close()


async def test_of_two_delays_the_earlier_counts_and_only_once():
    clock = VirtualClock()
    queue = WorkQueue[str](clock)
    queue.add_after("a", 20)
    queue.add_after("a", 10)
    queue.add_after("a", 30)
    await asyncio.sleep(0)
    await clock.advance(12)
    assert await queue.get() == "a"
    queue.done("a")
    await clock.advance(100)
    assert queue.idle
    await queue.close()


async def test_failures_wait_longer_each_time_until_forgotten():
    clock = VirtualClock()
    queue = WorkQueue[str](clock)
    waits = []
    for _ in range(3):
        queue.add_rate_limited("a")
        await asyncio.sleep(0)
        waits.append(round(clock.next_deadline() or 0, 6))
        await clock.advance(waits[-1])
        await queue.get()
        queue.done("a")
    assert waits == [0.005, 0.01, 0.02]
    queue.forget("a")
    assert queue.failures("a") == 0
    await queue.close()


async def test_the_back_off_ends_at_a_thousand_seconds():
    clock = VirtualClock()
    queue = WorkQueue[str](clock)
    for _ in range(2000):
        last = queue._backoffs.next("a")
    assert last == 1000.0
