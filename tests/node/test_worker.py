from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from pinnace.api.kinds.coordination import LEASES
from pinnace.api.kinds.core import CONFIGMAPS, NODES, PODS, SECRETS
from pinnace.api.objects import Key, Object, condition
from pinnace.node.runtime import ExecResult, RuntimeCallError
from pinnace.testing.kubelet_stage import (
    Stage,
    kubelet_running,
    make_container,
    make_pod,
    make_stage,
)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with kubelet_running(make_stage(tmp_path)) as running:
        yield running


def calls(stage: Stage, call: str) -> list[str]:
    return [about for name, about in stage.runtime.calls if name == call]


def say(file: Path, text: str) -> None:
    file.write_text(text)


async def test_runs_a_pod_and_reports_it_ready(stage: Stage) -> None:
    await stage.run_pod(make_pod())
    status = stage.status()
    verdicts = {each["type"]: each["status"] for each in status["conditions"]}
    assert verdicts == {
        "PodReadyToStartContainers": "True",
        "Initialized": "True",
        "Ready": "True",
        "ContainersReady": "True",
        "PodScheduled": "True",
    }
    assert status["podIP"].startswith("10.244.")
    assert status["hostIP"] == "10.0.0.1"
    assert status["qosClass"] == "BestEffort"
    assert status["observedGeneration"] == 1
    container = stage.container()
    assert container["ready"]
    assert container["started"]
    assert container["restartCount"] == 0
    assert container["containerID"].startswith("containerd://")
    await stage.until(lambda: ("Started", "Container started") in stage.events())
    assert [reason for reason, _ in stage.events()] == [
        "Starting",
        "Pulling",
        "Pulled",
        "Created",
        "Started",
    ]


async def test_deletes_gracefully_and_removes_every_trace(stage: Stage) -> None:
    await stage.run_pod(make_pod(terminationGracePeriodSeconds=7))
    await stage.cluster.delete(PODS, "web", namespace="default")
    await stage.until(lambda: stage.pod() is None, within=5)
    assert calls(stage, "stop_container") == ["main 7"]
    await stage.until(lambda: calls(stage, "remove_sandbox"), within=5)
    directory = stage.config.root_dir / "pods" / "uid-web"
    await stage.until(lambda: not directory.exists(), within=5)
    assert ("Killing", "Stopping container main") in stage.events()


async def test_ends_a_pod_that_vanished_from_the_api(stage: Stage) -> None:
    await stage.run_pod(make_pod())
    await stage.cluster.delete(PODS, "web", namespace="default", grace_period=0)
    await stage.until(lambda: not stage.runtime.running(), within=5)


async def test_backs_off_a_container_that_crashes(stage: Stage) -> None:
    await stage.run_pod(make_pod())
    stage.runtime.ended("main", 1)
    await stage.until(lambda: stage.container().get("restartCount") == 1, within=3)
    stage.runtime.ended("main", 1)
    await stage.until(lambda: "waiting" in stage.container()["state"], within=3)
    waiting = stage.container()["state"]["waiting"]
    assert waiting == {
        "reason": "CrashLoopBackOff",
        "message": "back-off 10s restarting failed container=main pod=web_default(uid-web)",
    }
    assert stage.container()["lastState"]["terminated"]["exitCode"] == 1
    assert stage.status()["phase"] == "Running"
    await stage.until(lambda: stage.container().get("restartCount") == 2, within=12)


async def test_completes_a_pod_that_never_restarts(stage: Stage) -> None:
    await stage.run_pod(make_pod(restartPolicy="Never"))
    stage.runtime.ended("main", 0)
    await stage.until(lambda: stage.status()["phase"] == "Succeeded", within=3)
    terminated = stage.container()["state"]["terminated"]
    assert terminated["reason"] == "Completed"
    ready = next(each for each in stage.status()["conditions"] if each["type"] == "Ready")
    assert ready["status"] == "False"
    assert ready["reason"] == "PodCompleted"


async def test_fails_a_pod_at_its_deadline(stage: Stage) -> None:
    await stage.run_pod(make_pod(activeDeadlineSeconds=20))
    await stage.until(lambda: stage.status()["phase"] == "Failed", within=25)
    assert stage.status()["reason"] == "DeadlineExceeded"
    await stage.until(lambda: not stage.runtime.running(), within=5)


