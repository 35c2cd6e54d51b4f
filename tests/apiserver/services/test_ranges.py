"""Where cluster IPs come from, and what becomes of them that nobody owns."""

from typing import Any

from pinnace.apiserver.services.repair import repair

SERVICES = "/api/v1/namespaces/default/services"
CIDRS = "/apis/networking.k8s.io/v1/servicecidrs"
ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses"


def service(name: str = "s", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


async def ready(api: Any, name: str, *ranges: str) -> None:
    await api.do("POST", CIDRS, {"metadata": {"name": name}, "spec": {"cidrs": list(ranges)}})
    _, found = await api.do("GET", f"{CIDRS}/{name}")
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "",
        "message": "ready",
        "lastTransitionTime": "2020-01-01T00:00:00Z",
    }
    found["status"] = {"conditions": [condition]}
    assert (await api.do("PUT", f"{CIDRS}/{name}/status", found))[0] == 200


async def test_the_servers_own_range_is_ready_from_the_start(api: Any) -> None:
    _, found = await api.do("GET", f"{CIDRS}/kubernetes")
    (condition,) = found["status"]["conditions"]
    assert (condition["status"], condition["message"]) == (
        "True",
        "Kubernetes default Service CIDR is ready",
    )


async def test_an_address_of_another_range_can_be_had_when_that_is_ready(api: Any) -> None:
    wanted = service(clusterIP="10.250.0.5")
    code, status = await api.do("POST", SERVICES, wanted)
    assert code == 422
    assert "the provided network does not match the current range" in status["message"]
    await ready(api, "more", "10.250.0.0/24")
    assert (await api.do("POST", SERVICES, wanted))[0] == 201


async def test_the_first_and_last_address_of_a_range_are_not_given_out(api: Any) -> None:
    for ip in ("10.96.0.0", "10.96.255.255"):
        code, status = await api.do("POST", SERVICES, service(clusterIP=ip))
        assert code == 422
        assert f"the provided IP ({ip}) is not in the valid range" in status["message"]


async def test_a_dry_run_looks_at_the_range_only(api: Any) -> None:
    assert (await api.do("POST", f"{SERVICES}?dryRun=All", service(clusterIP="10.96.0.1")))[
        0
    ] == 201


async def test_a_port_of_two_protocols_has_one_node_port(api: Any) -> None:
    ports = [{"name": p, "port": 53, "protocol": p.upper()} for p in ("tcp", "udp")]
    _, made = await api.do("POST", SERVICES, service(type="NodePort", ports=ports))
    first, second = made["spec"]["ports"]
    assert first["nodePort"] == second["nodePort"]


async def test_a_lost_address_is_made_again_and_a_leaked_one_deleted(api: Any) -> None:
    _, made = await api.do("POST", SERVICES, service())
    ip = made["spec"]["clusterIP"]
    await api.do("DELETE", f"{ADDRESSES}/{ip}")
    _, leaked = await api.do("GET", f"{ADDRESSES}/10.96.0.1")
    parent = {"resource": "services", "namespace": "default", "name": "gone"}
    labels = leaked["metadata"]["labels"]
    body = {"metadata": {"name": "10.96.9.9", "labels": labels}, "spec": {"parentRef": parent}}
    assert (await api.do("POST", ADDRESSES, body))[0] == 201
    await api.clock.advance(100)
    await repair(api.server.core)
    assert (await api.do("GET", f"{ADDRESSES}/{ip}"))[0] == 200
    assert (await api.do("GET", f"{ADDRESSES}/10.96.9.9"))[0] == 404
