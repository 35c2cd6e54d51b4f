"""Deployments, and what becomes of their Pods, through kubectl."""

import re

from tests.e2e.real_cluster import IMAGE, MARKS, RealCluster, container, deployment, pod, until

pytestmark = MARKS


def names(k: RealCluster, namespace: str, selector: str) -> set[str]:
    items = k.get("pods", "-n", namespace, "-l", selector)["items"]
    return {
        item["metadata"]["name"] for item in items if "deletionTimestamp" not in item["metadata"]
    }


def test_a_deployment_scales_rolls_out_and_rolls_back(k: RealCluster) -> None:
    k("create", "namespace", "roll")
    at = ("-n", "roll")
    k.apply(deployment("web", 2), namespace="roll")
    k("rollout", "status", "deployment/web", *at, "--timeout=30s")
    assert len(names(k, "roll", "app=web")) == 2
    k("scale", "deployment/web", *at, "--replicas=3")
    k("wait", "deployment/web", *at, "--for=jsonpath={.status.readyReplicas}=3", "--timeout=30s")
    k("set", "env", "deployment/web", *at, "COLOUR=blue")
    assert "successfully rolled out" in (
        k("rollout", "status", "deployment/web", *at, "--timeout=60s").out
    )
    first = k.get("pods", *at, "-l", "app=web")["items"]
    assert all(
        {"name": "COLOUR", "value": "blue"} in p["spec"]["containers"][0]["env"]
        for p in first
        if "deletionTimestamp" not in p["metadata"]
    )
    history = k("rollout", "history", "deployment/web", *at).out
    revisions = re.findall(r"^(\d+) ", history, re.MULTILINE)
    assert len(revisions) >= 2
    said = k("rollout", "history", "deployment/web", *at, f"--revision={revisions[-1]}").out
    assert re.search(r"COLOUR:\s+blue", said)
    assert "rolled back" in k("rollout", "undo", "deployment/web", *at).out
    k("rollout", "status", "deployment/web", *at, "--timeout=60s")
    spec = k.get("deployment/web", *at)["spec"]["template"]["spec"]
    assert "env" not in spec["containers"][0]
    described = k("describe", "deployment/web", *at).out
    assert "ScalingReplicaSet" in described
    assert re.search(r"Replicas: +3 desired \| 3 updated \| 3 total \| 3 available", described)
    k("rollout", "restart", "deployment/web", *at)
    k("rollout", "status", "deployment/web", *at, "--timeout=60s")
    k("rollout", "pause", "deployment/web", *at)
    k("set", "image", "deployment/web", *at, f"main={IMAGE}")
    k("rollout", "resume", "deployment/web", *at)
    k("set", "resources", "deployment/web", *at, "--limits=memory=32Mi")
    # kubectl before 1.34 has another flag for the share of the cpu; neither is needed here.
    k("autoscale", "deployment/web", *at, "--min=1", "--max=3")
    k("rollout", "status", "deployment/web", *at, "--timeout=60s")
    k("delete", "namespace", "roll", "--timeout=60s")
    assert "NotFound" in k("get", "namespace", "roll", check=False).err


def test_a_deleted_pod_is_replaced_and_a_drained_node_is_emptied(k: RealCluster) -> None:
    k("create", "namespace", "replace")
    at = ("-n", "replace")
    k.apply(deployment("web", 2), namespace="replace")
    k("wait", "deployment/web", *at, "--for=condition=Available", "--timeout=30s")
    before = names(k, "replace", "app=web")
    gone = sorted(before)[0]
    k("delete", "pod", gone, *at, "--now")
    after = until(lambda: len(found := names(k, "replace", "app=web")) == 2 and found)
    assert gone not in after
    assert len(after & before) == 1
    k("cordon", k.node)
    assert "SchedulingDisabled" in k("get", "node", k.node).out
    drained = k(
        "drain", k.node, "--pod-selector=app=web", "--force", "--grace-period=1", "--timeout=60s"
    )
    assert f"node/{k.node} drained" in drained.out
    waiting = until(lambda: names(k, "replace", "app=web"))
    why = until(lambda: k("events", *at, "--types=Warning").out)
    assert "0/1 nodes are available: 1 node(s) were unschedulable" in why
    k("uncordon", k.node)
    k("wait", "deployment/web", *at, "--for=condition=Available", "--timeout=30s")
    assert waiting & names(k, "replace", "app=web")
    k("delete", "namespace", "replace", "--wait=false")


def test_a_container_whose_liveness_fails_restarts_and_its_events_say_so(k: RealCluster) -> None:
    k("create", "namespace", "probes")
    at = ("-n", "probes")
    alive = {"exec": {"command": ["cat", "/tmp/alive"]}, "periodSeconds": 1, "failureThreshold": 1}
    ready = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    started = {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}
    serve = "echo run; touch /tmp/alive; echo ok > /tmp/index.html; httpd -f -p 8080 -h /tmp"
    k.apply(
        pod("sick", container(script=serve, livenessProbe={**alive, "initialDelaySeconds": 1})),
        pod("well", container(script=serve, readinessProbe=ready, startupProbe=started)),
        pod("unready", container(script="sleep 1000", readinessProbe=ready)),
        namespace="probes",
    )
    k.ready("sick", "well", namespace="probes")
    k("exec", "sick", *at, "--", "rm", "/tmp/alive")
    until(lambda: k.get("pod/sick", *at)["status"]["containerStatuses"][0]["restartCount"])
    k.ready("sick", namespace="probes")
    events = k("describe", "pod/sick", *at).out
    assert "Liveness probe failed: cat: can't open '/tmp/alive'" in events
    assert "Container main failed liveness probe, will be restarted" in events
    assert k("logs", "sick", *at, "--previous").out == "run\n"
    refused = k("logs", "well", *at, "--previous", check=False)
    assert 'previous terminated container "main" in pod "well" not found' in refused.err
    assert "0/1" in k("get", "pod", "unready", *at).out
    assert "Readiness probe failed: dial tcp" in k("describe", "pod/unready", *at).out
    k("delete", "namespace", "probes", "--wait=false")