async def test_runs_init_containers_first_and_in_order(stage: Stage) -> None:
    init = [make_container("one"), make_container("two")]
    await stage.cluster.create(PODS, make_pod(initContainers=init))
    await stage.until(lambda: stage.runtime.running() == ["one"], within=3)
    assert stage.container()["state"]["waiting"]["reason"] == "PodInitializing"
    stage.runtime.ended("one")
    await stage.until(lambda: stage.runtime.running() == ["two"], within=3)
    stage.runtime.ended("two")
    await stage.until(lambda: stage.runtime.running() == ["main"], within=3)
    await stage.until(lambda: stage.status()["phase"] == "Running", within=3)


async def test_stops_sidecars_after_the_rest(stage: Stage) -> None:
    init = [make_container("side", restartPolicy="Always")]
    await stage.run_pod(make_pod(initContainers=init))
    await stage.cluster.delete(PODS, "web", namespace="default")
    await stage.until(lambda: stage.pod() is None, within=5)
    assert [each.split()[0] for each in calls(stage, "stop_container")] == ["main", "side"]


async def test_keeps_containers_over_a_restart_of_the_kubelet(tmp_path: Path) -> None:
    stage = make_stage(tmp_path)
    async with kubelet_running(stage):
        await stage.run_pod(make_pod())
    async with kubelet_running(stage):
        await stage.clock.advance(30)
        assert len(calls(stage, "start_container")) == 1
        assert stage.container()["ready"]


async def test_ends_orphans_once_the_pods_are_known(tmp_path: Path) -> None:
    stage = make_stage(tmp_path)
    async with kubelet_running(stage):
        await stage.run_pod(make_pod())
    await stage.cluster.delete(PODS, "web", namespace="default", grace_period=0)
    async with kubelet_running(stage):
        await stage.until(lambda: not stage.runtime.running(), within=10)
        logs = stage.config.log_dir / "default_web_uid-web"
        directory = stage.config.root_dir / "pods" / "uid-web"
        await stage.until(lambda: not directory.exists() and not logs.exists(), within=10)


async def test_ends_an_orphan_that_has_no_sandbox(tmp_path: Path) -> None:
    # A sandbox may be removed just before a container of it, which was asked for earlier, is made.
    stage = make_stage(tmp_path)
    async with kubelet_running(stage):
        await stage.run_pod(make_pod())
    await stage.cluster.delete(PODS, "web", namespace="default", grace_period=0)
    stage.runtime.lose_sandboxes()
    stage.runtime.forget_sandboxes()
    async with kubelet_running(stage):
        await stage.until(lambda: calls(stage, "remove_container"), within=10)
        assert not await stage.runtime.containers()


async def test_refuses_a_second_pod_on_the_same_host_port(stage: Stage) -> None:
    ports = [{"containerPort": 80, "hostPort": 8080}]
    await stage.run_pod(make_pod("one", containers=[make_container(ports=ports)]))
    await stage.cluster.create(PODS, make_pod("two", containers=[make_container(ports=ports)]))
    await stage.until(lambda: stage.status("two")["phase"] == "Failed", within=3)
    assert stage.status("two")["reason"] == "NodePorts"
    await stage.cluster.delete(PODS, "two", namespace="default")
    await stage.until(lambda: stage.pod("two") is None, within=3)


async def test_shows_why_an_image_cannot_be_pulled(stage: Stage) -> None:
    await stage.cluster.create(PODS, make_pod(containers=[make_container(image="gone:1")]))
    await stage.until(
        lambda: (
            stage.container().get("state", {}).get("waiting", {}).get("reason") == "ErrImagePull"
        ),
        within=3,
    )
    await stage.until(
        lambda: stage.container()["state"]["waiting"]["reason"] == "ImagePullBackOff", within=3
    )
    stage.runtime.pullable.add("gone:1")
    await stage.until(lambda: stage.status()["phase"] == "Running", within=30)


