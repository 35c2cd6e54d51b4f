"""Each component as a coroutine that runs until it is cancelled, given its connection."""

import asyncio
import logging
from collections.abc import Callable

from pinnace.api.kinds.core import NODES
from pinnace.api.objects import Key
from pinnace.client.events import EventRecorder
from pinnace.client.kubeconfig import Config
from pinnace.client.leases import LeaderElector
from pinnace.cluster.config import ClusterConfig
from pinnace.cluster.hostnet import free_port
from pinnace.cluster.nodehost import NodeHost
from pinnace.cluster.surroundings import Ready, Surroundings
from pinnace.controllers.base import Config as ControllerConfig
from pinnace.controllers.runtime import run_controllers
from pinnace.dns.service import DnsConfig, run_dns
from pinnace.kit.x509 import KeyPair
from pinnace.node import cni
from pinnace.node.config import KubeletConfig
from pinnace.node.service import run_kubelet
from pinnace.proxy import nft
from pinnace.proxy.service import ProxyConfig, run_proxy
from pinnace.scheduler.service import SchedulerConfig, run_scheduler
from pinnace.sim.config import SimConfig
from pinnace.sim.service import run_sim

log = logging.getLogger(__name__)

DNS_PORT = 10053


async def controller_manager(
    around: Surroundings,
    connection: Config,
    *,
    pod_cidr: str,
    leader_elect: bool,
    identity: str,
    ready: Ready,
) -> None:
    """Run all controllers."""
    await run_controllers(
        around.client(connection, component="controller-manager"),
        await around.informers(connection),
        around.clock,
        leader_elect=leader_elect,
        identity=identity,
        config=ControllerConfig(root_ca=connection.ca.decode(), cluster_cidrs=(pod_cidr,)),
        ready=ready,
    )


async def scheduler(
    around: Surroundings,
    connection: Config,
    *,
    informers_of: Config | None,
    leader_elect: bool,
    identity: str,
    ready: Ready,
) -> None:
    """Run the scheduler; `informers_of` shares another component's informers."""
    client = around.client(connection, component="scheduler")
    informers = await around.informers(informers_of or connection)
    events = EventRecorder(client, around.clock, component="default-scheduler")

    async def lead() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(events.run())
            await run_scheduler(
                client, informers, around.clock, events, SchedulerConfig(), ready=ready
            )

    if leader_elect:
        elector = LeaderElector(client, around.clock, name="kube-scheduler", identity=identity)
        await elector.run(lead)
    else:
        await lead()


async def sim(around: Surroundings, connection: Config, *, nodes: int, ready: Ready) -> None:
    """Play kubelet for a number of simulated nodes."""
    await run_sim(
        around.client(connection, component="sim"),
        await around.informers(connection),
        around.clock,
        SimConfig(nodes=nodes),
        ready=ready,
    )


async def kubelet(
    around: Surroundings,
    connection: Config,
    config: ClusterConfig,
    *,
    serving: KeyPair,
    ready: Ready,
) -> None:
    """Run this machine's node on a private containerd.

    It is ready when its Node is Ready, its images are there and its network stands.
    """
    host = NodeHost(config)
    private = host.runtime()
    runtime = await private.start()
    around.stack.push_async_callback(runtime.close)
    client = around.client(connection, component="kubelet")
    informers = await around.informers(connection)
    settings = KubeletConfig(
        node_name=config.node_name,
        root_dir=host.root_dir,
        log_dir=host.pod_log_dir,
        addresses=(config.advertise,),
        tls=serving,
        client_ca=connection.ca,
        cluster_domain=config.domain,
        cluster_dns=(config.dns_ip,),
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(run_kubelet(client, informers, around.clock, settings, runtime))
        nodes = informers.informer(NODES, field_selector=f"metadata.name={config.node_name}")
        await nodes.wait_synced()
        range_ = await _until(lambda: _pod_cidr(nodes.get(Key("", config.node_name))), around)
        if range_ != host.first_pod_cidr:
            network = host.runtime(range_).network()
            await cni.set_up(network, private.containerd.paths.cni_conf_dir)
        await _until(lambda: _is_ready(nodes.get(Key("", config.node_name))), around)
        ready()


async def _until(look: Callable[[], str], around: Surroundings) -> str:
    while not (found := look()):
        await around.clock.sleep(0.05)
    return found


def _pod_cidr(node: object) -> str:
    return str((node.get("spec") or {}).get("podCIDR") or "") if isinstance(node, dict) else ""


def _is_ready(node: object) -> str:
    if not isinstance(node, dict):
        return ""
    conditions = (node.get("status") or {}).get("conditions") or ()
    known = {entry["type"]: entry["status"] for entry in conditions}
    return "yes" if known.get("Ready") == "True" else ""


async def proxy(
    around: Surroundings,
    connection: Config,
    *,
    node: str,
    bridge: str,
    table: str,
    pod_cidr: str,
    service_cidr: str,
    ready: Ready,
) -> None:
    """Keep the Services' rules of this machine."""
    settings = ProxyConfig(
        node=node, table=table, bridge=bridge, pod_cidr=pod_cidr, service_cidr=service_cidr
    )
    await run_proxy(
        await around.informers(connection), around.clock, settings, nft.find(), ready=ready
    )


async def dns(
    around: Surroundings,
    connection: Config,
    *,
    config: DnsConfig,
    ready: Ready,
) -> None:
    """Answer the cluster's names."""
    await run_dns(
        around.client(connection, component="dns"),
        await around.informers(connection),
        around.clock,
        config,
        ready=ready,
    )


def dns_config(config: ClusterConfig) -> DnsConfig:
    """Return how the DNS of a data directory's cluster runs on this machine."""
    allowed = (config.pod_cidr, config.service_cidr, f"{config.advertise}/32", "127.0.0.0/8")
    return DnsConfig(
        domain=config.domain,
        host=config.advertise,
        port=free_port(config.advertise, DNS_PORT),
        cluster_ip=config.dns_ip,
        allowed=allowed,
        node=config.node_name,
    )
