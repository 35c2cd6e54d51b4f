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
    assert any(line.startswith('etcd_request_duration_seconds_count{operation="') for line in found)
    await events.aclose()


async def test_what_does_not_exist_makes_no_series(api: Any) -> None:
    await api.do("GET", f"{CONFIGMAPS}/a/made-up")
    await api.do("GET", "/api/v1/namespaces/default/made-up")
    assert not [line for line in await lines(api) if "made-up" in line]
