"""A containerd of our own: started detached, found again, stopped, and removed without a trace.

It and its containers outlive this process, however that ends: a Pinnace that is killed and
started again finds its pods running, as an upstream kubelet would. What ties the next start to it
is the socket, and a file with its process number.

    data/root         images and snapshots          survives a reboot
    run/config.toml     rendered at each start
    run/containerd.sock, run/containerd.pid, run/state (runc, network namespaces)
"""

import asyncio
import contextlib
import logging
import os
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

from pinnace.kit.backoff import Backoff
from pinnace.kit.clock import Clock
from pinnace.node import cgroup_tree, cni, command, mount_table, processes
from pinnace.node.containerd_config import ContainerdConfig, render
from pinnace.node.cri.client import CriRuntime
from pinnace.node.images.store import import_archive, wait_for_image
from pinnace.node.runtime import RuntimeCallError, RuntimeVersion

_LOG = logging.getLogger(__name__)

_OLDEST = (1, 6)
_START = 30.0
_STOP = 15.0
# How often containerd is looked at, and how long it has to run to count as healthy.
_LOOK = 1.0
_STEADY = 60.0
# The kernel's limit for a socket's path; containerd adds ".ttrpc".
_LONGEST_SOCKET = 107 - len(".ttrpc")
_CAP_SYS_RESOURCE = 24
_CNI_DIRS = ("/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni")
NAMESPACE = "k8s.io"


