import asyncio

import orjson
import pytest

from pinnace.api.wire import Request, User
from pinnace.apiserver.nodepods import NodePods
from pinnace.apiserver.resourcemetrics.provider import Provider
from pinnace.apiserver.resourcemetrics.scraper import ScrapeError
from pinnace.kit.clock import VirtualClock
from pinnace.store.watchcache.item import Item


class Kubelets:
    """Answers for all nodes, each second of use at half a processor."""

    def __init__(self, clock, down=()):
        self.clock, self.down, self.asked = clock, set(down), 0
        self.pods = [("default", "web")]

    async def fetch(self, node):
        name = node["metadata"]["name"]
        self.asked += 1
        if name in self.down:
            raise ScrapeError("down")
        stamp = int(self.clock.now().timestamp() * 1000)
        used = self.clock.now().timestamp() / 2
        lines = [
            f"node_cpu_usage_seconds_total {used} {stamp}",
            f"node_memory_working_set_bytes 4096 {stamp}",
        ]
        for namespace, pod in self.pods:
            labels = f'{{container="main",namespace="{namespace}",pod="{pod}"}}'
            lines += [
                f"container_cpu_usage_seconds_total{labels} {used} {stamp}",
                f"container_memory_working_set_bytes{labels} 4096 {stamp}",
                f"container_start_time_seconds{labels} 1",
            ]
        return "\n".join(lines)

    async def close(self):
        pass


def node(name, **labels):
    return {"metadata": {"name": name, "labels": labels}}


class Pods(NodePods):
    """Has one Pod on each real node, `web`."""

    def items(self, node):
        value = orjson.dumps({"kind": "Pod", "metadata": {"name": "web", "uid": "u"}, "spec": {}})
        return [Item("k", namespace="default", name="web", value=value, revision=1)]


@pytest.fixture
async def stage():
    clock = VirtualClock()
    kubelets = Kubelets(clock)
    nodes = [node("real")]
    provider = Provider(clock, lambda: nodes, Pods(), kubelets)
    task = asyncio.create_task(provider.run())
    yield provider, kubelets, clock, nodes
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


async def measured(provider, clock):
    asking = asyncio.create_task(provider.ready())
    await settle()
    await clock.advance(2)
    await asking


async def test_the_first_who_asks_waits_for_two_rounds(stage):
    provider, kubelets, clock, nodes = stage
    await clock.advance(600)
    assert kubelets.asked == 0
    await measured(provider, clock)
    found = provider.node(nodes[0])
    assert (found.cpu, found.memory, found.window) == (500_000_000, 4096, 2 * 10**9)
    assert provider.pod("default", "web")["main"].cpu == 500_000_000
    assert kubelets.asked == 2


async def test_rounds_go_on_while_somebody_asks_and_end_after(stage):
    provider, kubelets, clock, nodes = stage
    await measured(provider, clock)
    await clock.advance(15)
    await settle()
    assert kubelets.asked == 3
    assert provider.node(nodes[0]).window == 15 * 10**9
    for _ in range(30):
        await clock.advance(15)
        await settle()
    idle = kubelets.asked
    assert provider.node(nodes[0]) is None
    await clock.advance(3600)
    assert kubelets.asked == idle
    await measured(provider, clock)
    assert provider.node(nodes[0]) is not None


async def test_nodes_that_do_not_answer_are_left_out(stage):
    provider, kubelets, clock, nodes = stage
    nodes.append(node("gone"))
    kubelets.down = {"gone"}
    await measured(provider, clock)
    assert provider.node(nodes[0]) is not None
    assert provider.node(nodes[1]) is None


async def test_a_node_speaks_for_its_own_pods_only(stage):
    provider, kubelets, clock, _ = stage
    kubelets.pods.append(("kube-system", "foreign"))
    await measured(provider, clock)
    assert provider.pod("default", "web") is not None
    assert provider.pod("kube-system", "foreign") is None


async def test_with_simulated_nodes_alone_nobody_waits(stage):
    provider, kubelets, _, nodes = stage
    nodes[:] = [node("sim", **{"pinnace.dev/simulated": "true"})]
    await provider.ready()
    assert kubelets.asked == 0


POD = {
    "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
    "spec": {
        "nodeName": "sim",
        "containers": [
            {"name": "main", "image": "i", "resources": {"requests": {"cpu": "200m"}}},
        ],
    },
}


async def simulated_pod(api):
    await api.do("POST", "/api/v1/namespaces", {"metadata": {"name": "default"}})
    sim = {"metadata": {"name": "sim", "labels": {"pinnace.dev/simulated": "true", "z": "1"}}}
    await api.do("POST", "/api/v1/nodes", sim)
    await api.do("POST", "/api/v1/namespaces/default/pods", POD)
    started = api.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {
        "phase": "Running",
        "containerStatuses": [
            {
                "name": "main",
                "ready": True,
                "restartCount": 0,
                "image": "i",
                "imageID": "",
                "state": {"running": {"startedAt": started}},
            }
        ],
    }
    code, _ = await api.do(
        "PATCH",
        "/api/v1/namespaces/default/pods/web/status",
        {"status": status},
        content_type="application/merge-patch+json",
    )
    assert code == 200


