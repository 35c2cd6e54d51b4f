"""The `Runtime` of the room over any CRI v1 socket (containerd's, CRI-O's)."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pinnace.node.cri import answers, requests
from pinnace.node.cri.wire import Wire
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
    RuntimeNotFound,
    RuntimeStatus,
    RuntimeVersion,
    Sandbox,
    SandboxConfig,
    SandboxStatus,
)

T = TypeVar("T")

# The kubelet's own: two minutes a call, twice that for a sandbox (its network may be slow to set
# up). A pull may move gigabytes over a bad line.
_CALL = 120.0
_SANDBOX = 240.0
_PULL = 3600.0


class CriRuntime:
    """A runtime behind a CRI socket. The socket need not be there yet."""

    def __init__(self, socket: Path, *, deadline: float = _CALL) -> None:
        self._wire = Wire(socket)
        self._deadline = deadline

    async def version(self) -> RuntimeVersion:
        answer = await self._wire.call("Version", deadline=self._deadline, version="0.1.0")
        return RuntimeVersion(
            name=answer.runtime_name,
            version=answer.runtime_version,
            api_version=answer.runtime_api_version,
        )

    async def status(self) -> RuntimeStatus:
        return answers.runtime_status(await self._wire.call("Status", deadline=self._deadline))

    async def run_sandbox(self, config: SandboxConfig) -> str:
        answer = await self._wire.call(
            "RunPodSandbox",
            deadline=_SANDBOX,
            config=requests.sandbox(config),
            runtime_handler=config.runtime_handler,
        )
        return str(answer.pod_sandbox_id)

    async def stop_sandbox(self, sandbox_id: str) -> None:
        await self._forget("StopPodSandbox", pod_sandbox_id=sandbox_id)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        await self._forget("RemovePodSandbox", pod_sandbox_id=sandbox_id)

    async def sandboxes(self, *, labels: Mapping[str, str] | None = None) -> list[Sandbox]:
        answer = await self._wire.call(
            "ListPodSandbox", deadline=self._deadline, filter=requests.label_filter(labels)
        )
        return [answers.sandbox(item) for item in answer.items]

    async def sandbox_status(self, sandbox_id: str) -> SandboxStatus:
        answer = await self._wire.call(
            "PodSandboxStatus", deadline=self._deadline, pod_sandbox_id=sandbox_id
        )
        return answers.sandbox_status(answer.status)

    async def create_container(
        self, sandbox_id: str, config: ContainerConfig, sandbox: SandboxConfig
    ) -> str:
        answer = await uncut(
            self._wire.call(
                "CreateContainer",
                deadline=self._deadline,
                pod_sandbox_id=sandbox_id,
                config=requests.container(config),
                sandbox_config=requests.sandbox(sandbox),
            )
        )
        return str(answer.container_id)

    async def start_container(self, container_id: str) -> None:
        await uncut(
            self._wire.call("StartContainer", deadline=self._deadline, container_id=container_id)
        )

    async def stop_container(self, container_id: str, *, timeout: float) -> None:
        # The runtime waits for the grace period inside the call.
        await self._forget(
            "StopContainer", grace=timeout, container_id=container_id, timeout=int(timeout)
        )

    async def remove_container(self, container_id: str) -> None:
        await self._forget("RemoveContainer", container_id=container_id)

    async def containers(
        self, *, sandbox_id: str = "", labels: Mapping[str, str] | None = None
    ) -> list[Container]:
        answer = await self._wire.call(
            "ListContainers",
            deadline=self._deadline,
            filter=requests.label_filter(labels, pod_sandbox_id=sandbox_id),
        )
        return [answers.container(item) for item in answer.containers]

    async def container_status(self, container_id: str) -> ContainerStatus:
        answer = await self._wire.call(
            "ContainerStatus", deadline=self._deadline, container_id=container_id
        )
        return answers.container_status(answer.status)

    async def exec_sync(
        self, container_id: str, command: Sequence[str], *, timeout: float
    ) -> ExecResult:
        answer = await self._wire.call(
            "ExecSync",
            # The runtime keeps the time itself, in whole seconds; a little more for the way.
            deadline=timeout + 10 if timeout else None,
            container_id=container_id,
            cmd=list(command),
            timeout=math.ceil(timeout),
        )
        return ExecResult(stdout=answer.stdout, stderr=answer.stderr, exit_code=answer.exit_code)

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
        answer = await self._wire.call(
            "Exec",
            deadline=self._deadline,
            container_id=container_id,
            cmd=list(command),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            tty=tty,
        )
        return str(answer.url)

    async def attach_url(
        self, container_id: str, *, stdin: bool, stdout: bool, stderr: bool, tty: bool
    ) -> str:
        answer = await self._wire.call(
            "Attach",
            deadline=self._deadline,
            container_id=container_id,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            tty=tty,
        )
        return str(answer.url)

    async def port_forward_url(self, sandbox_id: str, ports: Sequence[int] = ()) -> str:
        answer = await self._wire.call(
            "PortForward", deadline=self._deadline, pod_sandbox_id=sandbox_id, port=list(ports)
        )
        return str(answer.url)

    async def reopen_log(self, container_id: str) -> None:
        await self._wire.call(
            "ReopenContainerLog", deadline=self._deadline, container_id=container_id
        )

    async def update_resources(self, container_id: str, resources: LinuxResources) -> None:
        await self._wire.call(
            "UpdateContainerResources",
            deadline=self._deadline,
            container_id=container_id,
            linux=requests.resources(resources),
        )

    async def container_stats(self, *, sandbox_id: str = "") -> list[ContainerStats]:
        answer = await self._wire.call(
            "ListContainerStats",
            deadline=self._deadline,
            filter=requests.label_filter(None, pod_sandbox_id=sandbox_id),
        )
        return [answers.container_stats(item) for item in answer.stats]

    async def pull_image(
        self, image: str, *, auth: ImageAuth | None = None, sandbox: SandboxConfig | None = None
    ) -> str:
        answer = await self._wire.call(
            "PullImage",
            deadline=_PULL,
            image={"image": image},
            auth=requests.auth(auth),
            sandbox_config=requests.sandbox(sandbox) if sandbox else None,
        )
        return str(answer.image_ref)

    async def image_status(self, image: str) -> ImageStatus | None:
        answer = await self._wire.call(
            "ImageStatus", deadline=self._deadline, image={"image": image}
        )
        return answers.image(answer.image) if answer.HasField("image") else None

    async def images(self) -> list[ImageStatus]:
        answer = await self._wire.call("ListImages", deadline=self._deadline)
        return [answers.image(item) for item in answer.images]

    async def remove_image(self, image: str) -> None:
        await self._forget("RemoveImage", image={"image": image})

    async def image_filesystems(self) -> list[FilesystemUsage]:
        answer = await self._wire.call("ImageFsInfo", deadline=self._deadline)
        return [answers.filesystem(item) for item in answer.image_filesystems]

    async def update_pod_cidr(self, cidr: str) -> None:
        await self._wire.call(
            "UpdateRuntimeConfig",
            deadline=self._deadline,
            runtime_config={"network_config": {"pod_cidr": cidr}},
        )

    async def container_events(self) -> AsyncIterator[ContainerEvent]:
        async for message in self._wire.stream("GetContainerEvents"):
            yield answers.container_event(message)

    async def close(self) -> None:
        await self._wire.close()

    async def _forget(self, name: str, *, grace: float = 0, **fields: object) -> None:
        """Make a call that ends something; that it is gone already is as good."""
        with contextlib.suppress(RuntimeNotFound):
            await self._wire.call(name, deadline=self._deadline + grace, **fields)


async def uncut(call: Coroutine[Any, Any, T]) -> T:
    """Make a call that is not cut off: whoever is cancelled meanwhile waits for its end.

    containerd takes a container whose start is cut off for exited, though it may run; it can then
    neither be stopped nor removed.
    """
    task = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # nobody is left to tell
        raise
