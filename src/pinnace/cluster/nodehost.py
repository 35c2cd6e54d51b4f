"""What a real node occupies on this machine: names and paths, all from the cluster's own facts.

Everything carries the cluster's id, so that several clusters, a user's own containerd and Docker
stay apart, and so that nothing is forgotten when the node is taken down.
"""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from pinnace.cluster.config import ClusterConfig
from pinnace.node.private_runtime import PrivateRuntime, PrivateRuntimeConfig


@dataclass(frozen=True, slots=True)
class NodeHost:
    """The places of one cluster's node."""

    config: ClusterConfig

    @property
    def run_dir(self) -> Path:
        """Sockets and mounts of running containers.

        A short path, since those of sockets are limited; and without our name, so that whoever
        kills all processes of that name does not hit containerd and the shims that Pods hang on.
        """
        return Path("/run") / f"pin-{self.config.cluster_id}"

    @property
    def root_dir(self) -> Path:
        """The kubelet's own directory: Pods' volumes."""
        return self.config.data_dir / "kubelet"

    @property
    def pod_log_dir(self) -> Path:
        """Where containers' output goes."""
        return self.config.data_dir / "pod-logs"

    @property
    def bridge(self) -> str:
        """The Pods' bridge."""
        return f"pin-{self.config.cluster_id}"

    @property
    def service_table(self) -> str:
        """The nftables table of Services."""
        return f"pinnace_services_{self.config.cluster_id}"

    @property
    def cgroup_parent(self) -> str:
        """The control group under which all of the cluster's Pods are."""
        return f"/pinnace-{self.config.cluster_id}"

    def runtime(self, pod_cidr: str = "") -> PrivateRuntime:
        """Return the cluster's private containerd with its network.

        The Pods' range is the first /24 of the cluster's unless told, which the first node gets.
        """
        config = self.config
        return PrivateRuntime(
            PrivateRuntimeConfig(
                name=f"pinnace-{config.cluster_id}",
                data=config.data_dir,
                run=self.run_dir / "containerd",
                bridge=self.bridge,
                pod_cidrs=[pod_cidr or self.first_pod_cidr],
                cluster_cidrs=[config.pod_cidr],
                cgroup_parent=self.cgroup_parent,
            )
        )

    @property
    def first_pod_cidr(self) -> str:
        """The first /24 of the cluster's range."""
        return str(next(ipaddress.ip_network(self.config.pod_cidr).subnets(new_prefix=24)))