async def test_waits_for_a_missing_config_map(stage: Stage) -> None:
    env = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "a"}}}]
    await stage.cluster.create(PODS, make_pod(containers=[make_container(env=env)]))
    await stage.until(lambda: "waiting" in stage.container().get("state", {}), within=3)
    await stage.until(
        lambda: (
            stage.container()["state"]["waiting"]
            == {"reason": "CreateContainerConfigError", "message": 'configmap "conf" not found'}
        ),
        within=3,
    )
    await stage.cluster.create(
        CONFIGMAPS,
        {
            "kind": "ConfigMap",
            "metadata": {"name": "conf", "namespace": "default"},
            "data": {"a": "1"},
        },
    )
    await stage.until(lambda: stage.status()["phase"] == "Running", within=30)
    config = next(iter(stage.runtime.container_configs.values()))
    assert ("A", "1") in config.env


async def test_mounts_a_config_map_and_follows_its_changes(stage: Stage) -> None:
    conf = {"kind": "ConfigMap", "metadata": {"name": "conf", "namespace": "default"}}
    await stage.cluster.create(CONFIGMAPS, {**conf, "data": {"a": "1"}})
    mounts = [{"name": "conf", "mountPath": "/etc/conf"}]
    volumes = [{"name": "conf", "configMap": {"name": "conf"}}]
    await stage.run_pod(make_pod(containers=[make_container(volumeMounts=mounts)], volumes=volumes))
    config = next(iter(stage.runtime.container_configs.values()))
    path = next(each.host_path for each in config.mounts if each.container_path == "/etc/conf")
    file = Path(path) / "a"
    assert file.read_text() == "1"
    await stage.cluster.patch(CONFIGMAPS, "conf", {"data": {"a": "2"}}, namespace="default")
    await stage.until(lambda: file.read_text() == "2", within=60)


async def test_keeps_a_pod_with_an_unsupported_volume_creating(stage: Stage) -> None:
    mounts = [{"name": "disk", "mountPath": "/disk"}]
    volumes = [{"name": "disk", "nfs": {"server": "x", "path": "/"}}]
    pod = make_pod(containers=[make_container(volumeMounts=mounts)], volumes=volumes)
    await stage.cluster.create(PODS, pod)
    await stage.until(lambda: any(r == "FailedMount" for r, _ in stage.events()), within=3)
    assert stage.container()["state"] == {"waiting": {"reason": "ContainerCreating"}}


async def test_restarts_a_container_whose_liveness_probe_fails(stage: Stage) -> None:
    probe = {"exec": {"command": ["ok"]}, "periodSeconds": 5, "failureThreshold": 2}
    await stage.run_pod(make_pod(containers=[make_container(livenessProbe=probe)]))
    stage.runtime.exec_answer = lambda name, command: ExecResult(
        stdout=b"bad", stderr=b"", exit_code=1
    )
    await stage.until(lambda: stage.container().get("restartCount") == 1, within=20)
    assert ("Unhealthy", "Liveness probe failed: bad") in stage.events()
    assert (
        "Killing",
        "Container main failed liveness probe, will be restarted",
    ) in stage.events()


async def test_makes_a_new_sandbox_when_the_old_is_lost(stage: Stage) -> None:
    await stage.run_pod(make_pod())
    stage.runtime.lose_sandboxes()
    await stage.until(
        lambda: stage.runtime.running() == ["main"] and stage.status()["phase"] == "Running",
        within=15,
    )
    assert len(calls(stage, "run_sandbox")) == 2
    await stage.until(lambda: stage.container()["restartCount"] == 1, within=3)


async def test_registers_the_node(stage: Stage) -> None:
    node = stage.cluster.informer(NODES).get(Key("", "node-1"))
    assert node is not None
    assert node["metadata"]["labels"]["kubernetes.io/hostname"] == "node-1"
    ready = next(each for each in node["status"]["conditions"] if each["type"] == "Ready")
    assert ready["status"] == "True"


