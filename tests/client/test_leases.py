import asyncio

from pinnace.api.errors import Conflict, NotFound, ServiceUnavailable
from pinnace.client.leases import LeaderElector
from pinnace.kit.clock import VirtualClock


class Leases:
    """One Lease with optimistic locking; `down` makes every call fail."""

    def __init__(self):
        self.lease = None
        self.down = False

    def _check(self):
        if self.down:
            raise ServiceUnavailable("down")

    async def get(self, resource, name, *, namespace=""):
        self._check()
        if self.lease is None:
            raise NotFound("no lease")
        return {**self.lease, "metadata": dict(self.lease["metadata"])}

    async def create(self, resource, obj, **_):
        self._check()
        obj["metadata"]["resourceVersion"] = "1"
        self.lease = obj
        return obj

    async def update(self, resource, obj, **_):
        self._check()
        if obj["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise Conflict("changed")
        version = str(int(obj["metadata"]["resourceVersion"]) + 1)
        self.lease = {**obj, "metadata": {**obj["metadata"], "resourceVersion": version}}
        return self.lease


def elector(client, clock, who):
    return LeaderElector(client, clock, name="kcm", identity=who)


async def forever():
    await asyncio.Event().wait()


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def test_the_second_leads_only_when_the_first_has_stopped_renewing():
    clock, client = VirtualClock(), Leases()
    first = asyncio.create_task(elector(client, clock, "a").run(forever))
    await settle()
    second = asyncio.create_task(elector(client, clock, "b").run(forever))
    await clock.advance(60)
    assert client.lease["spec"]["holderIdentity"] == "a"
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert client.lease["spec"]["holderIdentity"] == ""
    await clock.advance(5)
    spec = client.lease["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"]) == ("b", 1)
    assert spec["leaseDurationSeconds"] == 15
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)


async def test_a_leader_whose_renewal_hangs_stops_within_the_deadline():
    clock, client = VirtualClock(), Leases()
    stopped = asyncio.Event()

    async def lead():
        try:
            await forever()
        finally:
            stopped.set()

    task = asyncio.create_task(elector(client, clock, "a").run(lead))
    await settle()

    async def hang(*_, **__):
        await forever()

    client.get = hang
    await clock.advance(13)
    await settle()
    assert stopped.is_set()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_leader_that_cannot_renew_stops_within_the_deadline():
    clock, client = VirtualClock(), Leases()
    task = asyncio.create_task(elector(client, clock, "a").run(forever))
    await settle()
    client.down = True
    await clock.advance(13)
    await settle()
    assert task.done()
    assert client.lease["spec"]["holderIdentity"] == "a"


async def test_a_lease_of_a_dead_holder_expires_on_the_candidates_own_clock():
    clock, client = VirtualClock(), Leases()
    client.lease = {
        "metadata": {"name": "kcm", "resourceVersion": "1"},
        "spec": {"holderIdentity": "dead", "leaseDurationSeconds": 15, "leaseTransitions": 3},
    }
    task = asyncio.create_task(elector(client, clock, "b").run(forever))
    await settle()
    await clock.advance(14)
    assert client.lease["spec"]["holderIdentity"] == "dead"
    await clock.advance(4)
    assert client.lease["spec"]["leaseTransitions"] == 4
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
