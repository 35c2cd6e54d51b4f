"""Seats and queues: who begins, who waits, who is sent away."""

from pinnace.apiserver.fairness.dealing import deal, flow_hash
from pinnace.apiserver.fairness.estimate import LITTLE, Work
from pinnace.apiserver.fairness.flow import Flow, Tally
from pinnace.apiserver.fairness.levels import Levels
from pinnace.apiserver.fairness.limits import Wish, allocate, bounds
from pinnace.apiserver.fairness.queueset import QueueSet, Ticket
from pinnace.apiserver.fairness.retrying import Dropped
from pinnace.apiserver.fairness.turns import Turns

WIDE = Work(10)


def level(*, seats: int, queues: int = 16, length: int = 5, hand: int = 2) -> QueueSet:
    queuing = {"queues": queues, "queueLengthLimit": length, "handSize": hand}
    response = {"type": "Queue", "queuing": queuing} if queues else {"type": "Reject"}
    limited = {"nominalConcurrencyShares": 10, "limitResponse": response, "lendablePercent": 0}
    spec = {"type": "Limited", "limited": limited}
    levels = Levels(seats, Turns())
    levels.digest([{"metadata": {"name": "l"}, "spec": spec}], 0.0)
    return levels.by_name["l"].queues


def flow(user: str) -> Flow:
    return Flow("schema", "l", user, {}, Tally())


def start(queues: QueueSet, who: Flow, work: Work = LITTLE, now: float = 0.0) -> Ticket:
    ticket = queues.start(who, work, now)
    assert ticket is not None
    return ticket


async def test_a_level_without_queues_rejects_what_has_no_seat() -> None:
    queues, who = level(seats=2, queues=0), flow("a")
    first = start(queues, who)
    start(queues, who)
    assert queues.start(who, LITTLE, 0.0) is None
    assert who.tally.rejected == {"concurrency-limit": 1}
    queues.finish(first, 1.0)
    assert start(queues, who, now=1.0).begun


async def test_who_finds_no_seat_waits_for_one() -> None:
    queues, who = level(seats=1), flow("a")
    first, second = start(queues, who), start(queues, who)
    assert first.begun
    assert not second.begun
    queues.finish(first, 1.0)
    assert second.begun
    assert second.decided is not None
    assert second.decided.result() is True
    queues.finish(second, 2.0)
    assert queues.idle
    assert queues.seats == 0


async def test_full_queues_reject() -> None:
    queues, who = level(seats=1, queues=1, hand=1, length=2), flow("a")
    for _ in range(3):
        start(queues, who)
    assert queues.start(who, LITTLE, 0.0) is None
    assert who.tally.rejected == {"queue-full": 1}


async def test_who_gives_up_leaves_the_queue() -> None:
    queues, who = level(seats=1), flow("a")
    first, second, third = (start(queues, who) for _ in range(3))
    queues.give_up(second, 1.0)
    queues.finish(first, 2.0)
    assert third.begun
    assert not second.begun
    assert (queues.waiting, queues.cancelled) == (0, 1)


async def test_another_flow_does_not_wait_behind_a_flood() -> None:
    queues, many, other = level(seats=10, queues=64, hand=6, length=50), flow("many"), flow("one")
    flood = [start(queues, many, WIDE) for _ in range(100)]
    now = 0.0
    for _ in range(5):
        now += 1.0
        queues.finish(next(ticket for ticket in flood if ticket in running(queues)), now)
    small = start(queues, other, now=now)
    assert small.begun
    queues.finish(small, now)
    wide = start(queues, other, WIDE, now=now)
    # Its turn comes next but one at the latest, though a hundred came before.
    for _ in range(2):
        now += 1.0
        for ticket in [one for one in running(queues) if one.flow is many]:
            queues.finish(ticket, now)
        if wide.begun:
            return
    raise AssertionError("a newcomer waits behind the flood")


def running(queues: QueueSet) -> list[Ticket]:
    return [ticket for queue in queues.queues for ticket in queue.executing]


async def test_seats_linger_for_what_a_write_costs_afterwards() -> None:
    queues, who = level(seats=10), flow("a")
    queues.finish(start(queues, who, Work(1, 10, 0.5)), 1.0)
    waits = start(queues, flow("b"), WIDE, now=1.1)
    assert not waits.begun
    assert queues.next_release() == 1.5
    queues.sync(1.5)
    queues.dispatch(1.5)
    assert waits.begun


async def test_a_request_wider_than_its_level_runs_alone() -> None:
    queues, who = level(seats=2), flow("a")
    assert start(queues, who, WIDE).begun
    assert not start(queues, who).begun


def test_hands_are_upstreams() -> None:
    # Computed with upstream's dealer.
    assert deal(0, 8, 3) == (0, 1, 2)
    assert deal(8 * 7 * 6 - 1, 8, 3) == (7, 6, 5)
    hand = deal(flow_hash("service-accounts", "system:serviceaccount:default:a"), 128, 6)
    assert len(set(hand)) == 6
    assert all(0 <= card < 128 for card in hand)


def test_seats_are_shared_by_demand_within_bounds() -> None:
    found = allocate(90, [Wish(10, 0, 12), Wish(20, 0, 90), Wish(30, 0, 90)])
    assert found is not None
    assert [round(part, 6) for part in found[0]] == [12, 31.2, 46.8]
    assert allocate(10, [Wish(20, 20, 30)]) is None


def test_the_default_levels_have_upstreams_seats() -> None:
    def limited(shares: int, lends: int) -> dict[str, object]:
        return {"limited": {"nominalConcurrencyShares": shares, "lendablePercent": lends}}

    found = [bounds(limited(*pair), total=600, all_shares=245) for pair in ((100, 90), (30, 33))]
    assert [(one.nominal, one.lower, one.upper) for one in found] == [
        (245, 24, 845), (74, 50, 674),
    ]  # fmt: skip


def test_who_is_sent_away_too_often_is_to_wait_longer() -> None:
    dropped = Dropped()
    for second in (100, 100, 100, 101):
        dropped.record(second)
    assert dropped.retry_after == 2
    for second in (110, 111):
        dropped.record(second)
    assert dropped.retry_after == 1
