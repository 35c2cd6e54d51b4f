import asyncio
from typing import Any

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


def configmap(name: str, **labels: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name}
    if labels:
        metadata["labels"] = labels
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": {"k": "v"}}


async def test_create_stamps_and_get_returns_the_same(api: Any) -> None:
    code, made = await api.do("POST", CONFIGMAPS, configmap("a"))
    assert code == 201
    assert made["metadata"]["uid"]
    assert made["metadata"]["namespace"] == "default"
    assert made["metadata"]["creationTimestamp"] == "2030-01-01T00:00:00Z"
    assert await api.do("GET", f"{CONFIGMAPS}/a") == (200, made)


async def test_a_name_can_be_taken_once(api: Any) -> None:
    await api.do("POST", CONFIGMAPS, configmap("a"))
    code, status = await api.do("POST", CONFIGMAPS, configmap("a"))
    assert (code, status["reason"]) == (409, "AlreadyExists")
    assert status["message"] == 'configmaps "a" already exists'


async def test_watch_tells_selector_transitions_in_order(api: Any) -> None:
    events = api.events(f"{CONFIGMAPS}?watch=1&labelSelector=x=1&resourceVersion=1")
    first = asyncio.ensure_future(anext(events))
    await api.settle()
    await api.do("POST", CONFIGMAPS, configmap("other"))
    await api.do("POST", CONFIGMAPS, configmap("a", x="1"))
    event = await asyncio.wait_for(first, 5)
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "a")
    await events.aclose()


async def test_initial_events_end_with_an_annotated_bookmark(api: Any) -> None:
    await api.do("POST", CONFIGMAPS, configmap("a"))
    query = "watch=1&sendInitialEvents=true&allowWatchBookmarks=true"
    events = api.events(f"{CONFIGMAPS}?{query}&resourceVersionMatch=NotOlderThan")
    assert (await anext(events))["type"] == "ADDED"
    mark = await anext(events)
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    await events.aclose()


async def test_pages_are_of_one_revision(api: Any) -> None:
    for name in ("a", "b", "c"):
        await api.do("POST", CONFIGMAPS, configmap(name))
    _, page = await api.do("GET", f"{CONFIGMAPS}?limit=2")
    assert page["metadata"]["remainingItemCount"] == 1
    await api.do("POST", CONFIGMAPS, configmap("d"))
    token = page["metadata"]["continue"]
    _, rest = await api.do("GET", f"{CONFIGMAPS}?limit=2&continue={token}")
    assert [item["metadata"]["name"] for item in rest["items"]] == ["c"]
    assert rest["metadata"]["resourceVersion"] == page["metadata"]["resourceVersion"]


async def test_watch_ends_after_its_timeout(api: Any) -> None:
    events = api.events(f"{CONFIGMAPS}?watch=1&timeoutSeconds=5&resourceVersion=1")
    first = asyncio.ensure_future(anext(events, None))
    await api.settle()
    await api.clock.advance(6)
    assert await asyncio.wait_for(first, 5) is None
