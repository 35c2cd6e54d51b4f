"""Metrics have upstream's names, and no series that a client could make up."""

import logging
from typing import Any

import pytest

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


async def lines(api: Any) -> list[str]:
    answer = await api.answer("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found: list[str] = answer.body.decode().splitlines()
    return found


async def test_requests_watches_objects_and_the_store_are_counted(api: Any) -> None:
    await api.do("POST", CONFIGMAPS, {"metadata": {"name": "a"}})
    await api.do("GET", f"{CONFIGMAPS}/a")
    events = api.events(f"{CONFIGMAPS}?watch=1")
    await anext(events)
    found = await lines(api)
    of = 'group="",resource="configmaps",scope="resource",subresource=""'
    assert (
        f'apiserver_request_total{{code="201",component="apiserver",dry_run="",{of},'
        'verb="POST",version="v1"} 1.0' in found
    )
    assert any(
        line.startswith("apiserver_request_duration_seconds_bucket{") and 'verb="GET"' in line
        for line in found
    )
    assert (
        'apiserver_longrunning_requests{component="apiserver",group="",resource="configmaps",'
        'scope="namespace",subresource="",verb="WATCH",version="v1"} 1.0' in found
    )
    assert 'apiserver_storage_objects{resource="configmaps"} 2.0' in found
    assert 'apiserver_current_inflight_requests{request_kind="readOnly"} 1.0' in found
    assert any(line.startswith('etcd_request_duration_seconds_count{group="') for line in found)
    await events.aclose()


async def test_paths_of_no_resource_are_counted_as_upstream_counts_them(api: Any) -> None:
    for path in ("/livez", "/apis", "/openapi/v3", "/openapi/v3/api/v1", "/version", "/made-up"):
        await api.answer("GET", path)
    await api.answer("TRACE", "/livez")
    found = [line for line in await lines(api) if line.startswith("apiserver_request_total{")]
    told = "".join(line for line in found if 'resource=""' in line)
    assert (
        'code="200",component="",dry_run="",group="",resource="",scope="",subresource="/livez"'
        in told
    )
    assert (
        'component="apiserver",dry_run="",group="",resource="",scope="",subresource="apis"' in told
    )
    assert 'subresource="openapi/v3",verb="GET"' in told
    assert 'subresource="openapi/v3/",verb="GET"' in told
    assert 'subresource="/livez",verb="other"' in told
    assert 'subresource=""' not in told


async def test_what_does_not_exist_makes_no_series(api: Any) -> None:
    await api.do("GET", f"{CONFIGMAPS}/a/made-up")
    await api.do("GET", "/api/v1/namespaces/default/made-up")
    assert not [line for line in await lines(api) if "made-up" in line]


async def test_the_store_and_the_caches_are_counted_by_resource(api: Any) -> None:
    path = "/api/v1/namespaces/default/secrets"
    await api.do("POST", path, {"metadata": {"name": "a"}})
    _, made = await api.do("POST", path, {"metadata": {"name": "b"}})
    await api.do("DELETE", f"{path}/a")
    await api.do("GET", path)
    version = int(made["metadata"]["resourceVersion"]) - 1
    await api.do("GET", f"{path}?resourceVersion={version}&resourceVersionMatch=Exact")
    text = (await api.answer("GET", "/metrics")).body.decode().splitlines()
    where = 'group="",resource="secrets"'
    for line in (
        'etcd_requests_total{group="",operation="create",resource="secrets"} 2.0',
        'etcd_requests_total{group="",operation="delete",resource="secrets"} 1.0',
        'apiserver_cache_list_total{group="",index="",resource="secrets"} 1.0',
        f"apiserver_cache_list_returned_objects_total{{{where}}} 1.0",
        f"apiserver_storage_list_total{{{where}}} 1.0",
        f"apiserver_storage_list_returned_objects_total{{{where}}} 1.0",
        f"apiserver_watch_cache_events_received_total{{{where}}} 3.0",
        f"apiserver_watch_cache_initializations_total{{{where}}} 1.0",
        f"apiserver_resource_objects{{{where}}} 1.0",
    ):
        assert line in text, line
    names = "\n".join(line for line in text if not line.startswith("#"))
    assert 'apiserver_storage_size_bytes{storage_cluster_id="etcd-0"}' in names
    assert f"apiserver_watch_cache_resource_version{{{where}}}" in names


async def test_what_is_sent_asked_for_and_refused_is_counted(api: Any) -> None:
    await api.do("POST", CONFIGMAPS, {"metadata": {"name": "a"}})
    await api.do("GET", "/api/v1/endpoints")
    events = api.events(f"{CONFIGMAPS}?watch=1")
    await anext(events)
    found = await lines(api)
    where = 'group="",resource="configmaps",version="v1"'
    assert f"apiserver_watch_events_total{{{where}}} 1.0" in found
    assert (
        'apiserver_requested_deprecated_apis{group="",removed_release="",resource="endpoints",'
        'subresource="",version="v1"} 1.0' in found
    )
    assert any(line.startswith('authentication_attempts{result="success"}') for line in found)
    assert any(line.startswith('authorization_attempts_total{result="allowed"') for line in found)
    assert any(line.startswith("apiserver_response_sizes_bucket{") for line in found)
    await events.aclose()


async def test_health_checks_are_metrics_of_their_own(api: Any) -> None:
    answer = await api.answer("GET", "/metrics/slis")
    assert b'kubernetes_healthcheck{name="etcd",type="livez"} 1.0' in answer.body


async def test_a_request_is_one_line_of_the_log(api: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "pinnace.apiserver.request_log")
    await api.answer("GET", f"{CONFIGMAPS}?limit=5", user_agent="me", audit_id="id")
    (line,) = [r.message for r in caplog.records if r.name == "pinnace.apiserver.request_log"]
    assert line.startswith(f'"HTTP" verb="LIST" URI="{CONFIGMAPS}?limit=5" latency="')
    assert 'userAgent="me" audit-ID="id"' in line
    assert line.endswith("resp=200")
