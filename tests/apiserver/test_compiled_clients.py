"""What clients compiled against Go's types do: they send protobuf, and name it first in Accept.

Upstream's scheduler, controller manager and kubelet are such clients. What they lean on is kept
here, request by request, as they were seen to send it.
"""

from typing import Any

import orjson
import pytest

from pinnace.api.codec import protobuf
from pinnace.api.objects import Object
from pinnace.api.wire import Request

PROTOBUF = "application/vnd.kubernetes.protobuf"
HEADERS = {"accept": f"{PROTOBUF},application/json", "content-type": PROTOBUF}
PODS = "/api/v1/namespaces/default/pods"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"


class Compiled:
    """Speaks protobuf both ways."""

    def __init__(self, api: Any) -> None:
        self.api = api

    async def do(self, method: str, path: str, obj: Object | None = None) -> tuple[int, Object]:
        body = protobuf.encode(obj) if obj else b""
        return await self._send(method, path, body, HEADERS)

    async def patch(self, path: str, kind: str, patch: Any) -> tuple[int, Object]:
        headers = {**HEADERS, "content-type": f"application/{kind}+json"}
        return await self._send("PATCH", path, orjson.dumps(patch), headers)

    async def _send(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, Object]:
        request = Request(method=method, path=path, query={}, headers=headers, body=body)
        answer = await self.api.server.handle(request)
        assert answer.headers["content-type"] == PROTOBUF
        return answer.status, protobuf.decode(answer.body)


@pytest.fixture
def client(api: Any) -> Compiled:
    return Compiled(api)


def pod(name: str = "a", **spec: Any) -> Object:
    containers = [{"name": "c", "image": "i"}]
    metadata = {"name": name, "namespace": "default"}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata,
            "spec": {"containers": containers, **spec}}  # fmt: skip


async def test_a_leader_renews_its_lease_and_a_late_one_is_told(client: Compiled) -> None:
    lease = {
        "kind": "Lease", "apiVersion": "coordination.k8s.io/v1",
        "metadata": {"name": "l", "namespace": "kube-system"},
        "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15, "leaseTransitions": 0,
                 "acquireTime": "2026-01-01T00:00:00.000001Z"},
    }  # fmt: skip
    code, held = await client.do("POST", LEASES, lease)
    assert (code, held["spec"]) == (201, lease["spec"])
    renewed = {**held, "spec": {**held["spec"], "renewTime": "2026-01-01T00:00:02.000000Z"}}
    code, now = await client.do("PUT", f"{LEASES}/l", renewed)
    assert (code, now["spec"]["renewTime"]) == (200, "2026-01-01T00:00:02.000000Z")
    code, status = await client.do("PUT", f"{LEASES}/l", {**held, "spec": {"leaseTransitions": 1}})
    assert (code, status["kind"], status["reason"]) == (409, "Status", "Conflict")


async def test_a_pod_is_bound_and_its_status_patched(client: Compiled) -> None:
    await client.do("POST", PODS, pod())
    binding = {
        "kind": "Binding", "apiVersion": "v1",
        "metadata": {"name": "a", "namespace": "default"},
        "target": {"kind": "Node", "name": "n"},
    }  # fmt: skip
    code, status = await client.do("POST", f"{PODS}/a/binding", binding)
    assert (code, status["status"], status["code"]) == (201, "Success", 201)
    patch = {"status": {"conditions": [{"type": "Ready", "status": "True"}], "podIP": "10.0.0.1"}}
    code, found = await client.patch(f"{PODS}/a/status", "strategic-merge-patch", patch)
    assert (code, found["spec"]["nodeName"], found["status"]["podIP"]) == (200, "n", "10.0.0.1")
    types = [condition["type"] for condition in found["status"]["conditions"]]
    assert types == ["Ready", "PodScheduled"]


async def test_a_status_is_replaced_with_the_whole_object(client: Compiled) -> None:
    _, made = await client.do("POST", PODS, pod())
    made["spec"]["containers"][0]["image"] = "ignored"
    made["status"]["phase"] = "Running"
    code, found = await client.do("PUT", f"{PODS}/a/status", made)
    assert (code, found["status"]["phase"]) == (200, "Running")
    assert found["spec"]["containers"][0]["image"] == "i"


async def test_options_of_a_delete_are_a_message(client: Compiled) -> None:
    _, made = await client.do("POST", PODS, pod())
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "other"}}
    code, status = await client.do("DELETE", f"{PODS}/a", options)
    assert (code, status["reason"]) == (409, "Conflict")
    options["preconditions"] = {"uid": made["metadata"]["uid"]}
    code, gone = await client.do("DELETE", f"{PODS}/a", {**options, "gracePeriodSeconds": 0})
    assert (code, gone["kind"], gone["metadata"]["uid"]) == (200, "Pod", made["metadata"]["uid"])


async def test_what_is_wrong_is_told_in_a_message(client: Compiled) -> None:
    code, status = await client.do("GET", f"{PODS}/none")
    assert (code, status["details"]) == (404, {"name": "none", "kind": "pods"})
    code, status = await client.do("POST", PODS, pod(restartPolicy="Sometimes"))
    assert (code, status["reason"]) == (422, "Invalid")
    assert status["details"]["causes"][0]["field"] == "spec.restartPolicy"


async def test_a_scale_is_read_and_written(client: Compiled) -> None:
    path = "/api/v1/namespaces/default/replicationcontrollers"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod()["spec"]}
    made = {
        "kind": "ReplicationController", "apiVersion": "v1",
        "metadata": {"name": "r", "namespace": "default"},
        "spec": {"replicas": 1, "selector": {"a": "b"}, "template": template},
    }  # fmt: skip
    await client.do("POST", path, made)
    code, scale = await client.do("GET", f"{path}/r/scale")
    assert (code, scale["kind"], scale["spec"]) == (200, "Scale", {"replicas": 1})
    code, scale = await client.do("PUT", f"{path}/r/scale", {**scale, "spec": {"replicas": 3}})
    assert (code, scale["spec"], scale["status"]["selector"]) == (200, {"replicas": 3}, "a=b")


async def test_a_review_is_answered(client: Compiled) -> None:
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    spec = {"user": "jane", "resourceAttributes": {"verb": "get", "resource": "pods"}}
    review = {"kind": "SubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": spec}
    code, answer = await client.do("POST", path, review)
    assert (code, answer["status"]["allowed"], answer["spec"]) == (201, True, spec)


async def test_a_watch_that_begins_too_early_ends_with_a_message(
    api: Any, client: Compiled
) -> None:
    await client.do("POST", PODS, pod())
    await client.do("DELETE", f"{PODS}/a")
    for _ in range(2):
        await api.settle()
        await api.clock.advance(301)
    await client.do("POST", PODS, pod())
    query = {"watch": ["1"], "resourceVersion": ["2"]}
    answer = await api.server.handle(Request(method="GET", path=PODS, query=query, headers=HEADERS))
    frame = b"".join([frame async for frame in answer.frames])
    assert frame[4:11] == b"\x0a\x05ERROR"
    status = protobuf.decode(frame[frame.index(b"k8s\0") :])
    assert (status["code"], status["reason"]) == (410, "Expired")