async def test_a_node_whose_runtime_is_down_says_so(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down() -> Any:
        raise RuntimeCallError("failed to connect to all addresses")

    def ready() -> Object:
        node = stage.cluster.informer(NODES).get(Key("", "node-1")) or {}
        return condition(node, "Ready") or {}

    await stage.until(lambda: ready().get("status") == "True", within=5)
    for call in ("version", "status", "images"):
        monkeypatch.setattr(stage.runtime, call, down)
    await stage.until(lambda: ready().get("status") == "False", within=30)
    assert ready()["message"] == "container runtime is down"


async def test_probes_wait_for_the_startup_probe(stage: Stage) -> None:
    def answer(name: str, command: Sequence[str]) -> ExecResult:
        code = 0 if command[0] == "ready" or stage.clock.monotonic() > 20 else 1
        return ExecResult(stdout=b"", stderr=b"", exit_code=code)

    stage.runtime.exec_answer = answer
    probes = {
        "startupProbe": {"exec": {"command": ["up"]}, "periodSeconds": 2, "failureThreshold": 30},
        "readinessProbe": {"exec": {"command": ["ready"]}, "periodSeconds": 2},
    }
    await stage.run_pod(make_pod(containers=[make_container(**probes)]))
    await stage.clock.advance(5)
    assert not stage.container()["started"]
    assert "main ready" not in calls(stage, "exec_sync")
    await stage.until(lambda: stage.container()["ready"], within=30)
    assert stage.container()["started"]


async def test_runs_the_pre_stop_hook_within_the_grace_period(stage: Stage) -> None:
    hook = {"preStop": {"sleep": {"seconds": 4}}}
    container = make_container(lifecycle=hook)
    await stage.run_pod(make_pod(containers=[container], terminationGracePeriodSeconds=10))
    await stage.cluster.delete(PODS, "web", namespace="default")
    await stage.until(lambda: stage.pod() is None, within=10)
    assert calls(stage, "stop_container") == ["main 6"]


async def test_a_shorter_grace_period_overtakes_the_kill_under_way(stage: Stage) -> None:
    container = make_container(lifecycle={"preStop": {"sleep": {"seconds": 100}}})
    await stage.run_pod(make_pod(containers=[container], terminationGracePeriodSeconds=200))
    await stage.cluster.delete(PODS, "web", namespace="default")
    await stage.clock.advance(3)
    assert stage.runtime.running() == ["main"]
    await stage.cluster.delete(PODS, "web", namespace="default", grace_period=5)
    await stage.until(lambda: stage.pod() is None, within=12)
    assert calls(stage, "stop_container") == ["main 2"]


async def test_kills_a_container_whose_post_start_hook_fails(stage: Stage) -> None:
    stage.runtime.exec_answer = lambda name, command: ExecResult(
        stdout=b"no", stderr=b"", exit_code=1
    )
    hook = {"postStart": {"exec": {"command": ["x"]}}}
    await stage.cluster.create(PODS, make_pod(containers=[make_container(lifecycle=hook)]))
    await stage.until(
        lambda: ("FailedPostStartHook", "PostStartHook failed") in stage.events(), within=5
    )
    await stage.until(
        lambda: (
            stage.container()["state"].get("waiting", {}).get("reason")
            in ("PostStartHookError", "CrashLoopBackOff")
        ),
        within=5,
    )


async def test_starts_an_ephemeral_container_in_a_running_pod(stage: Stage) -> None:
    await stage.run_pod(make_pod())
    debug = [{**make_container("debug"), "targetContainerName": "main"}]
    await stage.cluster.patch(
        PODS, "web", {"spec": {"ephemeralContainers": debug}}, namespace="default"
    )
    await stage.until(lambda: "debug" in stage.runtime.running(), within=5)
    config = list(stage.runtime.container_configs.values())[-1]
    assert config.security.namespaces.pid == "TARGET"
    await stage.until(lambda: "running" in stage.container("web", "debug").get("state", {}))


async def test_a_sandbox_that_cannot_be_made_is_told_and_tried_again(stage: Stage) -> None:
    stage.runtime.failing["run_sandbox"] = "no network"
    await stage.cluster.create(PODS, make_pod())
    told = ("FailedCreatePodSandBox", "Failed to create pod sandbox: no network")
    await stage.until(lambda: told in stage.events(), within=3)
    assert stage.status()["phase"] == "Pending"
    stage.runtime.failing.clear()
    await stage.until(lambda: stage.status()["phase"] == "Running", within=10)


async def test_reads_the_termination_message(stage: Stage) -> None:
    await stage.run_pod(make_pod(restartPolicy="Never"))
    config = next(iter(stage.runtime.container_configs.values()))
    mount = next(each for each in config.mounts if each.container_path == "/dev/termination-log")
    say(Path(mount.host_path), "farewell")
    stage.runtime.ended("main", 1)
    await stage.until(lambda: stage.status()["phase"] == "Failed", within=3)
    assert stage.container()["state"]["terminated"]["message"] == "farewell"


async def test_keeps_one_dead_container_of_each_name(stage: Stage) -> None:
    await stage.run_pod(make_pod())
    for count in (1, 2, 3):
        stage.runtime.ended("main", 1)
        await stage.until(
            lambda count=count: stage.container().get("restartCount") == count, within=60
        )
        await stage.until(lambda: stage.runtime.running() == ["main"], within=5)
    await stage.until(lambda: len(calls(stage, "remove_container")) == 2, within=5)


async def test_a_pod_marked_failed_by_others_is_ended(stage: Stage) -> None:
    await stage.run_pod(make_pod())
    await stage.cluster.patch(PODS, "web", {"status": {"phase": "Failed"}}, namespace="default")
    await stage.until(lambda: not stage.runtime.running(), within=5)
    assert stage.status()["phase"] == "Failed"


async def test_secrets_are_written_into_memory(stage: Stage) -> None:
    made = {"kind": "Secret", "metadata": {"name": "s", "namespace": "default"}}
    await stage.cluster.create(SECRETS, {**made, "data": {"k": "dg=="}})
    token = {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}}
    volumes = [
        {"name": "s", "secret": {"secretName": "s"}},
        {"name": "t", "projected": {"sources": [token]}},
    ]
    mounts = [{"name": "s", "mountPath": "/s"}, {"name": "t", "mountPath": "/t"}]
    await stage.run_pod(make_pod(containers=[make_container(volumeMounts=mounts)], volumes=volumes))
    paths = {each.name: each for each in stage.mounts.mounted}
    assert (paths["s"] / "k").read_text() == "v"
    assert (paths["t"] / "token").read_text() == "token-1"


