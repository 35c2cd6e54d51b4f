"""Carries out the actions that bring a Pod up: preparation, sandbox, containers."""

import asyncio
import copy
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pinnace.api.errors import ApiError
from pinnace.api.kinds.core import CONFIGMAPS, SECRETS
from pinnace.api.kinds.node import RUNTIMECLASSES
from pinnace.api.objects import Object
from pinnace.node.containerconfig import Making, container_config
from pinnace.node.env import ConfigError, Sources, environment
from pinnace.node.ground import EventType, Ground, PodState, about, pod_facts
from pinnace.node.hosts import hosts_file
from pinnace.node.imagepull import PullFailed
from pinnace.node.lifecycle import HookFailed
from pinnace.node.observed import Failure
from pinnace.node.podspec import Declared, declared, is_host_network, namespace_of, uid_of
from pinnace.node.resources.limits import container_resources
from pinnace.node.restarts import lengthened
from pinnace.node.runtime import ImageStatus, RuntimeCallError, SandboxConfig
from pinnace.node.sandboxconfig import log_directory, sandbox_config
from pinnace.node.serviceenv import service_environment
from pinnace.node.state import CreateSandbox, Resize, StartContainer
from pinnace.node.volumes.base import VolumeError
from pinnace.node.volumes.mounting import pod_directory

_log = logging.getLogger(__name__)


class NotNow(Exception):
    """The Pod cannot go on now; what went wrong is told already, and it is tried again later."""


class StartFailed(Exception):
    """One container cannot be started now."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.failure = Failure(reason, message)


def message_path(root: Path, uid: str, container: str, restart_count: int) -> Path:
    """Return the file of the host that becomes a container's termination message."""
    return pod_directory(root, uid) / "containers" / container / f"{restart_count}.message"


