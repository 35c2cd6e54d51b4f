"""Metrics have upstream's names, and no series that a client could make up."""

from typing import Any

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
        'scope="cluster",subresource="",verb="WATCH",version="v1"} 1.0' in found
    )
    assert 'apiserver_storage_objects{resource="configmaps"} 2.0' in found
    assert 'apiserver_current_inflight_requests{request_kind="readOnly"} 1.0' in found
    assert any(line.startswith('etcd_request_duration_seconds_count{group="') for line in found)
    await events.aclose()


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
