import asyncio
from typing import Any

import pytest

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


@pytest.mark.parametrize(
    ("version", "code"), [("7", 500), ("v1", 201), ("0", 201), ("-1", 201), (str(1 << 64), 201)]
)
async def test_only_a_version_that_could_be_stored_forbids_a_create(
    api: Any, version: str, code: int
) -> None:
    obj = configmap("a")
    obj["metadata"]["resourceVersion"] = version
    said, answer = await api.do("POST", CONFIGMAPS, obj)
    assert said == code
    if code == 500:
        assert answer["message"] == "resourceVersion should not be set on objects to be created"
    else:
        assert answer["metadata"]["resourceVersion"] != version


async def test_a_dry_run_and_validation_do_not_mind_the_version_of_a_new_object(api: Any) -> None:
    obj = configmap("a")
    obj["metadata"]["resourceVersion"] = "7"
    code, answer = await api.do("POST", f"{CONFIGMAPS}?dryRun=All", obj)
    assert (code, answer["metadata"]["resourceVersion"]) == (201, "7")
    obj["metadata"]["name"] = "A_"
    code, answer = await api.do("POST", CONFIGMAPS, obj)
    assert (code, answer["reason"]) == (422, "Invalid")


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


async def test_the_old_path_of_a_watch_by_name_shows_no_other_object(api: Any) -> None:
    for name in ("a", "b", "c"):
        await api.do("POST", CONFIGMAPS, configmap(name))
    path = "/api/v1/watch/namespaces/default/configmaps/b"
    for query in ("", "&fieldSelector=metadata.name=b", "&fieldSelector=metadata.name=c"):
        events = api.events(f"{path}?timeoutSeconds=1{query}")
        reading = asyncio.ensure_future(_names(events))
        await api.settle()
        await api.clock.advance(2)
        assert await reading == ([] if "=c" in query else ["b"])


async def _names(events: Any) -> list[str]:
    return [event["object"]["metadata"]["name"] async for event in events]


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


async def test_a_watch_from_before_the_compaction_is_told_so(api: Any) -> None:
    await api.do("POST", CONFIGMAPS, configmap("a"))
    await api.settle()
    await api.clock.advance(301)
    await api.do("POST", CONFIGMAPS, configmap("b"))
    await api.clock.advance(301)
    await api.do("POST", CONFIGMAPS, configmap("c"))
    events = api.events(f"{CONFIGMAPS}?watch=1&resourceVersion=2")
    event = await asyncio.wait_for(anext(events), 5)
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
    assert event["object"]["reason"] == "Expired"
    assert event["object"]["message"].startswith("too old resource version: 2 (")
    await events.aclose()


async def test_a_watch_resumes_from_the_stores_history(api: Any) -> None:
    await api.do("POST", CONFIGMAPS, configmap("a"))
    _, listed = await api.do("GET", CONFIGMAPS)
    await api.do("POST", CONFIGMAPS, configmap("b"))
    await api.settle()
    await api.clock.advance(400)
    await api.do("POST", CONFIGMAPS, configmap("c"))
    version = listed["metadata"]["resourceVersion"]
    events = api.events(f"{CONFIGMAPS}?watch=1&resourceVersion={version}")
    names = [(await asyncio.wait_for(anext(events), 5))["object"]["metadata"]["name"]]
    names.append((await asyncio.wait_for(anext(events), 5))["object"]["metadata"]["name"])
    assert names == ["b", "c"]
    await events.aclose()


async def test_bookmarks_of_a_watch_on_the_history_go_on_once_it_has_caught_up(api: Any) -> None:
    await api.do("POST", CONFIGMAPS, configmap("a"))
    _, listed = await api.do("GET", CONFIGMAPS)
    await api.do("POST", CONFIGMAPS, configmap("b"))
    await api.settle()
    await api.clock.advance(400)
    await api.do("POST", CONFIGMAPS, configmap("c"))
    version = listed["metadata"]["resourceVersion"]
    events = api.events(f"{CONFIGMAPS}?watch=1&resourceVersion={version}&allowWatchBookmarks=true")
    for _ in range(2):
        await asyncio.wait_for(anext(events), 5)
    await api.do("POST", "/api/v1/namespaces", {"metadata": {"name": "elsewhere"}})
    _, listed = await api.do("GET", CONFIGMAPS)
    mark = asyncio.ensure_future(anext(events))
    await api.settle()
    await api.clock.advance(61)
    told = await asyncio.wait_for(mark, 5)
    assert told["type"] == "BOOKMARK"
    marked = int(told["object"]["metadata"]["resourceVersion"])
    assert marked >= int(listed["metadata"]["resourceVersion"])
    await events.aclose()


async def test_bookmarks_come_every_minute(api: Any) -> None:
    query = "watch=1&resourceVersion=1&allowWatchBookmarks=true"
    events = api.events(f"{CONFIGMAPS}?{query}")
    first = asyncio.ensure_future(anext(events))
    await api.settle()
    await api.clock.advance(61)
    mark = await asyncio.wait_for(first, 5)
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["kind"] == "ConfigMap"
    await events.aclose()