class Starter:
    """Brings up one Pod."""

    def __init__(self, ground: Ground, state: PodState) -> None:
        self._ground = ground
        self._state = state

    def _tell(self, kind: EventType, reason: str, message: str, one: Declared | None) -> None:
        self._ground.recorder.event(
            about(self._state.pod, one), type=kind, reason=reason, message=message
        )

    async def prepare(self) -> None:
        """Make the Pod's directories, control group and volumes; raises NotNow."""
        if self._state.prepared:
            return
        pod, ground = self._state.pod, self._ground
        try:
            await asyncio.to_thread(_make_directories, ground, pod)
            await asyncio.to_thread(ground.cgroups.ensure, pod)
        except OSError as error:
            text = f"error making pod data directories: {error}"
            self._tell("Warning", "Failed", text, None)
            raise NotNow(text) from error
        mounted, problems = await ground.volumes.set_up(pod)
        self._state.mounted.update(mounted)
        for problem in problems:
            self._tell("Warning", "FailedMount", problem.message, None)
        if problems:
            raise NotNow(problems[0].message)
        self._state.prepared = True

    async def refresh_volumes(self) -> None:
        """Bring the live volumes up to date; what cannot be had is told and left as it is."""
        _, problems = await self._ground.volumes.set_up(self._state.pod, live_only=True)
        for problem in problems:
            self._tell("Warning", "FailedMount", problem.message, None)

    async def create_sandbox(self, action: CreateSandbox) -> None:
        """Make a sandbox; raises NotNow."""
        pod = self._state.pod
        if action.replaces:
            self._tell(
                "Normal",
                "SandboxChanged",
                "Pod sandbox changed, it will be killed and re-created.",
                None,
            )
        await self.prepare()
        try:
            await self._purge_init(action)
            self._state.sandbox = await self._sandbox_config(action.attempt)
            await self._ground.runtime.run_sandbox(self._state.sandbox)
        except (ConfigError, RuntimeCallError, ApiError) as error:
            text = f"Failed to create pod sandbox: {error}"
            self._tell("Warning", "FailedCreatePodSandBox", text, None)
            raise NotNow(text) from error
        _log.debug("sandbox of %s/%s made", namespace_of(pod), pod["metadata"]["name"])

    async def _purge_init(self, action: CreateSandbox) -> None:
        """Forget the init containers of a lost sandbox: they run again in the new one."""
        if not action.attempt:
            return
        init = {one.name for one in declared(self._state.pod, "init")}
        for each in self._state.seen.containers:
            if each.name in init:
                await self._ground.runtime.remove_container(each.id)

    async def _sandbox_config(self, attempt: int) -> SandboxConfig:
        pod, ground = self._state.pod, self._ground
        handler = ""
        class_name = pod["spec"].get("runtimeClassName")
        if class_name:
            found = await ground.lookups.find(RUNTIMECLASSES, "", class_name)
            if found is None:
                raise ConfigError(
                    f"failed to get sandbox runtime: failed to get RuntimeClass: "
                    f'runtimeclass.node.k8s.io "{class_name}" not found'
                )
            handler = str(found.get("handler") or "")
        return sandbox_config(
            pod,
            ground.settings,
            attempt=attempt,
            cgroup_parent=ground.cgroups.parent(pod),
            runtime_handler=handler,
        )

    async def start(self, action: StartContainer) -> None:
        """Start one container; a failure is told and kept for the status."""
        one, state = action.container, self._state
        if action.finished_before is not None:
            # Counted before the attempt, so that one which fails at once waits as well.
            state.backoffs[one.name] = lengthened(
                state.backoffs.get(one.name),
                event=action.finished_before,
                now=self._ground.clock.now(),
            )
        try:
            await self.prepare()
            await self._start(one, action.restart_count)
        except StartFailed as error:
            state.failures[one.name] = error.failure
            return
        state.failures.pop(one.name, None)

    async def _start(self, one: Declared, restart_count: int) -> None:
        state, ground = self._state, self._ground
        sandbox = state.seen.ready_sandbox()
        if sandbox is None:
            raise NotNow("the sandbox is gone")
        if state.sandbox is None or state.sandbox.attempt != sandbox.attempt:
            state.sandbox = await self._sandbox_config(sandbox.attempt)
        image = await self._image(one)
        try:
            making = await self._making(one, image, restart_count)
            config = container_config(state.pod, one, ground.settings, making)
        except (ConfigError, VolumeError, ApiError, OSError) as error:
            text = getattr(error, "message", None) or str(error)
            raise self._failed(one, "CreateContainerConfigError", text) from error
        try:
            made = await ground.runtime.create_container(sandbox.id, config, state.sandbox)
        except RuntimeCallError as error:
            raise self._failed(one, "CreateContainerError", str(error)) from error
        self._tell("Normal", "Created", "Container created", one)
        try:
            await ground.runtime.start_container(made)
        except RuntimeCallError as error:
            raise self._failed(one, "RunContainerError", str(error)) from error
        self._tell("Normal", "Started", "Container started", one)
        await self._post_start(one, made)

    def _failed(self, one: Declared, reason: str, text: str) -> StartFailed:
        self._tell("Warning", "Failed", f"Error: {text}", one)
        return StartFailed(reason, text)

    async def _image(self, one: Declared) -> ImageStatus:
        state, lookups = self._state, self._ground.lookups

        async def secrets() -> list[Mapping[str, Any]]:
            return await lookups.pull_secrets(state.pod)

        try:
            return await state.puller.ensure(
                str(one.spec.get("image") or ""),
                str(one.spec.get("imagePullPolicy") or "IfNotPresent"),
                sandbox=state.sandbox,
                secrets=secrets,
                tell=lambda kind, reason, message: self._tell(kind, reason, message, one),
            )
        except PullFailed as error:
            self._tell("Warning", "Failed", f"Error: {error.reason}", one)
            raise StartFailed(error.reason, error.message) from error

    async def _making(self, one: Declared, image: ImageStatus, restart_count: int) -> Making:
        ground, pod = self._ground, self._state.pod
        env = environment(pod, one, await self._sources(one))
        root = ground.settings.root_dir
        message = message_path(root, uid_of(pod), one.name, restart_count)
        hosts = await asyncio.to_thread(self._write_files, message)
        sub_paths = await self._ground.volumes.sub_paths(pod, one, self._state.mounted, env)
        return Making(
            env=env,
            volumes=self._state.mounted,
            image_ref=image.id,
            image=image,
            restart_count=restart_count,
            hosts_file=hosts,
            message_file=message,
            target=self._target(one),
            sub_paths=sub_paths,
        )

    def _target(self, one: Declared) -> str:
        name = one.spec.get("targetContainerName")
        found = self._state.seen.latest(name) if name else None
        if name and (found is None or found.state != "running"):
            raise ConfigError(f"unable to find target container {name}")
        return found.id if found else ""

    def _write_files(self, message: Path) -> Path | None:
        """Write /etc/hosts and an empty termination message; blocking."""
        ground, pod = self._ground, self._state.pod
        message.parent.mkdir(parents=True, exist_ok=True)
        message.write_bytes(b"")
        message.chmod(0o666)
        ips = self._state.ips(ground.host_ips)
        if not ips and not is_host_network(pod):
            return None
        path = pod_directory(ground.settings.root_dir, uid_of(pod)) / "etc-hosts"
        own = Path("/etc/hosts")
        node_file = own.read_text(encoding="utf-8") if is_host_network(pod) else ""
        text = hosts_file(pod, ips, ground.settings.names, node_file=node_file)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        return path

    async def _sources(self, one: Declared) -> Sources:
        ground, pod = self._ground, self._state.pod
        maps, secrets = _referenced(one)
        namespace = namespace_of(pod)
        found_maps = {name: await ground.lookups.find(CONFIGMAPS, namespace, name) for name in maps}
        found_secrets = {
            name: await ground.lookups.find(SECRETS, namespace, name) for name in secrets
        }
        return Sources(
            config_map=found_maps.get,
            secret=found_secrets.get,
            services=service_environment(
                ground.services.list(),
                namespace,
                links=pod["spec"].get("enableServiceLinks") is not False,
            ),
            facts=pod_facts(self._state.ips(ground.host_ips), ground.host_ips, ground.node()),
        )

    async def resize(self, action: Resize) -> None:
        """Give a running container other limits; the Pod's own group is changed with it."""
        ground, pod, one = self._ground, self._state.pod, action.one
        limits = container_resources(pod, one, node_memory=ground.settings.memory)
        await asyncio.to_thread(ground.cgroups.ensure, pod)
        try:
            await ground.runtime.update_resources(action.container.id, limits)
        except RuntimeCallError as error:
            text = f"error resizing container {one.name}: {error}"
            self._tell("Warning", "ResizeError", text, one)
            raise NotNow(text) from error
        self._state.applied[action.container.id] = copy.deepcopy(one.spec.get("resources") or {})

    async def _post_start(self, one: Declared, container_id: str) -> None:
        hook = (one.spec.get("lifecycle") or {}).get("postStart")
        if not hook:
            return
        state, ground = self._state, self._ground
        ips = state.ips(ground.host_ips)
        try:
            await ground.hooks.run(
                state.pod, one, hook, container_id=container_id, host=ips[0] if ips else ""
            )
        except HookFailed as error:
            self._tell("Warning", "FailedPostStartHook", "PostStartHook failed", one)
            self._tell("Normal", "Killing", "FailedPostStartHook", one)
            grace = float(state.pod["spec"].get("terminationGracePeriodSeconds") or 2)
            await ground.runtime.stop_container(container_id, timeout=grace)
            raise StartFailed("PostStartHookError", str(error)) from error


def _make_directories(ground: Ground, pod: Object) -> None:
    directory = pod_directory(ground.settings.root_dir, uid_of(pod))
    for part in ("volumes", "containers"):
        (directory / part).mkdir(parents=True, exist_ok=True)
    log_directory(ground.settings.log_dir, pod).mkdir(parents=True, exist_ok=True)


def _referenced(one: Declared) -> tuple[set[str], set[str]]:
    """Return the names of the ConfigMaps and Secrets that a container's environment uses."""
    maps: set[str] = set()
    secrets: set[str] = set()
    for each in one.spec.get("envFrom") or ():
        maps.update([each["configMapRef"]["name"]] if "configMapRef" in each else [])
        secrets.update([each["secretRef"]["name"]] if "secretRef" in each else [])
    for each in one.spec.get("env") or ():
        source = each.get("valueFrom") or {}
        maps.update([source["configMapKeyRef"]["name"]] if "configMapKeyRef" in source else [])
        secrets.update([source["secretKeyRef"]["name"]] if "secretKeyRef" in source else [])
    return maps, secrets
