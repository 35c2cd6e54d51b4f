"""What the runtime is told to make a Pod's sandbox. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinnace.node.hosts import ClusterNames, dns_config, uts_hostname
from pinnace.node.labels import pod_labels
from pinnace.node.podspec import (
    all_declared,
    is_host_network,
    name_of,
    namespace_of,
    sysctls,
    uid_of,
)
from pinnace.node.resources.limits import pod_resources
from pinnace.node.runtime import DNSConfig, PortMapping, SandboxConfig
from pinnace.node.security import sandbox_security


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """What is the same for all Pods of this node."""

    name: str
    names: ClusterNames
    dns: DNSConfig
    log_dir: Path
    root_dir: Path
    memory: int = 0


def log_directory(log_dir: Path, pod: Mapping[str, Any]) -> Path:
    """Return the directory of a Pod's logs: `<namespace>_<name>_<uid>`."""
    return log_dir / f"{namespace_of(pod)}_{name_of(pod)}_{uid_of(pod)}"


def _ports(pod: Mapping[str, Any]) -> list[PortMapping]:
    if is_host_network(pod):
        return []
    return [
        PortMapping(
            container_port=int(port["containerPort"]),
            host_port=int(port["hostPort"]),
            protocol=port.get("protocol") or "TCP",
            host_ip=port.get("hostIP") or "",
        )
        for one in all_declared(pod)
        for port in one.spec.get("ports") or ()
        if port.get("hostPort")
    ]


def sandbox_config(
    pod: Mapping[str, Any],
    settings: NodeSettings,
    *,
    attempt: int,
    cgroup_parent: str,
    runtime_handler: str = "",
) -> SandboxConfig:
    """Return the sandbox's configuration; raises ConfigError for what cannot be had."""
    return SandboxConfig(
        name=name_of(pod),
        namespace=namespace_of(pod),
        uid=uid_of(pod),
        attempt=attempt,
        hostname="" if is_host_network(pod) else uts_hostname(pod, settings.names),
        log_directory=str(log_directory(settings.log_dir, pod)),
        dns=dns_config(pod, settings.names, settings.dns),
        ports=_ports(pod),
        labels=pod_labels(pod, settings.name),
        annotations=dict(pod["metadata"].get("annotations") or {}),
        cgroup_parent=cgroup_parent,
        security=sandbox_security(pod),
        sysctls=sysctls(pod),
        resources=pod_resources(pod),
        runtime_handler=runtime_handler,
    )
