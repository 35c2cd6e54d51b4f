import asyncio
from typing import Any

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
MERGE = {"content_type": "application/merge-patch+json"}
STRATEGIC = {"content_type": "application/strategic-merge-patch+json"}


async def make(api: Any, **metadata: Any) -> dict[str, Any]:
    code, made = await api.do("POST", CONFIGMAPS, {"metadata": {"name": "a", **metadata}})
    assert code == 201, made
    return dict(made)


async def pod(api: Any, node: str = "") -> dict[str, Any]:
    spec = {"containers": [{"name": "c", "image": "i"}]}
    code, made = await api.do("POST", PODS, {"metadata": {"name": "p"}, "spec": spec})
    assert code == 201, made
    if node:
        binding = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": node}}
        code, status = await api.do("POST", f"{PODS}/p/binding", binding)
        assert code == 201, status
    return dict(made)


async def test_an_object_that_nothing_holds_goes_at_once(api: Any) -> None:
    made = await make(api)
    code, status = await api.do("DELETE", f"{CONFIGMAPS}/a")
    assert (code, status["status"]) == (200, "Success")
    assert status["details"] == {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    assert (await api.do("GET", f"{CONFIGMAPS}/a"))[0] == 404


async def test_a_finalizer_holds_an_object_until_it_is_removed(api: Any) -> None:
    await make(api, finalizers=["example.com/wait"])
    code, held = await api.do("DELETE", f"{CONFIGMAPS}/a")
    assert (code, held["metadata"]["deletionTimestamp"]) == (200, "2030-01-01T00:00:00Z")
    assert held["metadata"]["deletionGracePeriodSeconds"] == 0
    await api.do("PATCH", f"{CONFIGMAPS}/a", {"metadata": {"finalizers": None}}, **MERGE)
    assert (await api.do("GET", f"{CONFIGMAPS}/a"))[0] == 404


async def test_foreground_deletion_leaves_the_rest_to_the_collector(api: Any) -> None:
    await make(api)
    _, held = await api.do("DELETE", f"{CONFIGMAPS}/a?propagationPolicy=Foreground")
    assert held["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert held["metadata"]["deletionTimestamp"]


async def test_preconditions_must_hold(api: Any) -> None:
    await make(api)
    body = {"preconditions": {"uid": "other"}}
    code, status = await api.do("DELETE", f"{CONFIGMAPS}/a", body)
    assert (code, status["reason"]) == (409, "Conflict")


async def test_a_dry_run_deletes_nothing(api: Any) -> None:
    await make(api)
    assert (await api.do("DELETE", f"{CONFIGMAPS}/a?dryRun=All"))[0] == 200
    assert (await api.do("GET", f"{CONFIGMAPS}/a"))[0] == 200


async def test_a_running_pod_is_deleted_gracefully(api: Any) -> None:
    await pod(api, node="n")
    _, held = await api.do("DELETE", f"{PODS}/p")
    assert held["metadata"]["deletionGracePeriodSeconds"] == 30
    assert held["metadata"]["deletionTimestamp"] == "2030-01-01T00:00:30Z"
    _, shorter = await api.do("DELETE", f"{PODS}/p?gracePeriodSeconds=5")
    assert shorter["metadata"]["deletionGracePeriodSeconds"] == 5
    code, _ = await api.do("DELETE", f"{PODS}/p?gracePeriodSeconds=0")
    assert code == 200
    assert (await api.do("GET", f"{PODS}/p"))[0] == 404


async def test_an_unscheduled_pod_goes_at_once(api: Any) -> None:
    await pod(api)
    assert (await api.do("DELETE", f"{PODS}/p"))[0] == 200
    assert (await api.do("GET", f"{PODS}/p"))[0] == 404


async def test_a_pod_is_bound_once(api: Any) -> None:
    await pod(api, node="n")
    _, bound = await api.do("GET", f"{PODS}/p")
    assert bound["spec"]["nodeName"] == "n"
    assert bound["status"]["conditions"][0]["type"] == "PodScheduled"
    binding = {"metadata": {"name": "p"}, "target": {"name": "m"}}
    code, status = await api.do("POST", f"{PODS}/p/binding", binding)
    assert code == 409
    assert status["message"].endswith('pod p is already assigned to node "n"')


async def test_a_collection_is_deleted_by_selector(api: Any) -> None:
    await make(api, labels={"x": "1"})
    await api.do("POST", CONFIGMAPS, {"metadata": {"name": "b"}})
    code, gone = await api.do("DELETE", f"{CONFIGMAPS}?labelSelector=x%3D1".replace("%3D", "="))
    assert (code, [i["metadata"]["name"] for i in gone["items"]]) == (200, ["a"])
    _, left = await api.do("GET", CONFIGMAPS)
    assert [i["metadata"]["name"] for i in left["items"]] == ["b"]


async def test_a_namespace_terminates_until_it_is_finalized(api: Any) -> None:
    await api.do("POST", "/api/v1/namespaces", {"metadata": {"name": "x"}})
    _, held = await api.do("DELETE", "/api/v1/namespaces/x")
    assert held["status"]["phase"] == "Terminating"
    held["spec"] = {}
    code, _ = await api.do("PUT", "/api/v1/namespaces/x/finalize", held)
    assert code == 200
    assert (await api.do("GET", "/api/v1/namespaces/x"))[0] == 404


async def test_an_eviction_asks_the_budget(api: Any) -> None:
    url = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
    await api.do("POST", url, {"metadata": {"name": "b"}, "spec": {"selector": {}}})
    await pod(api, node="n")
    running = {"status": {"phase": "Running"}}
    await api.do("PATCH", f"{PODS}/p/status", running, **STRATEGIC)
    status = {"status": {"observedGeneration": 1, "disruptionsAllowed": 0}}
    await api.do("PATCH", f"{url}/b/status", status, **MERGE)
    eviction = {"metadata": {"name": "p"}}
    code, refused = await api.do("POST", f"{PODS}/p/eviction", eviction)
    assert code == 429
    assert refused["details"]["causes"][0]["reason"] == "DisruptionBudget"
    status["status"]["disruptionsAllowed"] = 1
    await api.do("PATCH", f"{url}/b/status", status, **MERGE)
    assert (await api.do("POST", f"{PODS}/p/eviction", eviction))[0] == 201
    _, evicted = await api.do("GET", f"{PODS}/p")
    told = [c for c in evicted["status"]["conditions"] if c["type"] == "DisruptionTarget"]
    assert [(c["status"], c["reason"]) for c in told] == [("True", "EvictionByEvictionAPI")]
    assert evicted["metadata"]["deletionTimestamp"]
    _, budget = await api.do("GET", f"{url}/b")
    assert budget["status"]["disruptionsAllowed"] == 0


async def test_an_eviction_heeds_the_version_it_names(api: Any) -> None:
    made = await pod(api, node="n")
    _, found = await api.do("GET", f"{PODS}/p")
    for version, expected in (("1", 409), (found["metadata"]["resourceVersion"], 201)):
        options = {"preconditions": {"resourceVersion": version}}
        eviction = {"metadata": {"name": "p"}, "deleteOptions": options}
        assert (await api.do("POST", f"{PODS}/p/eviction", eviction))[0] == expected, made


async def test_old_events_are_forgotten(api: Any) -> None:
    url = "/api/v1/namespaces/default/events"
    body = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"},
    }
    code, made = await api.do("POST", url, body)
    assert code == 201, made
    await asyncio.sleep(0)
    await api.clock.advance(3000)
    assert (await api.do("GET", f"{url}/e"))[0] == 200
    await api.clock.advance(1200)
    assert (await api.do("GET", f"{url}/e"))[0] == 404