@pytest.mark.parametrize("start", ["", "&resourceVersion=0"])
async def test_a_watch_from_anywhere_marks_the_end_of_the_state(api: Any, start: str) -> None:
    await api.do("POST", CONFIGMAPS, configmap("a"))
    events = api.events(f"{CONFIGMAPS}?watch=1&allowWatchBookmarks=true{start}")
    found = [await asyncio.wait_for(anext(events), 5) for _ in range(2)]
    assert [event["type"] for event in found] == ["ADDED", "BOOKMARK"]
    mark = found[-1]["object"]["metadata"]
    assert mark["annotations"] == {"k8s.io/initial-events-end": "true"}
    await events.aclose()


async def test_a_watch_by_the_old_prefix_marks_no_end_of_the_state(api: Any) -> None:
    await api.do("POST", CONFIGMAPS, configmap("a"))
    path = CONFIGMAPS.replace("/api/v1/", "/api/v1/watch/")
    events = api.events(f"{path}?allowWatchBookmarks=true&timeoutSeconds=1")
    found = [await asyncio.wait_for(anext(events), 5)]
    rest = asyncio.ensure_future(anext(events, None))
    await api.settle()
    await api.clock.advance(2)
    assert [event["type"] for event in found] == ["ADDED"]
    assert await asyncio.wait_for(rest, 5) is None


async def test_a_bookmark_comes_two_seconds_before_the_end(api: Any) -> None:
    query = "watch=1&resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=70"
    events = api.events(f"{CONFIGMAPS}?{query}")
    first = asyncio.ensure_future(anext(events))
    await api.settle()
    await api.clock.advance(61)
    await asyncio.wait_for(first, 5)
    second = asyncio.ensure_future(anext(events, None))
    await api.settle()
    await api.clock.advance(6.9)
    await api.settle()
    assert not second.done()
    await api.clock.advance(0.2)
    mark = await asyncio.wait_for(second, 5)
    assert mark["type"] == "BOOKMARK"
    end = asyncio.ensure_future(anext(events, None))
    await api.settle()
    await api.clock.advance(2)
    assert await asyncio.wait_for(end, 5) is None


async def test_initial_events_need_a_match(api: Any) -> None:
    code, status = await api.do("GET", f"{CONFIGMAPS}?watch=1&sendInitialEvents=true")
    assert (code, status["reason"]) == (422, "Invalid")
    assert "sendInitialEvents requires setting resourceVersionMatch" in status["message"]


async def test_an_expired_page_hands_out_a_usable_token(api: Any) -> None:
    for name in ("a", "b", "c"):
        await api.do("POST", CONFIGMAPS, configmap(name))
    _, page = await api.do("GET", f"{CONFIGMAPS}?limit=1")
    await api.settle()
    await api.clock.advance(301)
    await api.do("DELETE", f"{CONFIGMAPS}/b")
    await api.clock.advance(601)
    token = page["metadata"]["continue"]
    code, status = await api.do("GET", f"{CONFIGMAPS}?limit=1&continue={token}")
    assert (code, status["reason"]) == (410, "Expired")
    token = status["metadata"]["continue"]
    code, rest = await api.do("GET", f"{CONFIGMAPS}?limit=1&continue={token}")
    assert (code, [item["metadata"]["name"] for item in rest["items"]]) == (200, ["c"])


async def test_a_page_expires_with_its_revision_even_if_nothing_changed(api: Any) -> None:
    for name in ("a", "b"):
        await api.do("POST", CONFIGMAPS, configmap(name))
    _, page = await api.do("GET", f"{CONFIGMAPS}?limit=1")
    await api.do("POST", "/api/v1/namespaces", {"metadata": {"name": "other"}})
    await api.settle()
    await api.clock.advance(301)
    await api.clock.advance(301)
    token = page["metadata"]["continue"]
    code, status = await api.do("GET", f"{CONFIGMAPS}?limit=1&continue={token}")
    assert (code, status["reason"]) == (410, "Expired")


async def test_metadata_and_tables_are_other_forms_of_the_same(api: Any) -> None:
    await api.do("POST", CONFIGMAPS, configmap("a"))
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    _, listed = await api.do("GET", CONFIGMAPS, accept=accept)
    assert listed["kind"] == "PartialObjectMetadataList"
    assert set(listed["items"][0]) == {"kind", "apiVersion", "metadata"}
    accept = "application/json;as=Table;g=meta.k8s.io;v=v1"
    _, table = await api.do("GET", CONFIGMAPS, accept=accept)
    assert table["rows"][0]["cells"][:2] == ["a", 1]


async def test_what_nobody_can_read_is_not_acceptable(api: Any) -> None:
    code, status = await api.do("GET", CONFIGMAPS, accept="text/html")
    assert (code, status["reason"]) == (406, "NotAcceptable")


async def test_unknown_resources_and_methods_are_statuses(api: Any) -> None:
    code, status = await api.do("GET", "/api/v1/nonsense")
    assert (code, status["message"]) == (404, "the server could not find the requested resource")
    code, status = await api.do("POST", "/api/v1/componentstatuses", {})
    assert (code, status["reason"]) == (405, "MethodNotAllowed")


