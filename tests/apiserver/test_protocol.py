"""Codes, headers and words of the protocol, as a client of upstream's server meets them."""

import asyncio
from typing import Any

import pytest

from pinnace.api.errors import BadRequest
from pinnace.api.wire import Request, User
from pinnace.apiserver.deadlines import duration, seconds_for
from pinnace.apiserver.routes import parse

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


def configmap(name: str = "a", **meta: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **meta}, "data": {"k": "v"}}


async def test_every_answer_says_how_it_may_be_kept_and_where_it_belongs(api: Any) -> None:
    answer = await api.answer("GET", "/api/v1/namespaces/default")
    assert answer.headers["cache-control"] == "no-cache, private"
    schemas = (await api.do("GET", "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas"))[1]
    uids = {one["metadata"]["name"]: one["metadata"]["uid"] for one in schemas["items"]}
    assert answer.headers["x-kubernetes-pf-flowschema-uid"] in uids.values()


def info(method: str, path: str) -> Any:
    return parse(Request(method=method, path=path))


@pytest.mark.parametrize(
    ("user", "path", "schema", "level"),
    [
        (User("root", ("system:masters",)), "/api/v1/pods", "exempt", "exempt"),
        (User("a", ("system:authenticated",)), "/healthz", "probes", "exempt"),
        (User("a", ("system:authenticated",)), "/api/v1/pods", "global-default", "global-default"),
        (
            User("system:serviceaccount:kube-system:x", ("system:authenticated",)),
            "/api/v1/pods",
            "kube-system-service-accounts",
            "workload-high",
        ),
        (User("system:node:n", ("system:nodes",)), "/api/v1/pods", "system-nodes", "system"),
    ],
)
async def test_the_first_flow_schema_that_matches_is_the_requests(
    api: Any, user: User, path: str, schema: str, level: str
) -> None:
    flow, _ = api.server.priority.flows.of(user, info("GET", path), 0.0)
    assert (flow.schema, flow.level) == (schema, level)


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("HEAD", CONFIGMAPS, 405),
        ("OPTIONS", CONFIGMAPS, 405),
        ("POST", "/apis/apps/v1/watch/deployments", 405),
        ("POST", "/version", 405),
        ("GET", "/apis/apps/v9", 404),
        ("GET", "/healthz/", 404),
        ("GET", "/api/v1/namespaces//configmaps", 200),
    ],
)
async def test_a_path_has_upstreams_methods(api: Any, method: str, path: str, code: int) -> None:
    answer = await api.answer(method, path)
    assert answer.status == code
    if code == 405:
        assert b'"details":{},"code":405' in answer.body


@pytest.mark.parametrize(
    ("text", "seconds"), [("5s", 5), ("1m30s", 90), ("100ms", 0.1), ("0", 0), ("-2h", -7200)]
)
def test_durations_are_read_as_go_reads_them(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("abc", 'invalid duration "abc"'),
        ("5", 'missing unit in duration "5"'),
        ("5x", 'unknown unit "x" in duration "5x"'),
    ],
)
def test_a_wrong_timeout_is_told_in_gos_words(text: str, why: str) -> None:
    request = Request(method="GET", path="/", query={"timeout": [text]})
    with pytest.raises(BadRequest) as caught:
        seconds_for(request, 60)
    expected = f"invalid timeout specified in the request URL - time: {why}"
    assert caught.value.message == expected


async def test_a_request_that_takes_too_long_is_answered_with_504(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*args: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(api.server, "_answer", never)
    code, status = await api.do("GET", f"{CONFIGMAPS}?timeout=1ms")
    assert (code, status["reason"]) == (504, "Timeout")
    assert status["message"] == ("Timeout: request did not complete within the allotted timeout")
    answer = await api.answer("GET", f"{CONFIGMAPS}?timeout=1ms")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "kind" not in status


@pytest.mark.parametrize("path", ["/api/v1/watch", "/apis/apps/v1/proxy"])
async def test_a_prefix_of_a_verb_alone_is_more_than_the_server_understands(
    api: Any, path: str
) -> None:
    answer = await api.answer("GET", path)
    assert answer.status == 500
    assert answer.body.decode() == (
        f'Internal Server Error: "{path}": failed to create RequestInfo: unable to determine kind '
        f"and namespace from url, {path}\n"
    )


@pytest.mark.parametrize(("media", "code"), [("", 201), (";", 415), ("application/json;", 201)])
async def test_a_media_type_is_missing_only_if_nothing_is_said(
    api: Any, media: str, code: int
) -> None:
    answer = await api.answer("POST", CONFIGMAPS, configmap(), **{"content-type": media})
    assert answer.status == code


async def test_a_deprecated_kind_warns_on_every_verb(api: Any) -> None:
    answer = await api.answer("GET", "/api/v1/endpoints")
    assert answer.headers["warning"] == (
        '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"'
    )


async def test_each_warning_has_a_header_of_its_own(api: Any) -> None:
    answer = await api.answer("POST", CONFIGMAPS, {**configmap(), "a": 1, "b": 2})
    assert answer.headers["warning"] == '299 - "unknown field \\"a\\""'
    assert answer.more == (("warning", '299 - "unknown field \\"b\\""'),)


async def test_items_of_a_list_do_not_repeat_what_they_are(api: Any) -> None:
    await api.do("POST", CONFIGMAPS, configmap())
    _, found = await api.do("GET", CONFIGMAPS)
    assert sorted(found["items"][0]) == ["data", "metadata"]


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        (
            "resourceVersion=x",
            400,
            'invalid resource version: resourceVersion: Invalid value: "x": '
            'strconv.ParseUint: parsing "x": invalid syntax',
        ),
        (
            "continue=YWJj",
            400,
            "invalid continue token: continue key is not valid: invalid character 'a' looking for "
            "beginning of value",
        ),
        (
            "continue=!",
            400,
            "invalid continue token: continue key is not valid: illegal base64 data at input byte "
            "0",
        ),
        ("resourceVersion=999999", 504, "Timeout: Too large resource version: 999999, current: "),
    ],
)
async def test_a_list_is_refused_in_upstreams_words(
    api: Any, query: str, code: int, message: str
) -> None:
    got, status = await api.do("GET", f"{CONFIGMAPS}?{query}")
    assert got == code
    assert status["message"].startswith(message)


