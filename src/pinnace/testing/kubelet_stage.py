"""A kubelet on a fake runtime, a memory cluster and a virtual clock, to play scenes on."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinnace.api.kinds.core import EVENTS, PODS
from pinnace.api.objects import Key, Object, format_time
from pinnace.kit.clock import VirtualClock
from pinnace.node.config import KubeletConfig
from pinnace.node.mounts import PlainMounts
from pinnace.node.service import run_kubelet
from pinnace.testing.fake_runtime import FakeRuntime
from pinnace.testing.memory_client import MemoryCluster

_PATIENCE = 400


class FakeMounts(PlainMounts):
    """Remembers mounts instead of making them."""

    def __init__(self) -> None:
        self.mounted: list[Path] = []
        self.bound: dict[Path, Path] = {}

    def tmpfs(self, target: Path, *, size: int = 0) -> None:
        if target not in self.mounted:
            self.mounted.append(target)

    def bind(self, source: int, target: Path) -> None:
        self.bound[target] = Path(os.readlink(f"/proc/self/fd/{source}"))


@dataclass(slots=True)
class Stage:
    """Everything that a scene may touch."""

    cluster: MemoryCluster
    runtime: FakeRuntime
    clock: VirtualClock
    config: KubeletConfig
    mounts: FakeMounts

    def pod(self, name: str = "web", namespace: str = "default") -> Object | None:
        """Return the Pod as the API shows it."""
        return self.cluster.informer(PODS).get(Key(namespace, name))

    def status(self, name: str = "web") -> Object:
        """Return the status of a Pod that is there."""
        pod = self.pod(name)
        assert pod is not None, f"Pod {name} is gone"
        return dict(pod.get("status") or {})

    def container(self, name: str = "web", container: str = "main") -> Object:
        """Return one container's status, of whatever list."""
        status = self.status(name)
        for part in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
            for each in status.get(part) or ():
                if each["name"] == container:
                    return dict(each)
        return {}

    def events(self) -> list[tuple[str, str]]:
        """Return reason and message of every Event, in order."""
        found = self.cluster.informer(EVENTS).list()
        return [(each["reason"], each["message"]) for each in found]

    async def until(self, holds: Callable[[], Any], *, within: float = 0.0) -> None:
        """Let things happen until a condition holds, moving the clock by up to `within`."""
        left = within
        while True:
            for _ in range(_PATIENCE):
                if holds():
                    return
                await asyncio.sleep(0)
            if left <= 0:
                raise AssertionError("the awaited never happened")
            step = min(1.0, left)
            left -= step
            await self.clock.advance(step)

    async def run_pod(self, pod: Object) -> None:
        """Create a Pod and wait until it runs."""
        await self.cluster.create(PODS, pod)
        name = pod["metadata"]["name"]
        await self.until(lambda: self.status(name).get("phase") == "Running", within=5)


def make_pod(name: str = "web", **spec: Any) -> Object:
    """Return a Pod bound to the stage's node, with one container unless told otherwise."""
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}", "generation": 1},
        "spec": {
            "nodeName": "node-1",
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "containers": [make_container()],
            **spec,
        },
        "status": {"phase": "Pending"},
    }


def make_container(name: str = "main", **fields: Any) -> Object:
    """Return a container that has an image."""
    return {"name": name, "image": "nginx:latest", "imagePullPolicy": "IfNotPresent", **fields}


def make_stage(root: Path) -> Stage:
    """Return a stage whose kubelet does not run yet."""
    clock = VirtualClock()
    config = KubeletConfig(
        node_name="node-1",
        root_dir=root / "kubelet",
        log_dir=root / "logs",
        addresses=("10.0.0.1",),
        cluster_dns=("10.96.0.10",),
        resolv_conf=root / "resolv.conf",
        cgroups=False,
    )
    cluster = MemoryCluster(lambda: format_time(clock.now()))
    return Stage(cluster, FakeRuntime(clock.now), clock, config, FakeMounts())


class _AtOnce(ThreadPoolExecutor):
    """Does a thread's work on the spot, so that virtual time cannot run ahead of it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  # it belongs to whoever awaits the future
            future.set_exception(error)
        return future


@asynccontextmanager
async def kubelet_running(stage: Stage) -> AsyncIterator[Stage]:
    """Run the stage's kubelet for the length of the context."""
    asyncio.get_running_loop().set_default_executor(_AtOnce())
    ready = asyncio.Event()
    task = asyncio.create_task(
        run_kubelet(
            stage.cluster,
            stage.cluster,
            stage.clock,
            stage.config,
            stage.runtime,
            mounts=stage.mounts,
            ready=ready.set,
        )
    )
    started = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        yield stage
    finally:
        task.cancel()
        started.cancel()
        await asyncio.gather(task, started, return_exceptions=True)
