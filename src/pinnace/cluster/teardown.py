"""Takes a real node's traces off this machine: containers, network, rules, mounts."""

import os
import shutil
from collections.abc import AsyncIterator

from pinnace.api.errors import ServiceUnavailable
from pinnace.cluster.config import ClusterConfig, ConfigError
from pinnace.cluster.nodehost import NodeHost
from pinnace.node import mount_table
from pinnace.node.command import CommandError
from pinnace.node.containerd import ContainerdError
from pinnace.proxy import nft
from pinnace.proxy.ruleset import remove


async def stop_node(config: ClusterConfig) -> list[str]:
    """Stop the Pods of this machine and remove what they used; return what was done.

    Data (objects, certificates, images) stays. Raises ConfigError if something cannot be removed.
    """
    host = NodeHost(config)
    if not (config.data_dir / "containerd").exists():
        return []
    if os.geteuid() != 0:
        raise ConfigError("only root can stop this cluster's Pods: run `pinnace down` as root")
    return [line async for line in _steps(host)]


async def _steps(host: NodeHost) -> AsyncIterator[str]:
    try:
        await host.runtime().destroy(keep_images=True)
        yield "stopped the Pods and their containerd, removed their network"
        tables = nft.find()
        tables.run(remove(host.service_table))
        tables.close()
        yield "removed the Services' rules"
        for directory in (host.root_dir, host.run_dir, host.pod_log_dir):
            mount_table.unmount_below(directory)
            # The Pods' volumes hold their Secrets: they go with the Pods, and their logs do.
            shutil.rmtree(directory, ignore_errors=True)
    except (ContainerdError, CommandError, ServiceUnavailable, OSError) as error:
        raise ConfigError(f"the node's traces are not all removed: {error}") from error
