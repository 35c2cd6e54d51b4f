from typing import Any

from tests.controllers.fake_cluster import running

from pinnace.api.kinds.core import ENDPOINTS, SERVICES
from pinnace.api.kinds.discovery import ENDPOINTSLICES
from pinnace.controllers.endpointslice_mirroring import ENDPOINTSLICE_MIRRORING
from pinnace.controllers.shared.mirroring import MANAGER, PER_SUBSET, plan_mirror


def endpoints(*ips: str, waiting: tuple[str, ...] = (), **meta: Any) -> dict[str, Any]:
    subset = {
        "addresses": [{"ip": ip} for ip in ips],
        "notReadyAddresses": [{"ip": ip} for ip in waiting],
        "ports": [{"name": "web", "port": 80, "protocol": "TCP"}],
    }
    return {
        "metadata": {"name": "s", "namespace": "n", "uid": "e", **meta},
        "subsets": [subset],
    }


def service(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "s", "namespace": "n"}, "spec": spec}


async def slices(it: Any) -> list[dict[str, Any]]:
    return list((await it.cluster.list(ENDPOINTSLICES, namespace="n"))["items"])


def test_each_family_has_a_slice_that_says_what_the_endpoints_say() -> None:
    given = endpoints(
        "10.0.0.1",
        "fd00::1",
        waiting=("10.0.0.2",),
        labels={"a": "b"},
        annotations={"c": "d", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
    )
    four, six = plan_mirror(given, ()).plan.create
    assert [four["addressType"], six["addressType"]] == ["IPv4", "IPv6"]
    assert [(e["addresses"], e["conditions"]) for e in four["endpoints"]] == [
        (["10.0.0.1"], {"ready": True}),
        (["10.0.0.2"], {"ready": False}),
    ]
    assert four["metadata"]["labels"] == {
        "a": "b",
        "kubernetes.io/service-name": "s",
        "endpointslice.kubernetes.io/managed-by": MANAGER,
    }
    assert four["metadata"]["annotations"] == {"c": "d"}
    assert four["metadata"]["ownerReferences"][0]["kind"] == "Endpoints"


def test_a_slice_that_says_so_already_is_left_alone() -> None:
    (made,) = plan_mirror(endpoints("10.0.0.1"), ()).plan.create
    made["metadata"]["name"] = "s-x"
    plan = plan_mirror(endpoints("10.0.0.1"), [made]).plan
    assert (plan.create, plan.update, plan.delete) == ([], [], [])


def test_a_slice_of_other_ports_is_changed_before_it_is_deleted() -> None:
    (made,) = plan_mirror(endpoints("10.0.0.1"), ()).plan.create
    made["metadata"]["name"] = "s-x"
    changed = endpoints("10.0.0.1")
    changed["subsets"][0]["ports"][0]["port"] = 81
    plan = plan_mirror(changed, [made]).plan
    assert (plan.create, plan.delete) == ([], [])
    assert plan.update[0]["metadata"]["name"] == "s-x"
    assert plan.update[0]["ports"][0]["port"] == 81


def test_what_cannot_be_mirrored_is_counted() -> None:
    many = [f"10.0.{n // 250}.{n % 250}" for n in range(PER_SUBSET + 5)]
    found = plan_mirror(endpoints("x", *many), ())
    assert (found.invalid, found.skipped) == (1, 5)


async def test_slices_come_and_go_with_the_endpoints() -> None:
    setup = [(SERVICES, service()), (ENDPOINTS, endpoints("10.0.0.1"))]
    async with running(ENDPOINTSLICE_MIRRORING, setup=setup) as it:
        (made,) = await slices(it)
        assert made["endpoints"][0]["addresses"] == ["10.0.0.1"]
        await it.cluster.delete(ENDPOINTS, "s", namespace="n")
        await it.settle(1)
        assert await slices(it) == []


async def test_a_service_with_a_selector_needs_no_mirror() -> None:
    setup = [(SERVICES, service(selector={"a": "b"})), (ENDPOINTS, endpoints("10.0.0.1"))]
    async with running(ENDPOINTSLICE_MIRRORING, setup=setup) as it:
        assert await slices(it) == []


async def test_endpoints_may_ask_not_to_be_mirrored() -> None:
    labels = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    setup = [(SERVICES, service()), (ENDPOINTS, endpoints("10.0.0.1", labels=labels))]
    async with running(ENDPOINTSLICE_MIRRORING, setup=setup) as it:
        assert await slices(it) == []
