"""Discovery leaves in the form that a client accepts, and with upstream's headers."""

from typing import Any

import orjson
import pytest

from pinnace.api.codec import protobuf

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
PROTOBUF = "application/vnd.kubernetes.protobuf"


async def test_aggregated_discovery_is_kept_until_it_changes(api: Any) -> None:
    answer = await api.answer("GET", "/apis", accept=AGGREGATED)
    assert answer.headers["content-type"] == AGGREGATED
    assert answer.headers["cache-control"] == "public"
    assert answer.headers["vary"] == "Accept"
    again = await api.answer(
        "GET", "/apis", accept=AGGREGATED, if_none_match=answer.headers["etag"]
    )
    assert (again.status, again.body) == (304, b"")


async def test_aggregated_discovery_comes_as_protobuf(api: Any) -> None:
    answer = await api.answer(
        "GET", "/api", accept=AGGREGATED.replace("application/json", PROTOBUF)
    )
    assert answer.headers["content-type"].startswith(PROTOBUF + ";g=")
    found = protobuf.decode(answer.body)
    assert found["items"][0]["versions"][0]["version"] == "v1"


@pytest.mark.parametrize("path", ["/api", "/apis", "/api/v1", "/apis/apps", "/apis/apps/v1"])
async def test_legacy_discovery_is_negotiated_and_not_cached(api: Any, path: str) -> None:
    plain = await api.answer("GET", path)
    assert plain.headers["cache-control"] == "no-cache, private"
    assert "etag" not in plain.headers
    assert plain.body.endswith(b"}\n")
    yaml = await api.answer("GET", path, accept="application/yaml")
    assert yaml.headers["content-type"] == "application/yaml"
    packed = await api.answer("GET", path, accept=PROTOBUF)
    assert packed.body.startswith(b"k8s\0")


@pytest.mark.parametrize(
    ("method", "path", "accept", "code"),
    [
        ("PUT", "/api/v1", "*/*", 405),
        ("PUT", "/apis/apps/v1", "*/*", 405),
        ("POST", "/version", "*/*", 405),
        ("PUT", "/apis", "*/*", 200),
        ("GET", "/apis/apps/v9", "*/*", 404),
        ("GET", "/api/v9", "*/*", 404),
        ("GET", "/api/v1", "text/html", 406),
        ("GET", "/apis", "text/html", 406),
    ],
)
async def test_what_upstreams_router_refuses_is_refused(
    api: Any, method: str, path: str, accept: str, code: int
) -> None:
    answer = await api.answer(method, path, accept=accept)
    assert answer.status == code
    if code != 200:
        assert orjson.loads(answer.body)["kind"] == "Status"


async def test_an_unknown_group_is_no_path_at_all(api: Any) -> None:
    answer = await api.answer("GET", "/apis/nope/v1")
    assert (answer.status, answer.body) == (404, b"404 page not found\n")
