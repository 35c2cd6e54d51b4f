from typing import Any

from pinnace.apiserver.bootstrap.flow_control import bootstrap_flow_control


def test_every_flow_schema_names_a_level_that_is_there() -> None:
    objects = bootstrap_flow_control()
    levels = {o["metadata"]["name"] for o in objects if o["kind"] == "PriorityLevelConfiguration"}
    schemas = [o for o in objects if o["kind"] == "FlowSchema"]
    assert {s["spec"]["priorityLevelConfiguration"]["name"] for s in schemas} == levels
    assert {"exempt", "catch-all"} <= levels


async def test_what_a_cluster_starts_with_is_written_as_by_go(api: Any) -> None:
    path = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas/catch-all"
    (condition,) = (await api.do("GET", path))[1]["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("Dangling", "False")
    _, service = await api.do("GET", "/api/v1/namespaces/default/services/kubernetes")
    assert list(service["spec"])[:3] == ["ports", "clusterIP", "clusterIPs"]
