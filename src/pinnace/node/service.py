"""The kubelet as a service: everything of this room put together."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AsyncExitStack

from pinnace.api.kinds.core import PODS, SERVICES
from pinnace.client.base import Client, Informers
from pinnace.client.events import EventRecorder
from pinnace.kit.clock import Clock
from pinnace.node.config import KubeletConfig
from pinnace.node.downward import Facts
from pinnace.node.ground import Ground, pod_facts
from pinnace.node.hosts import ClusterNames, usable_resolv
from pinnace.node.kubelet import Kubelet
from pinnace.node.lifecycle import Hooks
from pinnace.node.logrotation import keep_rotating
from pinnace.node.lookups import Lookups
from pinnace.node.messages import Messages
from pinnace.node.mounts import LinuxMounts, Mounts, PlainMounts
from pinnace.node.observer import Observer
from pinnace.node.registration import Registration
from pinnace.node.resources.cgroups import Cgroups
from pinnace.node.runtime import DNSConfig, Runtime
from pinnace.node.sandboxconfig import NodeSettings
from pinnace.node.server import KubeletServer, listen
from pinnace.node.supply import NodeSupply
from pinnace.node.volumes.mounting import PodVolumes
from pinnace.node.volumes.table import VOLUMES


def _node_dns(config: KubeletConfig) -> DNSConfig:
    try:
        return usable_resolv(config.resolv_conf.read_text(encoding="utf-8"))
    except OSError:
        return DNSConfig()


def _settings(config: KubeletConfig) -> NodeSettings:
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return NodeSettings(
        name=config.node_name,
        names=ClusterNames(config.cluster_domain, config.cluster_dns),
        dns=_node_dns(config),
        log_dir=config.log_dir,
        root_dir=config.root_dir,
        memory=pages * size,
    )


def _ground(
    client: Client,
    informers: Informers,
    clock: Clock,
    config: KubeletConfig,
    runtime: Runtime,
    registration: Registration,
    recorder: EventRecorder,
    mounts: Mounts,
) -> Ground:
    lookups = Lookups(client, clock)

    def facts() -> Facts:
        return pod_facts((), config.addresses, registration.node)

    supply = NodeSupply(lookups, runtime, clock, mounts, facts)
    messages = Messages(config.root_dir)
    return Ground(
        client=client,
        clock=clock,
        runtime=runtime,
        observer=Observer(runtime, config.node_name, messages.read),
        volumes=PodVolumes(config.root_dir, supply, VOLUMES),
        cgroups=Cgroups(config.cgroup_root, enabled=config.cgroups),
        lookups=lookups,
        hooks=Hooks(runtime, clock),
        recorder=recorder,
        settings=_settings(config),
        host_ips=config.addresses,
        services=informers.informer(SERVICES),
        node=lambda: registration.node,
    )


async def run_kubelet(
    client: Client,
    informers: Informers,
    clock: Clock,
    config: KubeletConfig,
    runtime: Runtime,
    *,
    mounts: Mounts | None = None,
    ready: Callable[[], None] | None = None,
) -> None:
    """Be this machine's node until cancelled; containers that run then go on running.

    `mounts` stands in for the kernel's in tests. `ready` is called once the Node is registered,
    the server listens and the node's Pods are known.
    """
    recorder = EventRecorder(client, clock, component="kubelet", host=config.node_name)
    chosen = mounts or (LinuxMounts() if os.geteuid() == 0 else PlainMounts())
    async with AsyncExitStack() as stack:
        server = KubeletServer(config, clock, runtime, client)
        listener = await listen(server, config)
        stack.push_async_callback(listener.close)
        registration = Registration(client, clock, config, runtime, recorder, port=listener.port)
        ground = _ground(client, informers, clock, config, runtime, registration, recorder, chosen)
        pods = informers.informer(PODS, field_selector=f"spec.nodeName={config.node_name}")
        kubelet = Kubelet(ground, pods)
        server.serve(kubelet)
        async with asyncio.TaskGroup() as group:
            group.create_task(recorder.run(), name="kubelet events")
            await registration.register()
            await ground.services.wait_synced()
            group.create_task(registration.keep_lease(), name="kubelet lease")
            group.create_task(registration.keep_reporting(), name="kubelet node status")
            group.create_task(kubelet.run(), name="kubelet pods")
            group.create_task(keep_rotating(kubelet, runtime, clock), name="kubelet log rotation")
            await pods.wait_synced()
            if ready is not None:
                ready()
