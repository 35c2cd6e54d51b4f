"""Whether this node takes a Pod that was bound to it. Pure.

The scheduler has checked the same before; this catches Pods that were bound by hand, and races.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pinnace.api.amounts import PODS, amount, pod_requests
from pinnace.api.nodeaffinity import fits_node
from pinnace.api.taints import is_tolerated
from pinnace.node.podspec import all_declared, is_host_network, sysctls

_OUT_OF = {
    "cpu": "OutOfcpu",
    "memory": "OutOfmemory",
    "ephemeral-storage": "OutOfephemeral-storage",
    "pods": "OutOfpods",
}
SAFE_SYSCTLS = (
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
)  # fmt: skip

Pod = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a Pod is not taken."""

    reason: str
    message: str


def _predicate(name: str, why: str) -> Refusal:
    return Refusal(name, f"Predicate {name} failed: {why}")


def host_ports(pod: Pod) -> set[tuple[str, str, int]]:
    """Return the ports of the node that a Pod takes: address, protocol, number."""
    taken = set()
    for one in all_declared(pod):
        if one.role == "init" and not one.sidecar:
            continue
        for port in one.spec.get("ports") or ():
            number = port.get("hostPort") or (port["containerPort"] if is_host_network(pod) else 0)
            if number:
                address = port.get("hostIP") or "0.0.0.0"
                taken.add((address, port.get("protocol") or "TCP", int(number)))
    return taken


def ports_conflict(mine: Iterable[tuple[str, str, int]], others: Any) -> bool:
    """Say whether two sets of ports collide; an address of all addresses collides with each."""
    return any(
        protocol == other_protocol
        and number == other_number
        and (address == other_address or "0.0.0.0" in (address, other_address))
        for address, protocol, number in mine
        for other_address, other_protocol, other_number in others
    )


def _lacks(pod: Pod, others: Sequence[Pod], node: Mapping[str, Any]) -> Refusal | None:
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    room = amount(PODS, allocatable.get(PODS, "110"))
    if len(others) + 1 > room:
        return _insufficient("pods", 1, len(others), room)
    wanted, running = pod_requests(pod), [pod_requests(each) for each in others]
    for name, text in allocatable.items():
        asked = wanted.get(name, 0) if name != PODS else 0
        if not asked:
            continue
        capacity, used = amount(name, text), sum(each.get(name, 0) for each in running)
        if asked + used > capacity:
            return _insufficient(name, asked, used, capacity)
    return None


def _insufficient(name: str, asked: int, used: int, capacity: int) -> Refusal:
    return Refusal(
        _OUT_OF.get(name, f"OutOf{name}"),
        f"Node didn't have enough resource: {name}, requested: {asked}, used: {used}, "
        f"capacity: {capacity}",
    )


def refusal(pod: Pod, others: Sequence[Pod], node: Mapping[str, Any]) -> Refusal | None:
    """Return why this node does not take a Pod besides the others that run here, or None."""
    if (pod["spec"].get("os") or {}).get("name", "linux") != "linux":
        return Refusal(
            "PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"
        )
    for sysctl in sysctls(pod):
        if sysctl not in SAFE_SYSCTLS:
            return Refusal("SysctlForbidden", f'forbidden sysctl: "{sysctl}" not allowlisted')
    lacking = _lacks(pod, others, node)
    if lacking is not None:
        return lacking
    if not fits_node(pod["spec"], node):
        return _predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
    taken = [port for each in others for port in host_ports(each)]
    if ports_conflict(host_ports(pod), taken):
        return _predicate("NodePorts", "node(s) didn't have free ports for the requested pod ports")
    for taint in (node["spec"].get("taints") or ()) if "spec" in node else ():
        if taint.get("effect") == "NoExecute" and not is_tolerated(
            taint, pod["spec"].get("tolerations")
        ):
            return _predicate("TaintToleration", "node(s) had taints that the pod didn't tolerate")
    return None