async def test_renews_its_lease_through_the_clock(stage: Stage) -> None:
    key = Key("kube-node-lease", "node-1")
    leases = stage.cluster.informer(LEASES)
    await stage.until(lambda: leases.get(key), within=1)
    before = leases.get(key)
    assert before is not None
    assert before["spec"]["leaseDurationSeconds"] == 40

    def renewed() -> bool:
        now = leases.get(key)
        return now is not None and now["spec"]["renewTime"] != before["spec"]["renewTime"]

    await stage.until(renewed, within=12)


def resources(cpu: str) -> dict[str, dict[str, str]]:
    return {"requests": {"cpu": cpu}, "limits": {"cpu": cpu}}


async def resized(stage: Stage, cpu: str, **more: object) -> None:
    """Run a Pod of 100m and ask for another amount."""
    main = make_container(resources=resources("100m"), **more)
    await stage.run_pod(make_pod(containers=[main]))
    changed = {**main, "resources": resources(cpu)}
    await stage.cluster.patch(PODS, "web", {"spec": {"containers": [changed]}}, namespace="default")


async def test_resizes_a_running_container_in_place(stage: Stage) -> None:
    await resized(stage, "200m")
    await stage.until(lambda: stage.container()["resources"] == resources("200m"), within=3)
    assert len(calls(stage, "update_resources")) == 1
    assert stage.container()["allocatedResources"] == {"cpu": "200m"}
    assert stage.container()["restartCount"] == 0
    assert not any("Resize" in each["type"] for each in stage.status()["conditions"])


async def test_a_resize_that_does_not_fit_is_pending(stage: Stage) -> None:
    await resized(stage, "5000")
    await stage.until(
        lambda: any(each.get("reason") == "Infeasible" for each in stage.status()["conditions"]),
        within=3,
    )
    assert stage.container()["resources"] == resources("100m")
    assert not calls(stage, "update_resources")


async def test_a_resize_restarts_a_container_that_wants_that(stage: Stage) -> None:
    policy = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]
    await resized(stage, "200m", resizePolicy=policy)
    await stage.until(lambda: stage.container().get("restartCount") == 1, within=5)
    assert stage.container()["resources"] == resources("200m")
    assert not calls(stage, "update_resources")
