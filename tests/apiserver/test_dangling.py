"""Flow schemas tell whether their priority level is there."""

from typing import Any

FLOWS = "/apis/flowcontrol.apiserver.k8s.io/v1"


def schema(name: str, level: str) -> dict[str, Any]:
    return {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": {"name": name},
        "spec": {"priorityLevelConfiguration": {"name": level}, "matchingPrecedence": 900},
    }


def level(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "PriorityLevelConfiguration",
        "metadata": {"name": name},
        "spec": {
            "type": "Limited",
            "limited": {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Reject"}},
        },
    }


async def condition(api: Any, name: str) -> Any:
    await api.settle()
    _, found = await api.do("GET", f"{FLOWS}/flowschemas/{name}")
    (only,) = found["status"]["conditions"]
    return only["status"], only["reason"], only["message"]


async def test_every_schema_of_a_new_cluster_says_that_its_level_is_there(api: Any) -> None:
    _, found = await api.do("GET", f"{FLOWS}/flowschemas")
    told = [one["status"]["conditions"][0]["reason"] for one in found["items"]]
    assert set(told) == {"Found"}
    managers = [one["manager"] for one in found["items"][0]["metadata"]["managedFields"]]
    assert managers == [
        "api-priority-and-fairness-config-consumer-v1",
        "api-priority-and-fairness-config-producer-v1",
    ]


async def test_a_schema_tells_when_its_level_is_missing_comes_and_goes(api: Any) -> None:
    await api.do("POST", f"{FLOWS}/flowschemas", schema("a", "mine"))
    about = 'This FlowSchema references the PriorityLevelConfiguration object named "mine"'
    missing = ("True", "NotFound", f"{about} but there is no such object")
    assert await condition(api, "a") == missing
    await api.do("POST", f"{FLOWS}/prioritylevelconfigurations", level("mine"))
    assert await condition(api, "a") == ("False", "Found", f"{about} and it exists")
    await api.do("DELETE", f"{FLOWS}/prioritylevelconfigurations/mine")
    assert await condition(api, "a") == missing
