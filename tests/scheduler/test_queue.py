from tests.scheduler.test_cycle import pod

from pinnace.scheduler.podinfo import PodInfo, pod_info
from pinnace.scheduler.queue import SchedulingQueue


def info(name: str, priority: int = 0) -> PodInfo:
    return pod_info(pod(name, priority=priority))


def popped(queue: SchedulingQueue) -> list[str]:
    names = []
    while (entry := queue.pop()) is not None:
        names.append(entry.key.name)
    return names


def test_higher_priority_first_then_older() -> None:
    queue = SchedulingQueue()
    for at, entry in enumerate([info("a"), info("b", 10), info("c"), info("d", 10)]):
        queue.add(entry, float(at))
    assert popped(queue) == ["b", "d", "a", "c"]


def test_unschedulable_pods_wait_for_a_change_and_then_for_their_back_off() -> None:
    queue = SchedulingQueue()
    queue.add(info("a"), 0.0)
    first = queue.pop()
    assert first is not None
    queue.put_back(first, 0.0, unschedulable=True)
    queue.flush(200.0)
    assert popped(queue) == []
    queue.wake(0.5)
    queue.flush(0.9)
    assert popped(queue) == []
    assert queue.next_flush(0.9) is not None
    queue.flush(1.0)
    assert popped(queue) == ["a"]


def test_back_off_doubles_up_to_ten_seconds() -> None:
    queue = SchedulingQueue()
    queue.add(info("a"), 0.0)
    now, waits = 0.0, []
    for _ in range(6):
        entry = queue.pop()
        assert entry is not None
        queue.put_back(entry, now, unschedulable=False)
        wait = queue.next_flush(now)
        assert wait is not None
        waits.append(wait)
        now += wait
        queue.flush(now)
    assert waits == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_nothing_waits_longer_than_five_minutes() -> None:
    queue = SchedulingQueue()
    queue.add(info("a"), 0.0)
    entry = queue.pop()
    assert entry is not None
    queue.put_back(entry, 0.0, unschedulable=True)
    queue.flush(300.0)
    assert popped(queue) == ["a"]


def test_removed_pods_are_not_decided() -> None:
    queue = SchedulingQueue()
    queue.add(info("a"), 0.0)
    queue.remove("uid-a")
    assert popped(queue) == []
    assert len(queue) == 0
