"""Everything real containers need on one host, in one piece: up, down, and away.

The order of `start` is law: the network's configuration is there before containerd looks for it,
containerd before images are imported, and the pause image before the first sandbox.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pinnace.node import cni, command, host_setup
from pinnace.node.cni import Network
from pinnace.node.containerd import Containerd, ContainerdPaths, cni_bin_dir
from pinnace.node.cri.client import CriRuntime
from pinnace.node.images import builtin
from pinnace.node.images.elf import NotStatic

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateRuntimeConfig:
    """What tells one cluster's runtime from another's on the same host.

    `name` goes into the names of the network and its rules; `bridge` is at most 15 characters.
    `busybox_names` are further names of the busybox image, for manifests that want it by another.
    """

    name: str
    data: Path
    run: Path
    bridge: str
    pod_cidrs: Sequence[str]
    cluster_cidrs: Sequence[str] = ()
    cgroup_parent: str = ""
    mtu: int = 0
    busybox_names: Sequence[str] = ()


class PrivateRuntime:
    """A containerd of our own with its network and its first images."""

    def __init__(self, config: PrivateRuntimeConfig) -> None:
        self._config = config
        self.containerd = Containerd(
            ContainerdPaths(data=config.data / "containerd", run=config.run),
            sandbox_image=builtin.PAUSE,
            cgroup_parent=config.cgroup_parent,
        )

    @property
    def socket(self) -> Path:
        """Where the CRI is served."""
        return self.containerd.paths.socket

    def network(self) -> Network:
        """Return the pods' network as this host can have it; raises ContainerdError."""
        config = self._config
        return Network(
            name=config.name,
            bridge=config.bridge,
            pod_cidrs=config.pod_cidrs,
            cluster_cidrs=config.cluster_cidrs,
            state_dir=config.data / "leases",
            mtu=config.mtu,
            host_ports=cni.host_ports_backend(
                cni_bin_dir() / "portmap", iptables=command.which("iptables") is not None
            ),
        )

    async def start(self) -> CriRuntime:
        """Return a runtime that is ready for pods; the caller closes it.

        What runs already is taken over. Raises ContainerdError, CommandError or NotStatic, each
        with one line for people.
        """
        network = self.network()
        ipv6 = any(":" in cidr for cidr in network.pod_cidrs)
        for problem in await host_setup.prepare(ipv6=ipv6):
            _LOG.warning("%s", problem)
        await cni.set_up(network, self.containerd.paths.cni_conf_dir)
        await self.containerd.start()
        runtime = CriRuntime(self.socket)
        try:
            await self._import_images(runtime)
        except BaseException:
            await runtime.close()
            raise
        return runtime

    async def stop(self) -> None:
        """End containerd; the containers go on."""
        await self.containerd.stop()

    async def destroy(self, *, keep_images: bool = False) -> None:
        """Remove the pods, containerd, the network, and what they kept on disk but the images."""
        network = self.network()
        await self.containerd.destroy(keep_images=keep_images)
        await cni.clean_up(network)

    async def _import_images(self, runtime: CriRuntime) -> None:
        pause = (builtin.PAUSE,)
        busybox = (builtin.BUSYBOX, *self._config.busybox_names)
        await self._import_missing(runtime, builtin.build_pause, "pause", pause)
        try:
            await self._import_missing(runtime, builtin.build_busybox, "busybox", busybox)
        except NotStatic as failure:
            # Pods that name it will say that they cannot pull it; all others run.
            _LOG.warning("no image %s: %s", builtin.BUSYBOX, failure)

    async def _import_missing(
        self,
        runtime: CriRuntime,
        build: Callable[..., None],
        title: str,
        names: tuple[str, ...],
    ) -> None:
        if all([await runtime.image_status(name) is not None for name in names]):
            return
        archive = self.containerd.paths.data / f"{title}.tar"
        await asyncio.to_thread(build, archive, names=names)
        await self.containerd.import_image(archive, *names)
        archive.unlink(missing_ok=True)
