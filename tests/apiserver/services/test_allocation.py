from typing import Any

SERVICES = "/api/v1/namespaces/default/services"
ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses"
MERGE = {"content_type": "application/merge-patch+json"}


async def make(api: Any, query: str = "", **spec: Any) -> Any:
    spec = {"ports": [{"port": 80}], "selector": {"a": "b"}, **spec}
    body = {"metadata": {"name": "s"}, "spec": spec}
    return await api.do("POST", SERVICES + query, body)


async def addresses(api: Any) -> list[str]:
    _, found = await api.do("GET", ADDRESSES)
    return [item["metadata"]["name"] for item in found["items"]]


async def test_an_address_is_held_as_long_as_its_service(api: Any) -> None:
    code, made = await make(api)
    assert code == 201, made
    spec = made["spec"]
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")
    assert set(await addresses(api)) == {"10.96.0.1", spec["clusterIP"]}
    await api.do("DELETE", f"{SERVICES}/s")
    assert await addresses(api) == ["10.96.0.1"]


async def test_dry_runs_and_failures_hold_nothing(api: Any) -> None:
    code, would = await make(api, "?dryRun=All", type="NodePort")
    assert (code, would["spec"]["ports"][0]["nodePort"]) == (201, 32769)
    _, would = await make(api, "?dryRun=All", type="LoadBalancer", externalTrafficPolicy="Local")
    assert would["spec"]["healthCheckNodePort"] == 32770
    code, _ = await make(api, clusterIP="10.96.0.1")
    assert code == 422
    assert await addresses(api) == ["10.96.0.1"]


async def test_a_headless_service_has_no_address(api: Any) -> None:
    _, made = await make(api, clusterIP="None")
    assert made["spec"]["clusterIPs"] == ["None"]
    assert await addresses(api) == ["10.96.0.1"]


async def test_changes_of_type_take_and_give_back(api: Any) -> None:
    _, made = await make(api, type="NodePort")
    port = made["spec"]["ports"][0]["nodePort"]
    assert 30000 <= port <= 32767
    name = {"spec": {"type": "ExternalName", "externalName": "x.example", "clusterIP": None}}
    code, now = await api.do("PATCH", f"{SERVICES}/s", name, **MERGE)
    assert code == 200, now
    assert "clusterIP" not in now["spec"]
    assert await addresses(api) == ["10.96.0.1"]
    back = {
        "spec": {
            "type": "NodePort",
            "externalName": None,
            "ports": [{"port": 80, "nodePort": port}],
        }
    }
    code, now = await api.do("PATCH", f"{SERVICES}/s", back, **MERGE)
    assert (code, now["spec"]["ports"][0]["nodePort"]) == (200, port)
    assert len(await addresses(api)) == 2


async def test_a_taken_or_foreign_port_is_refused(api: Any) -> None:
    _, made = await make(api, type="NodePort")
    port = made["spec"]["ports"][0]["nodePort"]
    body = {
        "metadata": {"name": "t"},
        "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": port}]},
    }
    code, status = await api.do("POST", SERVICES, body)
    assert code == 422
    assert status["message"].endswith("provided port is already allocated")
    body["spec"]["ports"] = [{"port": 80, "nodePort": 80}]  # type: ignore[index]
    code, status = await api.do("POST", SERVICES, body)
    assert "The range of valid ports is 30000-32767" in status["message"]


async def test_what_cannot_be_had_is_told_before_what_is_wrong(api: Any) -> None:
    code, refused = await make(api, clusterIP="10.97.0.1", sessionAffinity="Odd")
    assert code == 422
    assert refused["details"]["causes"] == [
        {
            "reason": "FieldValueInvalid",
            "field": "spec.clusterIPs",
            "message": 'Invalid value: ["10.97.0.1"]: failed to allocate IP 10.97.0.1: the '
            "provided network does not match the current range",
        }
    ]
    code, refused = await make(api, ipFamilyPolicy="RequireDualStack", type="Odd")
    assert [cause["field"] for cause in refused["details"]["causes"]] == ["spec.ipFamilyPolicy"]


async def test_an_update_of_an_address_is_refused_as_what_it_is(api: Any) -> None:
    await make(api)
    other = {"spec": {"clusterIP": "10.97.0.1", "clusterIPs": ["10.97.0.1"]}}
    code, refused = await api.do("PATCH", f"{SERVICES}/s", other, **MERGE)
    assert code == 422
    assert [cause["field"] for cause in refused["details"]["causes"]] == ["spec.clusterIPs[0]"]
    assert "may not change once set" in refused["message"]


async def test_a_dry_run_counts_node_ports_from_a_guess(api: Any) -> None:
    ports = [{"name": "a", "port": 80}, {"name": "b", "port": 81}]
    _, would = await make(api, "?dryRun=All", type="NodePort", ports=ports)
    assert [port["nodePort"] for port in would["spec"]["ports"]] == [32769, 32770]
