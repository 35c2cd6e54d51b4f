"""The processor goes round among flows, whatever each has waiting."""

import asyncio

from pinnace.apiserver.fairness.flow import Flow, Tally
from pinnace.apiserver.fairness.turns import ROUND_SECONDS, Turns


def flow(user: str, level: str = "l") -> Flow:
    return Flow("schema", level, user, {}, Tally())


async def served(turns: Turns, *flows: tuple[Flow, int]) -> list[str]:
    """Let so many slices of each flow line up; return in which order they went."""
    order: list[str] = []

    async def slice_of(one: Flow) -> None:
        await turns.wait(one)
        order.append(one.distinguisher)
        turns.charge(one, 0.001)

    async with asyncio.TaskGroup() as group:
        for one, count in flows:
            for _ in range(count):
                group.create_task(slice_of(one))
    return order


async def test_a_single_request_goes_before_the_rest_of_a_flood() -> None:
    turns = Turns()
    turns.weigh("l", 10)
    order = await served(turns, (flow("many"), 200), (flow("one"), 1))
    assert order.index("one") <= 1


async def test_levels_share_by_their_seats() -> None:
    turns = Turns()
    turns.weigh("wide", 30)
    turns.weigh("narrow", 10)
    order = await served(turns, (flow("w", "wide"), 100), (flow("n", "narrow"), 100))
    assert 20 <= order[:100].count("n") <= 30


async def test_turns_are_free_until_a_round_was_busy() -> None:
    turns = Turns()
    assert turns.free
    turns.charge(None, ROUND_SECONDS)
    assert not turns.free
    await asyncio.sleep(0)
    assert turns.free


async def test_who_is_cancelled_does_not_hold_up_the_line() -> None:
    turns = Turns()
    gone = asyncio.create_task(turns.wait(flow("gone")))
    stays = asyncio.create_task(turns.wait(flow("stays")))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait_for(stays, 1)
    assert turns.waiting == 0