async def test_a_slow_reader_is_cut_off_and_the_others_are_not(api: Any) -> None:
    slow = api.events(f"{CONFIGMAPS}?watch=1&resourceVersion=1")
    first = asyncio.ensure_future(anext(slow))
    await api.settle()
    for number in range(1100):
        await api.do("POST", CONFIGMAPS, configmap(f"a{number}"))
    await asyncio.wait_for(first, 5)
    seen = [event async for event in slow]
    assert len(seen) < 1100


async def test_a_watch_by_field_sees_objects_come_and_go(api: Any) -> None:
    pods = "/api/v1/namespaces/default/pods"
    spec = {"containers": [{"name": "c", "image": "i"}]}
    events = api.events("/api/v1/pods?watch=1&resourceVersion=1&fieldSelector=spec.nodeName=n")
    first = asyncio.ensure_future(anext(events))
    await api.settle()
    for name in ("p", "q"):
        await api.do("POST", pods, {"metadata": {"name": name}, "spec": spec})
    binding = {"metadata": {"name": "p"}, "target": {"name": "n"}}
    await api.do("POST", f"{pods}/p/binding", binding)
    event = await asyncio.wait_for(first, 5)
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "p")
    await api.do("DELETE", f"{pods}/p?gracePeriodSeconds=0")
    types = [(await asyncio.wait_for(anext(events), 5))["type"]]
    assert types[-1] in ("MODIFIED", "DELETED")
    await events.aclose()


async def test_objects_are_stored_as_go_writes_them(api: Any) -> None:
    secret = {
        "metadata": {"name": "s", "creationTimestamp": None},
        "data": {"a": "YWFh\nYWE=\n"},
    }
    status, made = await api.do("POST", "/api/v1/namespaces/default/secrets", secret)
    assert (status, made["data"]) == (201, {"a": "YWFhYWE="})
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"cpu": "2000m", "memory": 1024}}}
    status, made = await api.do("POST", "/api/v1/namespaces/default/resourcequotas", quota)
    assert (status, made["spec"]["hard"]) == (201, {"cpu": "2", "memory": "1024"})


async def test_a_namespace_is_listed_by_its_name(api):
    code, found = await api.do("GET", "/api/v1/namespaces?fieldSelector=metadata.name=default")
    assert code == 200
    assert [item["metadata"]["name"] for item in found["items"]] == ["default"]


async def test_a_shape_that_does_not_fit_is_refused(api: Any) -> None:
    one, many = "PartialObjectMetadata", "PartialObjectMetadataList"
    accept = "application/json;as=%s;v=v1;g=meta.k8s.io"
    status, refused = await api.do("GET", "/api/v1/namespaces/default", accept=accept % many)
    assert status == 406
    assert refused["message"] == (
        f"you requested {many}, but the requested object is not a list (*core.Namespace)"
    )
    status, refused = await api.do("GET", "/api/v1/namespaces", accept=accept % one)
    assert status == 406
    assert refused["message"] == (
        f"you requested {one}, but the requested object is a list (*core.NamespaceList)"
    )


async def test_metadata_of_nothing_is_no_list(api: Any) -> None:
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    _, found = await api.do("GET", "/api/v1/limitranges", accept=accept)
    assert found["items"] is None


@pytest.mark.parametrize(
    ("method", "path", "offered"),
    [
        ("GET", "/api/v1/pods", "protobuf, application/json;stream=watch, application/vnd"),
        ("GET", "/api/v1/namespaces/default", 'protobuf", "reason"'),
        ("POST", "/api/v1/namespaces", 'protobuf", "reason"'),
    ],
)
async def test_what_cannot_be_answered_is_not_done(
    api: Any, method: str, path: str, offered: str
) -> None:
    answer = await api.answer(method, path, {}, accept="text/html")
    assert answer.status == 406
    assert b"406: Not Acceptable\\n\\nAvailable representations: application/json" in answer.body
    assert offered.partition('"')[0].encode() in answer.body


async def test_the_head_of_a_resource_cannot_be_asked_for(api: Any) -> None:
    answer = await api.answer("HEAD", "/api/v1/namespaces/default")
    assert answer.status == 405


async def test_items_of_a_list_do_not_repeat_what_they_are(api: Any) -> None:
    await api.do("POST", CONFIGMAPS, configmap("a"))
    _, listed = await api.do("GET", CONFIGMAPS)
    assert not {"kind", "apiVersion"} & set(listed["items"][0])


async def test_a_field_is_selected_under_the_name_that_its_version_has(api: Any) -> None:
    path = "/apis/events.k8s.io/v1/namespaces/default/events"
    for name in ("a", "b"):
        await api.do("POST", path, {
            "metadata": {"name": name}, "regarding": {"namespace": "default"}, "type": "Normal",
            "eventTime": "2026-01-01T00:00:00.000000Z", "action": "Test", "reason": "Test",
            "reportingController": f"test-{name}", "reportingInstance": "one",
        })  # fmt: skip
    _, found = await api.do("GET", f"{path}?fieldSelector=reportingController=test-a")
    assert [item["metadata"]["name"] for item in found["items"]] == ["a"]
