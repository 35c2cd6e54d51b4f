from typing import Any

import pytest

from pinnace.api.errors import Forbidden
from pinnace.api.kinds.core import PODS
from pinnace.api.objects import Key, Object
from pinnace.node.reporting import StatusReporter
from pinnace.testing.kubelet_stage import make_pod
from pinnace.testing.memory_client import MemoryCluster


class Counting(MemoryCluster):
    """Counts writes, and stores statuses without one field, as a strict server might."""

    def __init__(self) -> None:
        super().__init__(lambda: "2030-01-01T00:00:00Z")
        self.writes = 0
        self.drops = ""

    async def patch(self, *args: Any, **named: Any) -> Object:
        self.writes += 1
        changed = await super().patch(*args, **named)
        if self.drops:
            changed["status"].pop(self.drops, None)
        return changed


@pytest.fixture
def cluster() -> Counting:
    return Counting()


def status(phase: str, **more: Any) -> Object:
    return {"phase": phase, **more}


async def test_the_same_status_is_written_once(cluster: Counting) -> None:
    reporter = StatusReporter(cluster, await cluster.create(PODS, make_pod()))
    assert await reporter.report(status("Running"))
    assert await reporter.report(status("Running"))
    assert cluster.writes == 1


async def test_a_server_that_drops_a_field_is_not_asked_again(cluster: Counting) -> None:
    cluster.drops = "extra"
    reporter = StatusReporter(cluster, await cluster.create(PODS, make_pod()))
    for _ in range(3):
        assert await reporter.report(status("Running", extra="x"))
    assert cluster.writes == 1


async def test_a_write_that_lost_the_race_is_made_on_top_of_the_winner(cluster: Counting) -> None:
    reporter = StatusReporter(cluster, await cluster.create(PODS, make_pod()))
    other = {"status": {"nominatedNodeName": "n"}}
    await cluster.patch(PODS, "web", other, namespace="default")
    assert await reporter.report(status("Running", nominatedNodeName="n"))
    found = cluster.informer(PODS).get(Key("default", "web"))
    assert found is not None
    assert found["status"] == {"phase": "Running", "nominatedNodeName": "n"}


async def test_another_pod_of_the_same_name_is_left_alone(cluster: Counting) -> None:
    reporter = StatusReporter(cluster, await cluster.create(PODS, make_pod()))
    await cluster.delete(PODS, "web", namespace="default", grace_period=0)
    newer = make_pod()
    newer["metadata"]["uid"] = "another"
    await cluster.create(PODS, newer)
    assert await reporter.report(status("Running"))
    assert await reporter.delete()
    found = cluster.informer(PODS).get(Key("default", "web"))
    assert found is not None
    assert found["status"] == {"phase": "Pending"}


async def test_a_pod_that_is_gone_needs_no_report(cluster: Counting) -> None:
    reporter = StatusReporter(cluster, await cluster.create(PODS, make_pod()))
    await cluster.delete(PODS, "web", namespace="default", grace_period=0)
    assert await reporter.report(status("Running"))
    assert await reporter.delete()


async def test_a_pod_that_may_not_be_read_any_more_is_tried_again(
    cluster: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporter = StatusReporter(cluster, await cluster.create(PODS, make_pod()))
    await cluster.patch(PODS, "web", {"status": {"reason": "x"}}, namespace="default")

    async def refused(*args: Any, **named: Any) -> Object:
        raise Forbidden("no relationship found between node 'node-1' and this object")

    monkeypatch.setattr(cluster, "get", refused)
    assert not await reporter.report(status("Running"))
