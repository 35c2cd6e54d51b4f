"""This machine's node, on a private containerd."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime

from pinnace.api.kinds.core import NODES
from pinnace.api.objects import Key, Object, condition
from pinnace.client.kubeconfig import Config
from pinnace.cluster.components.base import Place
from pinnace.cluster.config import ClusterConfig, ConfigError
from pinnace.cluster.credentials import config_for
from pinnace.cluster.nodehost import NodeHost
from pinnace.cluster.pki import ensure_kubelet
from pinnace.cluster.surroundings import Ready, Surroundings
from pinnace.kit.x509 import KeyPair
from pinnace.node import cni
from pinnace.node.command import CommandError
from pinnace.node.config import KubeletConfig
from pinnace.node.containerd import ContainerdError
from pinnace.node.images.elf import NotStatic
from pinnace.node.service import run_kubelet


async def run(place: Place, around: Surroundings, ready: Ready) -> None:
    """Run the node of a data directory's cluster."""
    config = place.config
    directory = config.data_dir / "pki"
    pair = ensure_kubelet(directory, place.pki.authority, config, datetime.now(UTC))
    await keep_node(around, config_for(config, place.pki, pair), config, pair, ready=ready)


async def keep_node(
    around: Surroundings,
    connection: Config,
    config: ClusterConfig,
    serving: KeyPair,
    *,
    ready: Ready,
) -> None:
    """Run this machine as a node; it is ready when its Node is Ready and its network stands.

    Raises ConfigError, in one line, when the machine lacks what containers need.
    """
    if os.geteuid() != 0:
        raise ConfigError("a real node needs root (see `pinnace doctor`)")
    host = NodeHost(config)
    private = host.runtime()
    try:
        runtime = await private.start()
    except (ContainerdError, CommandError, NotStatic) as error:
        raise ConfigError(f"containers cannot run here: {error}") from error
    around.stack.push_async_callback(runtime.close)
    informers = await around.informers(connection)
    nodes = informers.informer(NODES, field_selector=f"metadata.name={config.node_name}")

    def node() -> Object:
        return nodes.get(Key("", config.node_name)) or {}

    async with asyncio.TaskGroup() as group:
        group.create_task(private.containerd.keep(around.clock))
        group.create_task(
            run_kubelet(
                around.client(connection, component="kubelet"),
                informers,
                around.clock,
                _settings(config, host, serving, connection.ca),
                runtime,
            )
        )
        await nodes.wait_synced()
        given = await _until(lambda: (node().get("spec") or {}).get("podCIDR"), around)
        network = host.runtime(given).network()
        if given != host.first_pod_cidr:
            await cni.set_up(network, private.containerd.paths.cni_conf_dir)
        group.create_task(cni.keep(network, around.clock))
        await _until(lambda: "yes" if _is_ready(node()) else None, around)
        ready()


def _settings(
    config: ClusterConfig, host: NodeHost, serving: KeyPair, client_ca: bytes
) -> KubeletConfig:
    return KubeletConfig(
        node_name=config.node_name,
        root_dir=host.root_dir,
        log_dir=host.pod_log_dir,
        addresses=(config.advertise,),
        tls=serving,
        client_ca=client_ca,
        cluster_domain=config.domain,
        cluster_dns=(config.dns_ip,),
        cgroup_root=host.cgroup_parent,
    )


async def _until(look: Callable[[], str | None], around: Surroundings) -> str:
    while not (found := look()):
        await around.clock.sleep(0.05)
    return found


def _is_ready(node: Object) -> bool:
    return (condition(node, "Ready") or {}).get("status") == "True"
