import pytest
from tests.controllers.fake_cluster import running
from tests.controllers.test_deployment import deployment

from pinnace.api.kinds.apps import DEPLOYMENTS
from pinnace.api.kinds.autoscaling import HORIZONTALPODAUTOSCALERS
from pinnace.api.kinds.core import EVENTS, PODS
from pinnace.controllers.horizontal_pod_autoscaler import HORIZONTAL_POD_AUTOSCALER

PATH = "/apis/metrics.k8s.io/v1beta1/namespaces/n/pods"
CPU = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
}


def autoscaler(name="h", target="web", **spec):
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    return {
        "metadata": {"name": name, "namespace": "n"},
        "spec": {"scaleTargetRef": ref, "minReplicas": 1, "maxReplicas": 10, "metrics": [CPU]}
        | spec,
    }


def pod(name):
    container = {"name": "c", "resources": {"requests": {"cpu": "100m"}}}
    told = {"type": "Ready", "status": "True", "lastTransitionTime": "2029-12-31T00:00:00Z"}
    return {
        "metadata": {"name": name, "namespace": "n", "labels": {"app": "web"}},
        "spec": {"containers": [container]},
        "status": {
            "phase": "Running",
            "startTime": "2029-12-31T00:00:00Z",
            "conditions": [told],
        },
    }


def metrics(cpu, names=("a", "b")):
    items = [
        {
            "metadata": {"name": name},
            "timestamp": "2030-01-01T00:00:00Z",
            "window": "30s",
            "containers": [{"name": "c", "usage": {"cpu": cpu}}],
        }
        for name in names
    ]
    return {"items": items}


def scaled(*more, replicas=2):
    setup = [(DEPLOYMENTS, deployment(replicas)), (PODS, pod("a")), (PODS, pod("b")), *more]
    return running(HORIZONTAL_POD_AUTOSCALER, setup=setup)


async def status(it, name="h"):
    found = await it.cluster.get(HORIZONTALPODAUTOSCALERS, name, namespace="n")
    return found["status"]


async def told(it, name="h"):
    return {c["type"]: (c["status"], c["reason"]) for c in (await status(it, name))["conditions"]}


def events(it):
    return {e["reason"]: e["message"] for e in it.cluster.all(EVENTS)}


async def replicas(it):
    return (await it.cluster.get(DEPLOYMENTS, "web", namespace="n"))["spec"]["replicas"]


async def test_grows_with_the_use_and_says_so():
    async with scaled((HORIZONTALPODAUTOSCALERS, autoscaler())) as it:
        it.cluster.answers[PATH] = metrics("100m")
        await it.settle(15)
        assert await replicas(it) == 4
        found = await status(it)
        del found["conditions"]
        assert found == {
            "lastScaleTime": "2030-01-01T00:00:15Z",
            "currentReplicas": 2,
            "desiredReplicas": 4,
            "currentMetrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "current": {"averageValue": "100m", "averageUtilization": 100},
                    },
                }
            ],
        }
        assert await told(it) == {
            "AbleToScale": ("True", "SucceededRescale"),
            "ScalingActive": ("True", "ValidMetricFound"),
            "ScalingLimited": ("False", "DesiredWithinRange"),
        }
        text = "cpu resource utilization (percentage of request) above target"
        assert events(it)["SuccessfulRescale"] == f"New size: 4; reason: {text}"


async def test_shrinks_only_after_five_minutes():
    async with scaled((HORIZONTALPODAUTOSCALERS, autoscaler())) as it:
        it.cluster.answers[PATH] = metrics("10m")
        await it.settle(30)
        assert await replicas(it) == 2
        assert (await told(it))["AbleToScale"] == ("True", "ScaleDownStabilized")
        for _ in range(20):
            await it.settle(15)
        assert await replicas(it) == 1
        assert events(it)["SuccessfulRescale"] == "New size: 1; reason: All metrics below target"


async def test_without_a_metrics_server_says_so_as_upstream_does():
    async with scaled((HORIZONTALPODAUTOSCALERS, autoscaler())) as it:
        await it.settle(16)
        found = {c["type"]: c for c in (await status(it))["conditions"]}
        why = (
            "failed to get cpu utilization: unable to get metrics for resource cpu: unable to "
            "fetch metrics from resource metrics API: the server could not find the requested "
            "resource (get pods.metrics.k8s.io)"
        )
        assert found["AbleToScale"]["reason"] == "SucceededGetScale"
        active = found["ScalingActive"]
        assert (active["status"], active["reason"]) == ("False", "FailedGetResourceMetric")
        assert active["message"] == f"the HPA was unable to compute the replica count: {why}"
        assert events(it)["FailedGetResourceMetric"] == why
        assert events(it)["FailedComputeMetricsReplicas"] == (
            "invalid metrics (1 invalid out of 1), first error is: "
            f"failed to get cpu resource metric value: {why}"
        )
        assert await replicas(it) == 2