async def test_a_list_of_what_the_cache_has_ignores_the_limit(api: Any) -> None:
    for name in "abc":
        await api.do("POST", CONFIGMAPS, configmap(name))
    _, found = await api.do("GET", f"{CONFIGMAPS}?resourceVersion=0&limit=1")
    assert len(found["items"]) == 3


async def test_a_watch_from_the_future_tells_nothing_before_it(api: Any) -> None:
    now = api.server.core.caches.revision
    events = api.events(f"{CONFIGMAPS}?watch=true&resourceVersion={now + 1}")
    first = asyncio.ensure_future(anext(events))
    await api.settle()
    for name in "ab":
        await api.do("POST", CONFIGMAPS, configmap(name))
    assert (await first)["object"]["metadata"]["name"] == "b"
    await events.aclose()


async def test_an_update_is_of_the_object_that_its_sender_means(api: Any) -> None:
    await api.do("POST", CONFIGMAPS, configmap())
    code, status = await api.do("PUT", f"{CONFIGMAPS}/a", configmap(resourceVersion="x"))
    assert (code, status["message"]) == (500, 'strconv.ParseUint: parsing "x": invalid syntax')
    changed = configmap(deletionTimestamp="2001-01-01T00:00:00Z")
    code, status = await api.do("PUT", f"{CONFIGMAPS}/a", changed)
    assert code == 422
    assert "metadata.deletionTimestamp" in status["message"]
    path = "/api/v1/namespaces/default/limitranges/x"
    code, status = await api.do("PUT", path, {"metadata": {"name": "x", "uid": "u"}, "spec": {}})
    assert code == 409
    assert "UID in precondition: u, UID in object meta: " in status["message"]


async def test_a_service_that_a_put_creates_gets_an_address(api: Any) -> None:
    body = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    code, made = await api.do("PUT", "/api/v1/namespaces/default/services/s", body)
    assert code == 201
    assert made["spec"]["clusterIPs"] == [made["spec"]["clusterIP"]]


async def test_a_name_whose_object_is_being_deleted_is_told_to_be_so(api: Any) -> None:
    await api.do("POST", CONFIGMAPS, configmap(finalizers=["a/b"]))
    await api.do("DELETE", f"{CONFIGMAPS}/a")
    code, status = await api.do("POST", CONFIGMAPS, configmap())
    assert code == 409
    assert status["message"] == 'object is being deleted: configmaps "a" already exists'


@pytest.mark.parametrize(
    ("options", "code"),
    [({"dryRun": ["x"]}, 422), ({"kind": "Foo", "apiVersion": "v1"}, 400)],
)
async def test_wrong_delete_options_are_refused(api: Any, options: Any, code: int) -> None:
    await api.do("POST", CONFIGMAPS, configmap())
    assert (await api.do("DELETE", f"{CONFIGMAPS}/a", options))[0] == code


async def test_a_watcher_sees_that_a_pod_is_deleted_before_it_is_gone(api: Any) -> None:
    pods = "/api/v1/namespaces/default/pods"
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    await api.do("POST", pods, pod)
    now = api.server.core.caches.revision
    _, answer = await api.do("DELETE", f"{pods}/p")
    metadata = answer["metadata"]
    assert (metadata["generation"], "deletionTimestamp" in metadata) == (2, True)
    events = api.events(f"{pods}?watch=true&resourceVersion={now}")
    assert [(await anext(events))["type"] for _ in range(2)] == ["MODIFIED", "DELETED"]
    await events.aclose()


async def test_a_collection_is_answered_as_it_was(api: Any) -> None:
    for name in "ab":
        await api.do("POST", CONFIGMAPS, configmap(name, finalizers=["a/b"]))
    _, found = await api.do("DELETE", f"{CONFIGMAPS}?limit=1")
    assert ["deletionTimestamp" in one["metadata"] for one in found["items"]] == [False]
    assert found["metadata"]["remainingItemCount"] == 1
