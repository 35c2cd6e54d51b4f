"""Claims of devices: who may ask for administrators' access, and what a status forgets."""

from typing import Any

CLAIMS = "/apis/resource.k8s.io/v1/namespaces/default"
REFUSED = (
    "Forbidden: admin access to devices requires the `resource.kubernetes.io/admin-access: true`"
    " label on the containing namespace"
)


def devices(**exactly: Any) -> dict[str, Any]:
    request = {"name": "r", "exactly": {"deviceClassName": "c", **exactly}}
    return {"devices": {"requests": [request]}}


def claim(**exactly: Any) -> dict[str, Any]:
    return {"metadata": {"name": "a"}, "spec": devices(**exactly)}


async def causes(api: Any, path: str, body: Any) -> Any:
    status, found = await api.do("POST", path, body)
    if status == 201:
        return []
    return [(cause["field"], cause["message"]) for cause in found["details"]["causes"]]


async def test_admin_access_needs_a_label_on_the_namespace(api: Any) -> None:
    told = [("spec.devices.requests[0].adminAccess", REFUSED)]
    asked = claim(adminAccess=True)
    template = {"metadata": {"name": "a"}, "spec": {"spec": devices(adminAccess=True)}}
    assert await causes(api, f"{CLAIMS}/resourceclaims", asked) == told
    assert await causes(api, f"{CLAIMS}/resourceclaimtemplates", template) == told
    _, namespace = await api.do("GET", "/api/v1/namespaces/default")
    namespace["metadata"]["labels"]["resource.kubernetes.io/admin-access"] = "true"
    await api.do("PUT", "/api/v1/namespaces/default", namespace)
    assert await causes(api, f"{CLAIMS}/resourceclaims", asked) == []


async def test_a_device_that_is_allocated_no_more_has_no_state(api: Any) -> None:
    await api.do("POST", f"{CLAIMS}/resourceclaims", claim())
    device = {"driver": "d.example.com", "pool": "p", "device": "one"}
    _, held = await api.do("GET", f"{CLAIMS}/resourceclaims/a")
    held["status"] = {
        "allocation": {"devices": {"results": [{"request": "r", **device}]}},
        "devices": [device],
    }
    _, held = await api.do("PUT", f"{CLAIMS}/resourceclaims/a/status", held)
    assert [one["device"] for one in held["status"]["devices"]] == ["one"]
    del held["status"]["allocation"]
    status, held = await api.do("PUT", f"{CLAIMS}/resourceclaims/a/status", held)
    assert status == 200
    assert "devices" not in held.get("status", {})
