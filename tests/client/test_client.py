import orjson
import pytest

from pinnace.api.errors import ApiError, Conflict, Expired, NotFound, not_found
from pinnace.api.kinds.core import CONFIGMAPS, PODS
from pinnace.api.wire import Response, Stream, User
from pinnace.client.client import ApiClient
from pinnace.client.transport import InProcess

ME = User("me", ("system:masters",))


class Recorded:
    """An application that remembers its requests and gives one answer."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []

    async def __call__(self, request):
        self.requests.append(request)
        return self.answer


def client(answer):
    app = Recorded(answer)
    return ApiClient(InProcess(app, ME), user_agent="tester"), app


def told(obj):
    return Response(body=orjson.dumps(obj))


async def test_get_asks_as_the_given_user_for_json():
    api, app = client(told({"kind": "Pod"}))
    assert await api.get(PODS, "a", namespace="x") == {"kind": "Pod"}
    (request,) = app.requests
    assert (request.method, request.path) == ("GET", "/api/v1/namespaces/x/pods/a")
    assert request.user == ME
    assert request.headers == {"accept": "application/json", "user-agent": "tester"}


async def test_a_list_without_items_is_empty():
    api, _ = client(told({"items": None, "metadata": {}}))
    assert (await api.list(PODS))["items"] == []


async def test_metadata_only_asks_for_partial_objects():
    api, app = client(told({"items": []}))
    await api.list(PODS, metadata_only=True, label_selector="a=b")
    (request,) = app.requests
    assert request.headers["accept"].startswith(
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    )
    assert request.query == {"labelSelector": ["a=b"]}


@pytest.mark.parametrize(
    ("kind", "media"),
    [
        ("json", "application/json-patch+json"),
        ("merge", "application/merge-patch+json"),
        ("strategic", "application/strategic-merge-patch+json"),
        ("apply", "application/apply-patch+yaml"),
    ],
)
async def test_each_patch_has_its_media_type(kind, media):
    api, app = client(told({}))
    await api.patch(CONFIGMAPS, "a", {"x": 1}, namespace="n", type=kind, field_manager="me")
    assert app.requests[0].headers["content-type"] == media
    assert app.requests[0].query == {"fieldManager": ["me"]}


async def test_create_adds_kind_and_version_and_takes_the_namespace_of_the_object():
    api, app = client(told({}))
    await api.create(CONFIGMAPS, {"metadata": {"name": "a", "namespace": "n"}}, dry_run=True)
    request = app.requests[0]
    assert request.path == "/api/v1/namespaces/n/configmaps"
    assert request.query == {"dryRun": ["All"]}
    assert orjson.loads(request.body)["kind"] == "ConfigMap"


async def test_a_subresource_is_sent_as_its_own_kind():
    api, app = client(told({}))
    await api.create(PODS, {"metadata": {}}, namespace="n", name="p", subresource="eviction")
    body = orjson.loads(app.requests[0].body)
    assert (body["kind"], body["apiVersion"]) == ("Eviction", "policy/v1")


async def test_delete_sends_preconditions_and_propagation():
    api, app = client(told({}))
    await api.delete(PODS, "a", namespace="n", uid="u", grace_period=0, propagation="Orphan")
    assert orjson.loads(app.requests[0].body) == {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": "u"},
        "propagationPolicy": "Orphan",
    }


async def test_a_status_becomes_its_error():
    error = not_found("pods", "", "a")
    api, _ = client(Response(status=404, body=orjson.dumps(error.status())))
    with pytest.raises(NotFound, match='pods "a" not found'):
        await api.get(PODS, "a", namespace="n")


async def test_an_answer_that_is_no_status_becomes_the_error_of_its_code():
    api, _ = client(Response(status=409, body=b"sorry"))
    with pytest.raises(Conflict, match="sorry"):
        await api.get(PODS, "a", namespace="n")


async def test_an_answer_that_is_no_json_is_an_error():
    api, _ = client(Response(body=b"<html>"))
    with pytest.raises(ApiError, match="no JSON"):
        await api.get(PODS, "a", namespace="n")


def streamed(text, size):
    async def frames():
        for start in range(0, len(text), size):
            yield text[start : start + size]

    return Stream(frames=frames())


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_watch_frames_may_be_cut_anywhere(size):
    lines = b"".join(
        orjson.dumps({"type": "ADDED", "object": {"metadata": {"name": name}}}) + b"\n"
        for name in ("a", "b")
    )
    api, app = client(streamed(lines, size))
    found = [event.object["metadata"]["name"] async for event in api.watch(PODS)]
    assert found == ["a", "b"]
    assert app.requests[0].query == {"watch": ["true"], "allowWatchBookmarks": ["true"]}


async def test_an_error_event_raises_its_status():
    status = Expired("too old resource version: 1 (2)").status()
    api, _ = client(streamed(orjson.dumps({"type": "ERROR", "object": status}) + b"\n", 1000))
    with pytest.raises(Expired, match="too old"):
        async for _ in api.watch(PODS):
            pass


async def test_a_watch_that_is_left_closes_what_feeds_it():
    closed = []

    async def frames():
        try:
            while True:
                yield b'{"type":"ADDED","object":{}}\n'
        finally:
            closed.append(True)

    api, _ = client(Stream(frames=frames()))
    events = api.watch(PODS)
    await anext(events)
    await events.aclose()
    assert closed
