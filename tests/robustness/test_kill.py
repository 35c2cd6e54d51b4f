"""Every process of a cluster is killed amid writes: what was acknowledged stays, Pods run on."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.real_cluster import (
    MARKS,
    RealCluster,
    container,
    deployment,
    fetch,
    pod,
    service,
    traces,
    until,
)

pytestmark = MARKS
CREATES = 200
SERVE = "hostname > /tmp/index.html; exec httpd -f -p 8080 -h /tmp"


@pytest.fixture
def k() -> Iterator[RealCluster]:
    directory = Path(tempfile.mkdtemp(prefix="pinnace-kill-"))
    cluster = RealCluster(directory, second_octet=211)
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()
    left = traces(cluster.identity, cluster.data)
    shutil.rmtree(directory)
    assert not left


def processes(k: RealCluster) -> list[int]:
    """Return the Pinnace processes of one cluster; its containerd is none of them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"pinnace.cli.main" in words and str(k.data).encode() in words:
            found.append(int(entry.name))
    return found


def running(k: RealCluster) -> dict[str, tuple[str, int]]:
    """Return the container (empty while there is none) and the restarts of each Pod."""
    return {
        item["metadata"]["name"]: (status.get("containerID", ""), status["restartCount"])
        for item in k.get("pods")["items"]
        for status in item["status"]["containerStatuses"]
    }


class Writer(threading.Thread):
    """Creates ConfigMaps one by one and remembers which were acknowledged."""

    def __init__(self, k: RealCluster, halfway: threading.Event) -> None:
        super().__init__()
        self._k, self._halfway = k, halfway
        self.acknowledged: list[str] = []
        self.failed = 0

    def run(self) -> None:
        for number in range(CREATES):
            name = f"made-{number}"
            done = subprocess.run(
                ["kubectl", "create", "configmap", name, f"--from-literal=n={number}"],
                capture_output=True,
                env=self._k.environment(),
                timeout=60,
                check=False,
            )
            if done.returncode == 0:
                self.acknowledged.append(name)
            else:
                self.failed += 1
            if number == CREATES // 2:
                self._halfway.set()


def test_a_kill_of_everything_loses_no_acknowledged_write_and_stops_no_container(
    k: RealCluster,
) -> None:
    k.apply(
        deployment("web", 2, SERVE),
        pod("alone", container(script="exec sleep 3600"), restartPolicy="Never"),
        service("web", {"app": "web"}),
    )
    k("rollout", "status", "deployment/web", "--timeout=60s")
    k.ready("alone")
    before = running(k)
    address = k.get("service/web")["spec"]["clusterIP"]
    halfway = threading.Event()
    writer = Writer(k, halfway)
    writer.start()
    assert halfway.wait(60)
    victims = processes(k)
    assert len(victims) >= 4
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    until(lambda: not processes(k))
    served = fetch(address, 80)
    writer.join()
    assert served.startswith("web-"), "Services must go on without Pinnace"
    assert len(writer.acknowledged) > CREATES // 2
    assert writer.failed, "the kill must have come amid the writes"

    said = k.up(again=True)
    assert "ready: export KUBECONFIG=" in said.out
    kept = {item["metadata"]["name"]: item["data"] for item in k.get("configmaps")["items"]}
    assert {name: {"n": name.removeprefix("made-")} for name in writer.acknowledged}.items() <= (
        kept.items()
    )
    k("wait", "--for=condition=Ready", f"node/{k.node}", "--timeout=20s")
    k.ready("alone")
    k("rollout", "status", "deployment/web", "--timeout=20s")
    assert running(k) == before
    assert k("exec", "alone", "--", "echo", "alive").out == "alive\n"
    k("scale", "deployment/web", "--replicas=3")
    k("wait", "deployment/web", "--for=jsonpath={.status.readyReplicas}=3", "--timeout=30s")


def test_pods_outlive_a_stop_that_keeps_them_and_start_anew_after_one_that_does_not(
    k: RealCluster,
) -> None:
    k.apply(deployment("web", 1, SERVE))
    k("rollout", "status", "deployment/web", "--timeout=60s")
    before = running(k)
    said = k.down("--keep-pods")
    assert said.out == "stopped Pinnace; the Pods keep running\n"
    k.up(again=True)
    k("rollout", "status", "deployment/web", "--timeout=20s")
    assert running(k) == before
    k.down()
    assert not traces(k.identity, k.data)
    status = k.pinnace("status", "--data-dir", str(k.data), check=False)
    assert (status.code, "is stopped" in status.out) == (3, True)
    k.up(again=True)
    k("rollout", "status", "deployment/web", "--timeout=60s")

    def started_anew() -> dict[str, tuple[str, int]] | None:
        now = running(k)
        return now if now != before and all(container for container, _ in now.values()) else None

    assert until(started_anew).keys() == before.keys()