class ContainerdError(Exception):
    """containerd cannot be had; the text is one line for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerdPaths:
    """Where a private containerd lives."""

    data: Path
    run: Path

    @property
    def socket(self) -> Path:
        return self.run / "containerd.sock"

    @property
    def config(self) -> Path:
        return self.run / "config.toml"

    @property
    def log(self) -> Path:
        return self.data / "containerd.log"

    @property
    def pid(self) -> Path:
        return self.run / "containerd.pid"

    @property
    def root(self) -> Path:
        return self.data / "root"

    @property
    def state(self) -> Path:
        return self.run / "state"

    @property
    def cni_conf_dir(self) -> Path:
        return self.data / "cni"


def parse_version(text: str) -> tuple[int, int, int] | None:
    """Read what `containerd --version` prints."""
    found = re.search(r"\bv?(\d+)\.(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def has_capability(status: str, number: int) -> bool:
    """Answer whether /proc/self/status shows a capability as effective."""
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    return bool(found and int(found[1], 16) >> number & 1)


def cni_bin_dir() -> Path:
    """Return the directory of the CNI plug-ins; raises ContainerdError when there is none."""
    for name in _CNI_DIRS:
        if Path(name, "bridge").exists() and Path(name, "host-local").exists():
            return Path(name)
    raise ContainerdError(
        "the CNI plug-ins are not installed; on Debian or Ubuntu: "
        "apt install containernetworking-plugins"
    )


def describe_host(paths: ContainerdPaths, *, sandbox_image: str) -> ContainerdConfig:
    """Return the configuration that fits this host; tries whether overlays mount."""
    scratch = paths.data / "probe"
    overlay = mount_table.overlay_works(paths.data, scratch)
    shutil.rmtree(scratch, ignore_errors=True)
    return ContainerdConfig(
        root=paths.root,
        state=paths.state,
        socket=paths.socket,
        cni_conf_dir=paths.cni_conf_dir,
        cni_bin_dir=cni_bin_dir(),
        sandbox_image=sandbox_image,
        snapshotter="overlayfs" if overlay else "native",
        restrict_oom_score_adj=not has_capability(
            Path("/proc/self/status").read_text(), _CAP_SYS_RESOURCE
        ),
        apparmor=Path("/sys/kernel/security/apparmor/profiles").exists()
        and command.which("apparmor_parser") is not None,
        registry_dir=str(paths.data / "registries"),
    )


class Containerd:
    """The private containerd of one cluster on one host."""

    def __init__(
        self, paths: ContainerdPaths, *, sandbox_image: str, cgroup_parent: str = ""
    ) -> None:
        self.paths = paths
        self._sandbox_image = sandbox_image
        self._cgroup_parent = cgroup_parent

    async def start(self) -> RuntimeVersion:
        """Return once containerd answers, having started it if it did not run.

        One that runs with another configuration is started anew; its containers go on. Raises
        ContainerdError.
        """
        await self._check_version()
        config = self._prepare()
        process = self._find()
        if process is not None and self._wants_restart(config):
            await asyncio.to_thread(processes.end, process, grace=_STOP)
            process = None
        if process is not None:
            try:
                return await self._answering(process)
            except ContainerdError as error:
                # One that hangs would hang for every start to come.
                _LOG.warning("%s; it is started anew", error)
                await asyncio.to_thread(processes.end, process, grace=_STOP)
        self.paths.config.write_text(render(config))
        return await self._answering(self._launch())

    async def keep(self, clock: Clock) -> None:
        """Start containerd again whenever it has ended, until cancelled; the containers go on."""
        backoff = Backoff(initial=_LOOK, maximum=30.0)
        began = clock.monotonic()
        while True:
            await clock.sleep(_LOOK)
            if processes.load(self.paths.pid) is not None:
                if clock.monotonic() - began > _STEADY:
                    backoff.reset()
                continue
            _LOG.warning("containerd has ended (%s), starting it again", self._last_words())
            try:
                await self.start()
            except (ContainerdError, command.CommandError, OSError) as error:
                _LOG.error("containerd cannot be started: %s", error)
            began = clock.monotonic()
            await clock.sleep(backoff.next())

    def snapshotter(self) -> str:
        """Return the snapshotter that the running containerd was configured with."""
        found = re.search(r'^snapshotter = "(.*)"$', self.paths.config.read_text(), re.MULTILINE)
        return found[1] if found else "overlayfs"

    async def import_image(self, archive: Path, *names: str) -> None:
        """Import an image archive and return once the CRI lists the names."""
        await import_archive(
            archive, socket=self.paths.socket, snapshotter=self.snapshotter(), namespace=NAMESPACE
        )
        runtime = CriRuntime(self.paths.socket)
        try:
            for name in names:
                await wait_for_image(runtime, name)
        finally:
            await runtime.close()

    async def stop(self) -> None:
        """End containerd; the containers go on and are found again at the next start."""
        process = self._find()
        if process is not None:
            await asyncio.to_thread(processes.end, process, grace=_STOP)
        self.paths.pid.unlink(missing_ok=True)
        self.paths.socket.unlink(missing_ok=True)

    async def destroy(self, *, keep_images: bool = False) -> None:
        """Remove all pods and containers, end containerd and remove its directories.

        `keep_images` leaves the data directory, so that the next start need not fetch them again.

        Pods are taken down through containerd as long as it answers, so that the network plug-ins
        undo their work; what is left after that is killed and unmounted. The control groups under
        the cgroup parent, if one was named, go too.
        """
        if self._find() is None and self.paths.config.exists():
            with contextlib.suppress(ContainerdError, command.CommandError):
                await self.start()
        with contextlib.suppress(RuntimeCallError, TimeoutError):
            async with asyncio.timeout(120):
                await self._remove_pods()
        await self.stop()
        await asyncio.to_thread(self._remove_rest, keep_images=keep_images)

    async def _check_version(self) -> None:
        said = await command.run("containerd", ["--version"])
        command.required("runc")
        version = parse_version(said.decode())
        if version is not None and version[:2] < _OLDEST:
            oldest = ".".join(map(str, _OLDEST))
            raise ContainerdError(f"containerd {oldest} or newer is needed, not: {said.decode()}")

    def _prepare(self) -> ContainerdConfig:
        if len(os.fsencode(self.paths.socket)) > _LONGEST_SOCKET:
            raise ContainerdError(
                f"{self.paths.socket} is too long for a socket; choose a shorter run directory"
            )
        for directory in (self.paths.data, self.paths.run):
            directory.mkdir(parents=True, exist_ok=True, mode=0o711)
        for directory in (self.paths.cni_conf_dir, self.paths.data / "registries"):
            directory.mkdir(exist_ok=True)
        return describe_host(self.paths, sandbox_image=self._sandbox_image)

    def _find(self) -> processes.Process | None:
        """Return our containerd if it runs, even if we died before we wrote down its number.

        A second one on the same root would wait for ever for the first one's database.
        """
        process = processes.load(self.paths.pid)
        if process is None:
            ours = ["--config", str(self.paths.config)]
            found = (p for p in processes.running() if processes.command_line(p)[1:] == ours)
            process = next((p for p in found if p.is_alive()), None)
            if process is not None:
                processes.save(process, self.paths.pid)
        return process

    def _wants_restart(self, config: ContainerdConfig) -> bool:
        try:
            return self.paths.config.read_text() != render(config)
        except OSError:
            return True

    def _launch(self) -> processes.Process:
        self.paths.socket.unlink(missing_ok=True)
        self.paths.log.unlink(missing_ok=True)
        arguments = [command.required("containerd"), "--config", str(self.paths.config)]
        process = processes.start_detached(
            arguments, log=self.paths.log, environment=command.environment()
        )
        processes.save(process, self.paths.pid)
        return process

    async def _answering(self, process: processes.Process) -> RuntimeVersion:
        """Wait until the CRI answers: its socket is there before its plug-ins are."""
        runtime = CriRuntime(self.paths.socket, deadline=5.0)
        try:
            async with asyncio.timeout(_START):
                while True:
                    try:
                        return await runtime.version()
                    except RuntimeCallError:
                        if not process.is_alive():
                            raise ContainerdError(
                                f"containerd ended at once: {self._last_words()}"
                            ) from None
                        await asyncio.sleep(0.05)
        except TimeoutError:
            raise ContainerdError(
                f"containerd did not answer within {_START:.0f} s; see {self.paths.log}"
            ) from None
        finally:
            await runtime.close()

    def _last_words(self) -> str:
        try:
            lines = self.paths.log.read_text(errors="replace").splitlines()
        except OSError:
            return "it left no log"
        return lines[-1] if lines else "it left no log"

    async def _remove_pods(self) -> None:
        runtime = CriRuntime(self.paths.socket)
        try:
            found = await runtime.sandboxes()
            async with asyncio.TaskGroup() as group:
                for sandbox in found:
                    group.create_task(_remove_pod(runtime, sandbox.id))
        finally:
            await runtime.close()

    def _remove_rest(self, *, keep_images: bool) -> None:
        """Kill and unmount whatever containerd has left, and remove its directories."""
        shims = [p for p in processes.running() if self._is_shim(p)]
        for shim in shims:
            # What is below a shim first: once it has died, its children are somebody else's.
            for process in [*processes.descendants(shim), shim]:
                process.send(signal.SIGKILL)
        for shim in shims:
            processes.wait(shim, timeout=5.0)
        self._remove_traces()
        for directory in (self.paths.run, self.paths.data):
            mount_table.unmount_below(directory)
            if directory == self.paths.run or not keep_images:
                shutil.rmtree(directory, ignore_errors=True)
        if self._cgroup_parent:
            cgroup_tree.remove(self._cgroup_parent)

    def _is_shim(self, process: processes.Process) -> bool:
        words = processes.command_line(process)
        return bool(
            words
            and Path(words[0]).name.startswith("containerd-shim")
            and str(self.paths.socket) in words
        )

    def _remove_traces(self) -> None:
        """Remove what lies outside of our directories of pods that nobody took down.

        These are the sockets of shims that were killed, and what the network library remembers
        of the pods' loopback interfaces.
        """
        tasks = self.paths.state / "io.containerd.runtime.v2.task" / NAMESPACE
        for task in tasks.glob("*"):
            with contextlib.suppress(OSError):
                Path((task / "address").read_text().removeprefix("unix://")).unlink()
            cni.forget_results(f"cni-loopback-{task.name}")


async def _remove_pod(runtime: CriRuntime, sandbox_id: str) -> None:
    # One that resists must not keep the others from going; it is killed afterwards.
    with contextlib.suppress(RuntimeCallError):
        await runtime.stop_sandbox(sandbox_id)
        await runtime.remove_sandbox(sandbox_id)
