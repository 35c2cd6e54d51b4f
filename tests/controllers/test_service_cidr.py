from typing import Any

import pytest
from tests.controllers.fake_cluster import running

from pinnace.api.errors import NotFound
from pinnace.api.kinds.networking import IPADDRESSES, SERVICECIDRS
from pinnace.controllers.service_cidr import FINALIZER, SERVICE_CIDR, can_go


def cidr(name: str, *ranges: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"cidrs": list(ranges)}}


def address(ip: str) -> dict[str, Any]:
    labels = {"ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}
    return {"metadata": {"name": ip, "labels": labels}, "spec": {}}


@pytest.mark.parametrize(
    ("others", "addresses", "expected"),
    [
        ([], [], True),
        ([], ["10.1.0.1"], False),
        ([], ["10.2.0.1"], True),
        (["10.0.0.0/8"], ["10.1.0.1"], True),
        (["10.1.0.0/24"], ["10.1.0.1"], True),
        (["10.1.0.0/24"], ["10.1.1.1"], False),
        (["fd00::/64"], ["10.1.0.1"], False),
    ],
)
def test_a_range_may_go_when_no_address_needs_it(
    others: list[str], addresses: list[str], expected: bool
) -> None:
    left = [cidr(f"o{n}", text) for n, text in enumerate(others)]
    assert can_go(cidr("a", "10.1.0.0/16"), left, addresses) is expected


async def test_a_range_is_ready_and_is_held_while_addresses_need_it() -> None:
    setup = [(SERVICECIDRS, cidr("a", "10.1.0.0/24")), (IPADDRESSES, address("10.1.0.5"))]
    async with running(SERVICE_CIDR, setup=setup) as it:
        found = await it.cluster.get(SERVICECIDRS, "a")
        assert found["metadata"]["finalizers"] == [FINALIZER]
        assert found["status"]["conditions"][0]["status"] == "True"
        await it.cluster.delete(SERVICECIDRS, "a")
        await it.settle(20)
        found = await it.cluster.get(SERVICECIDRS, "a")
        (condition,) = found["status"]["conditions"]
        assert (condition["status"], condition["reason"]) == ("False", "Terminating")
        await it.cluster.delete(IPADDRESSES, "10.1.0.5")
        await it.settle(20)
        with pytest.raises(NotFound):
            await it.cluster.get(SERVICECIDRS, "a")