async def test_one_metric_of_two_is_enough_to_grow_but_not_to_shrink():
    bad = {"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {"averageValue": "1"}}}
    async with scaled((HORIZONTALPODAUTOSCALERS, autoscaler(metrics=[bad, CPU]))) as it:
        it.cluster.answers[PATH] = metrics("10m")
        await it.settle(15)
        assert (await told(it))["ScalingActive"] == ("False", "FailedGetPodsMetric")
        assert events(it)["FailedGetPodsMetric"] == (
            "unable to get metric m: unable to fetch metrics from custom metrics API: "
            "no custom metrics API (custom.metrics.k8s.io) registered"
        )
        it.cluster.answers[PATH] = metrics("100m")
        await it.settle(15)
        assert await replicas(it) == 4


async def test_follows_an_external_metric():
    metric = {
        "type": "External",
        "external": {"metric": {"name": "q"}, "target": {"type": "Value", "value": "10"}},
    }
    async with scaled((HORIZONTALPODAUTOSCALERS, autoscaler(metrics=[metric]))) as it:
        path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/n/q"
        it.cluster.answers[path] = {"items": [{"value": "12"}, {"value": "8"}]}
        await it.settle(15)
        assert await replicas(it) == 4
        assert (await status(it))["currentMetrics"] == [
            {"type": "External", "external": {"metric": {"name": "q"}, "current": {"value": "20"}}}
        ]


@pytest.mark.parametrize(
    ("size", "expected", "reason"),
    [
        (12, 10, "New size: 10; reason: Current number of replicas above Spec.MaxReplicas"),
        (1, 2, "New size: 2; reason: Current number of replicas below Spec.MinReplicas"),
    ],
)
async def test_keeps_a_size_within_its_bounds_without_metrics(size, expected, reason):
    found = autoscaler(minReplicas=2)
    async with scaled((HORIZONTALPODAUTOSCALERS, found), replicas=size) as it:
        await it.settle(15)
        assert await replicas(it) == expected
        assert events(it)["SuccessfulRescale"] == reason


async def test_a_size_of_none_is_left_alone():
    async with scaled((HORIZONTALPODAUTOSCALERS, autoscaler()), replicas=0) as it:
        await it.settle(16)
        assert (await told(it))["ScalingActive"] == ("False", "ScalingDisabled")
        assert await replicas(it) == 0


async def test_a_target_that_is_not_there_is_told():
    async with scaled((HORIZONTALPODAUTOSCALERS, autoscaler(target="none"))) as it:
        await it.settle(16)
        assert await told(it) == {"AbleToScale": ("False", "FailedGetScale")}
        assert events(it)["FailedGetScale"] == 'deployments.apps "none" not found'


async def test_two_for_the_same_pods_do_nothing():
    pair = [(HORIZONTALPODAUTOSCALERS, autoscaler(name)) for name in ("one", "two")]
    async with scaled(*pair) as it:
        it.cluster.answers[PATH] = metrics("50m")
        await it.settle(16)
        await it.settle(16)
        assert (await told(it, "one"))["ScalingActive"] == ("False", "AmbiguousSelector")
        assert events(it)["AmbiguousSelector"] == (
            "pods by selector app=web are controlled by multiple HPAs: [{one n} {two n}]"
        )


def served_custom(group, kind, plural):
    """Return the discovery of a cluster with the custom metrics API and one more kind."""

    def version(name, version):
        told = {"groupVersion": f"{name}/{version}", "version": version}
        return {"name": name, "versions": [told], "preferredVersion": told}

    def resources(group_version, *entries):
        return {"groupVersion": group_version, "resources": list(entries)}

    custom = version("custom.metrics.k8s.io", "v1beta2")
    entry = {
        "resource": plural, "scope": "Namespaced", "verbs": ["get"],
        "responseKind": {"group": "", "version": "", "kind": kind},
    }  # fmt: skip
    queues = {"metadata": {"name": group}, "versions": [{"version": "v1", "resources": [entry]}]}
    return {
        "/api": {"items": []},
        "/apis": {"items": [queues]},
        "/apis/custom.metrics.k8s.io": custom,
        "/apis/custom.metrics.k8s.io/v1beta2": resources("custom.metrics.k8s.io/v1beta2"),
    }


async def test_follows_a_metric_of_a_custom_object():
    ref = {"apiVersion": "queues.example.com/v1", "kind": "Queue", "name": "work"}
    target = {"type": "Value", "value": "10"}
    metric = {
        "type": "Object",
        "object": {"describedObject": ref, "metric": {"name": "depth"}, "target": target},
    }
    async with scaled((HORIZONTALPODAUTOSCALERS, autoscaler(metrics=[metric]))) as it:
        it.cluster.answers |= served_custom("queues.example.com", "Queue", "queues")
        where = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/n"
        path = f"{where}/queues.queues.example.com/work/depth"
        it.cluster.answers[path] = {"items": [{"value": "20"}]}
        await it.settle(15)
        assert await replicas(it) == 4


async def test_says_that_a_described_kind_is_not_known():
    ref = {"apiVersion": "example.com/v1", "kind": "Nothing", "name": "x"}
    target = {"type": "Value", "value": "10"}
    metric = {
        "type": "Object",
        "object": {"describedObject": ref, "metric": {"name": "depth"}, "target": target},
    }
    async with scaled((HORIZONTALPODAUTOSCALERS, autoscaler(metrics=[metric]))) as it:
        it.cluster.answers |= served_custom("queues.example.com", "Queue", "queues")
        await it.settle(15)
        assert (
            'no matches for kind "Nothing" in group "example.com"'
            in events(it)["FailedGetObjectMetric"]
        )
