"""A container runtime that only remembers: for tests of the kubelet, never anything real.

Containers run until a test (or a stop) ends them. What was called is kept in `calls`.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pinnace.node.runtime import (
    Container,
    ContainerConfig,
    ContainerEvent,
    ContainerStats,
    ContainerStatus,
    ExecResult,
    FilesystemUsage,
    ImageAuth,
    ImageStatus,
    LinuxResources,
    RuntimeCallError,
    RuntimeCondition,
    RuntimeNotFound,
    RuntimeStatus,
    RuntimeVersion,
    Sandbox,
    SandboxConfig,
    SandboxStatus,
)


def _matches(labels: Mapping[str, str], wanted: Mapping[str, str] | None) -> bool:
    return all(labels.get(key) == value for key, value in (wanted or {}).items())


class FakeRuntime:
    """`node.runtime.Runtime` in memory.

    `images` are there from the start; `pullable` can be pulled; any other pull fails. `on_stop`
    is asked for the exit code of a container that is told to stop. `failing` maps a call's name
    to the error that it raises.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._ids = itertools.count(1)
        self.sandbox_configs: dict[str, SandboxConfig] = {}
        self.container_configs: dict[str, ContainerConfig] = {}
        self._sandboxes: dict[str, SandboxStatus] = {}
        self._containers: dict[str, tuple[Container, ContainerStatus]] = {}
        self.images_here: set[str] = set()
        self.pullable: set[str] = {"busybox:latest", "nginx:latest"}
        self.calls: list[tuple[str, str]] = []
        self.failing: dict[str, str] = {}
        self.on_stop: Callable[[str], int] = lambda name: 0
        self.exec_answer: Callable[[str, Sequence[str]], ExecResult] = lambda name, command: (
            ExecResult(stdout=b"", stderr=b"", exit_code=0)
        )

    def _note(self, call: str, about: str) -> None:
        self.calls.append((call, about))
        if call in self.failing:
            raise RuntimeCallError(self.failing[call])

    def ended(self, name: str, code: int = 0, reason: str = "") -> None:
        """End the running container of that name, as if its process had exited."""
        for cid, (listed, status) in self._containers.items():
            if listed.name == name and listed.state == "running":
                self._exit(cid, listed, status, code, reason)
                return
        raise AssertionError(f"no container {name} runs")

    def _exit(
        self, cid: str, listed: Container, status: ContainerStatus, code: int, reason: str = ""
    ) -> None:
        why = reason or ("Completed" if code == 0 else "Error")
        self._containers[cid] = (
            replace(listed, state="exited"),
            replace(status, state="exited", finished=self._now(), exit_code=code, reason=why),
        )

    def running(self) -> list[str]:
        """Return the names of the containers that run."""
        return [each.name for each, _ in self._containers.values() if each.state == "running"]

    def lose_sandboxes(self) -> None:
        """Make every sandbox not ready, with all containers dead: as after a reboot."""
        for sid, sandbox in self._sandboxes.items():
            self._sandboxes[sid] = replace(sandbox, state="notready", ip="")
        for cid, (listed, status) in list(self._containers.items()):
            if listed.state == "running":
                self._exit(cid, listed, status, 137)

    def forget_sandboxes(self) -> None:
        """Drop every sandbox, and leave the containers that were in them."""
        self._sandboxes.clear()

    async def version(self) -> RuntimeVersion:
        return RuntimeVersion(name="fake", version="0", api_version="v1")

    async def status(self) -> RuntimeStatus:
        return RuntimeStatus(
            conditions=[
                RuntimeCondition(type="RuntimeReady", status=True),
                RuntimeCondition(type="NetworkReady", status=True),
            ]
        )

    async def run_sandbox(self, config: SandboxConfig) -> str:
        self._note("run_sandbox", config.name)
        number = next(self._ids)
        sid = f"s{number}"
        self.sandbox_configs[sid] = config
        host = config.security.namespaces.network == "NODE"
        self._sandboxes[sid] = SandboxStatus(
            id=sid,
            name=config.name,
            namespace=config.namespace,
            uid=config.uid,
            attempt=config.attempt,
            state="ready",
            created=self._now(),
            labels=config.labels,
            annotations=config.annotations,
            ip="" if host else f"10.244.0.{number}",
            network="NODE" if host else "POD",
        )
        return sid

    async def stop_sandbox(self, sandbox_id: str) -> None:
        self._note("stop_sandbox", sandbox_id)
        if sandbox_id in self._sandboxes:
            found = self._sandboxes[sandbox_id]
            self._sandboxes[sandbox_id] = replace(found, state="notready", ip="")
        for cid, (listed, status) in list(self._containers.items()):
            if listed.sandbox_id == sandbox_id and listed.state == "running":
                self._exit(cid, listed, status, 137)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        self._note("remove_sandbox", sandbox_id)
        self._sandboxes.pop(sandbox_id, None)
        for cid, (listed, _) in list(self._containers.items()):
            if listed.sandbox_id == sandbox_id:
                del self._containers[cid]

    async def sandboxes(self, *, labels: Mapping[str, str] | None = None) -> list[Sandbox]:
        return [each for each in self._sandboxes.values() if _matches(each.labels, labels)]

    async def sandbox_status(self, sandbox_id: str) -> SandboxStatus:
        if sandbox_id not in self._sandboxes:
            raise RuntimeNotFound(f"sandbox {sandbox_id} not found")
        return self._sandboxes[sandbox_id]

    async def create_container(
        self, sandbox_id: str, config: ContainerConfig, sandbox: SandboxConfig
    ) -> str:
        self._note("create_container", config.name)
        cid = f"c{next(self._ids)}"
        self.container_configs[cid] = config
        listed = Container(
            id=cid,
            sandbox_id=sandbox_id,
            name=config.name,
            attempt=config.attempt,
            state="created",
            created=self._now(),
            image=config.user_image,
            labels=config.labels,
            annotations=config.annotations,
        )
        status = ContainerStatus(
            id=cid,
            name=config.name,
            attempt=config.attempt,
            state="created",
            created=self._now(),
            image=config.user_image,
            image_ref=f"sha256:{config.image}",
            log_path=f"{sandbox.log_directory}/{config.log_path}",
            labels=config.labels,
            annotations=config.annotations,
        )
        self._containers[cid] = (listed, status)
        return cid

    async def start_container(self, container_id: str) -> None:
        listed, status = self._containers[container_id]
        self._note("start_container", listed.name)
        self._containers[container_id] = (
            replace(listed, state="running"),
            replace(status, state="running", started=self._now()),
        )

    async def stop_container(self, container_id: str, *, timeout: float) -> None:
        if container_id not in self._containers:
            raise RuntimeNotFound(f"container {container_id} not found")
        listed, status = self._containers[container_id]
        self._note("stop_container", f"{listed.name} {timeout:g}")
        await asyncio.sleep(0)
        if listed.state == "running":
            self._exit(container_id, listed, status, self.on_stop(listed.name))

    async def remove_container(self, container_id: str) -> None:
        self._note("remove_container", container_id)
        self._containers.pop(container_id, None)

    async def containers(
        self, *, sandbox_id: str = "", labels: Mapping[str, str] | None = None
    ) -> list[Container]:
        return [
            listed
            for listed, _ in self._containers.values()
            if _matches(listed.labels, labels) and sandbox_id in ("", listed.sandbox_id)
        ]

    async def container_status(self, container_id: str) -> ContainerStatus:
        if container_id not in self._containers:
            raise RuntimeNotFound(f"container {container_id} not found")
        return self._containers[container_id][1]

    async def exec_sync(
        self, container_id: str, command: Sequence[str], *, timeout: float
    ) -> ExecResult:
        listed, _ = self._containers[container_id]
        self._note("exec_sync", f"{listed.name} {' '.join(command)}")
        return self.exec_answer(listed.name, command)

    async def exec_url(
        self,
        container_id: str,
        command: Sequence[str],
        *,
        stdin: bool,
        stdout: bool,
        stderr: bool,
        tty: bool,
    ) -> str:
        raise RuntimeCallError("the fake runtime has no streams")

    async def attach_url(
        self, container_id: str, *, stdin: bool, stdout: bool, stderr: bool, tty: bool
    ) -> str:
        raise RuntimeCallError("the fake runtime has no streams")

    async def port_forward_url(self, sandbox_id: str, ports: Sequence[int] = ()) -> str:
        raise RuntimeCallError("the fake runtime has no streams")

    async def reopen_log(self, container_id: str) -> None:
        self._note("reopen_log", container_id)

    async def update_resources(self, container_id: str, resources: LinuxResources) -> None:
        self._note("update_resources", container_id)

    async def container_stats(self, *, sandbox_id: str = "") -> list[ContainerStats]:
        return []

    async def pull_image(
        self, image: str, *, auth: ImageAuth | None = None, sandbox: SandboxConfig | None = None
    ) -> str:
        self._note("pull_image", image)
        if image not in self.pullable:
            raise RuntimeCallError(f'failed to resolve reference "{image}": not found')
        self.images_here.add(image)
        return image

    async def image_status(self, image: str) -> ImageStatus | None:
        return ImageStatus(id=image, tags=[image], size=1000) if image in self.images_here else None

    async def images(self) -> list[ImageStatus]:
        return [ImageStatus(id=each, tags=[each], size=1000) for each in sorted(self.images_here)]

    async def remove_image(self, image: str) -> None:
        self.images_here.discard(image)

    async def image_filesystems(self) -> list[FilesystemUsage]:
        return []

    async def update_pod_cidr(self, cidr: str) -> None:
        self._note("update_pod_cidr", cidr)

    async def container_events(self) -> AsyncIterator[ContainerEvent]:
        """Never tell anything; the kubelet finds changes by relisting."""
        await asyncio.Event().wait()
        yield ContainerEvent(container_id="", kind="created", when=self._now())

    async def close(self) -> None:
        self.calls.append(("close", ""))
