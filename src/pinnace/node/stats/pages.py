"""The kubelet's pages of metrics and statistics."""

from collections.abc import Callable, Mapping
from pathlib import Path

import orjson
from aiohttp import web

from pinnace.kit.clock import Clock
from pinnace.node.config import KubeletConfig
from pinnace.node.kubelet import Kubelet
from pinnace.node.resources.cgroups import pod_cgroup
from pinnace.node.runtime import Runtime
from pinnace.node.stats.cadvisor import cadvisor_metrics
from pinnace.node.stats.disks import DiskUse
from pinnace.node.stats.exposition import CONTENT_TYPE, Family, rendered
from pinnace.node.stats.machine import read
from pinnace.node.stats.probes import probe_metrics
from pinnace.node.stats.resource import resource_metrics
from pinnace.node.stats.sampler import Sampler, Wanted
from pinnace.node.stats.snapshot import Rates, Snapshot
from pinnace.node.stats.summary import summary
from pinnace.node.stats.usage import Groups

_SYS_DEVICES = Path("/sys/dev/block")


def _text(body: str) -> web.Response:
    return web.Response(body=body.encode(), headers={"Content-Type": CONTENT_TYPE})


def _device_names(snapshot: Snapshot) -> Mapping[str, str]:
    """Return the names of the block devices that anything in a snapshot has used."""
    numbers = {each.device for each in snapshot.machine.usage.devices}
    for pod in snapshot.pods:
        for use in (pod.usage, *(one.usage for one in pod.containers)):
            numbers |= {each.device for each in (use.devices if use is not None else ())}
    found = {}
    for number in numbers:
        facts = dict(
            line.partition("=")[::2] for line in read(_SYS_DEVICES / number / "uevent").splitlines()
        )
        found[number] = f"/dev/{facts['DEVNAME']}" if "DEVNAME" in facts else ""
    return found


class StatsPages:
    """Answers with what a kubelet's Pods use; nothing is looked at before somebody asks."""

    def __init__(
        self,
        config: KubeletConfig,
        clock: Clock,
        runtime: Runtime,
        kubelet: Callable[[], Kubelet],
        *,
        groups: Groups | None = None,
        root: Path = Path("/"),
    ) -> None:
        self._kubelet = kubelet
        self._cgroup_root = config.cgroup_root if config.cgroups else ""
        self._sampler = Sampler(
            config.node_name,
            config.root_dir,
            self._cgroup_root,
            clock,
            runtime,
            groups=groups,
            root=root,
        )
        self._disks = DiskUse(config.root_dir, clock, runtime)

    def add_to(self, app: web.Application) -> None:
        """Add the pages to an application."""
        app.router.add_get("/metrics", self._general)
        app.router.add_get("/metrics/resource", self._resource)
        app.router.add_get("/metrics/cadvisor", self._cadvisor)
        app.router.add_get("/metrics/probes", self._probes)
        for method in ("GET", "POST"):
            app.router.add_route(method, "/stats/summary", self._summary)

    async def _take(self) -> tuple[Snapshot, Rates]:
        root = self._cgroup_root
        return await self._sampler.take(
            Wanted(
                each.state.pod,
                each.state.seen,
                pod_cgroup(each.state.pod, root) if root else "",
            )
            for each in self._kubelet().workers.values()
        )

    async def _general(self, request: web.Request) -> web.StreamResponse:
        workers = self._kubelet().workers.values()
        pods = Family(
            "kubelet_running_pods", "[BETA] Number of pods that have a running pod sandbox"
        )
        pods.add(sum(1 for each in workers if each.state.seen.ready_sandbox()))
        containers = Family(
            "kubelet_running_containers", "[BETA] Number of containers currently running"
        )
        running = sum(len(each.state.seen.running()) for each in workers)
        containers.add(running, {"container_state": "running"})
        return _text(rendered([pods, containers]))

    async def _resource(self, request: web.Request) -> web.StreamResponse:
        snapshot, _ = await self._take()
        return _text(resource_metrics(snapshot))

    async def _cadvisor(self, request: web.Request) -> web.StreamResponse:
        snapshot, _ = await self._take()
        return _text(cadvisor_metrics(snapshot, _device_names(snapshot)))

    async def _probes(self, request: web.Request) -> web.StreamResponse:
        tallies = [each.probed for each in self._kubelet().workers.values()]
        return _text(probe_metrics(tallies))

    async def _summary(self, request: web.Request) -> web.StreamResponse:
        snapshot, rates = await self._take()
        brief = request.query.getall("only_cpu_and_memory", []) == ["true"]
        disks = None if brief else await self._disks.take(snapshot)
        body = orjson.dumps(summary(snapshot, rates, disks), option=orjson.OPT_INDENT_2)
        return web.Response(body=body, content_type="application/json")