PODS = "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods"
NODES = "/apis/metrics.k8s.io/v1beta1/nodes"


async def test_pods_of_simulated_nodes_use_half_of_their_requests(api):
    await simulated_pod(api)
    code, found = await api.do("GET", PODS)
    assert (code, found["items"]) == (200, [])
    await api.clock.advance(31)
    code, found = await api.do("GET", PODS)
    at = api.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    assert found == {
        "kind": "PodMetricsList",
        "apiVersion": "metrics.k8s.io/v1beta1",
        "metadata": {},
        "items": [
            {
                "metadata": {
                    "name": "web",
                    "namespace": "default",
                    "creationTimestamp": at,
                    "labels": {"app": "web"},
                },
                "timestamp": found["items"][0]["timestamp"],
                "window": "15s",
                "containers": [{"name": "main", "usage": {"cpu": "100m", "memory": "1Mi"}}],
            }
        ],
    }
    code, one = await api.do("GET", f"{PODS}/web")
    assert (one["kind"], one["containers"]) == ("PodMetrics", found["items"][0]["containers"])
    code, whole = await api.do("GET", f"{NODES}/sim")
    assert whole["usage"] == {"cpu": "100m", "memory": "1Mi"}
    assert whole["metadata"]["labels"]["z"] == "1"


async def test_selectors_choose(api):
    await simulated_pod(api)
    await api.clock.advance(31)
    for query, count in (
        ("labelSelector=app%3Dweb", 1),
        ("labelSelector=app", 1),
        ("labelSelector=other", 0),
        ("fieldSelector=metadata.name=web", 1),
        ("fieldSelector=metadata.name=x", 0),
        ("fieldSelector=metadata.namespace=default", 1),
    ):
        query = query.replace("%3D", "=")
        _, found = await api.do("GET", f"{PODS}?{query}")
        assert len(found["items"]) == count, query
    _, found = await api.do("GET", "/apis/metrics.k8s.io/v1beta1/pods")
    assert len(found["items"]) == 1
    _, found = await api.do("GET", f"{NODES}?labelSelector=z=2")
    assert found["items"] == []


async def test_what_is_not_there_and_what_is_not_measured_are_told_apart(api):
    await simulated_pod(api)
    for path, text in (
        (f"{PODS}/gone", 'pods "gone" not found'),
        (f"{PODS}/web", 'podmetrics.metrics.k8s.io "default/web" not found'),
        (f"{NODES}/gone", 'node "gone" not found'),
    ):
        code, found = await api.do("GET", path)
        assert (code, found["message"]) == (404, text)


async def test_nothing_can_be_written(api):
    for method, path in (("POST", PODS), ("DELETE", f"{PODS}/web"), ("PUT", f"{NODES}/sim")):
        code, _ = await api.do(method, path, {"metadata": {"name": "x"}})
        assert code == 405


async def test_the_table_is_metrics_servers(api):
    await simulated_pod(api)
    await api.clock.advance(31)
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    for path in (PODS, NODES):
        _, found = await api.do("GET", path, accept=accept)
        columns = [(each["name"], each["format"]) for each in found["columnDefinitions"]]
        assert columns == [
            ("Name", "name"), ("cpu", "quantity"), ("memory", "quantity"), ("Window", "duration"),
        ]  # fmt: skip
        (row,) = found["rows"]
        assert row["cells"][1:] == ["100m", "1Mi", "15s"]


async def test_compiled_clients_get_protobuf(api):
    await simulated_pod(api)
    await api.clock.advance(31)
    request = Request(
        method="GET",
        path=PODS,
        headers={"accept": "application/vnd.kubernetes.protobuf"},
        user=User("x", ("system:masters",)),
    )
    answer = await api.server.handle(request)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/vnd.kubernetes.protobuf"
    assert answer.body.startswith(b"k8s\x00")
    assert b"PodMetricsList" in answer.body


async def test_discovery_and_openapi_know_the_group(api):
    _, found = await api.do("GET", "/apis/metrics.k8s.io/v1beta1")
    assert [(each["name"], each["kind"], each["verbs"]) for each in found["resources"]] == [
        ("nodes", "NodeMetrics", ["get", "list"]),
        ("pods", "PodMetrics", ["get", "list"]),
    ]
    _, found = await api.do("GET", "/openapi/v3/apis/metrics.k8s.io/v1beta1")
    usage = found["components"]["schemas"]["io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetrics"]
    assert usage["required"] == ["timestamp", "window", "containers"]
