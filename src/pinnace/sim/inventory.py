"""What the simulated nodes hold: which pods, with which addresses, and how much is used."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pinnace.api.amounts import PODS, Amounts, amount, pod_requests
from pinnace.api.objects import Object

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_KUBELETS = {
    "cpu": "OutOfcpu",
    "memory": "OutOfmemory",
    "ephemeral-storage": "OutOfephemeral-storage",
    "pods": "OutOfpods",
}


@dataclass(frozen=True, slots=True)
class _Held:
    asked: Amounts
    ips: tuple[str, ...]


@dataclass(slots=True)
class Range:
    """Hands out the addresses of a network in turn, so that one is not used again at once."""

    network: Network
    next: int = 1
    used: set[str] = field(default_factory=set)

    def take(self) -> str:
        """Return a free address; the network's own and the last one are never given."""
        size = self.network.num_addresses
        for _ in range(min(size, 1 << 16)):
            at = self.next
            self.next = at + 1 if at + 2 < size else 1
            ip = str(self.network[at])
            if ip not in self.used:
                self.used.add(ip)
                return ip
        return ""


@dataclass(slots=True)
class PlayedNode:
    """A Node that is played, and its pods by uid."""

    node: Object
    spare: Range
    ranges: list[Range] = field(default_factory=list)
    held: dict[str, _Held] = field(default_factory=dict)
    used: Amounts = field(default_factory=dict)
    allocatable: Amounts = field(default_factory=dict)

    def update(self, node: Object) -> None:
        """Take over a Node as it is now."""
        self.node = node
        given = (node.get("status") or {}).get("allocatable") or {}
        self.allocatable = {name: amount(name, text) for name, text in given.items()}
        cidrs = node["spec"].get("podCIDRs") or ()
        if not self.ranges and cidrs:
            self.ranges = [Range(ipaddress.ip_network(cidr)) for cidr in cidrs]
            for ip in [ip for held in self.held.values() for ip in held.ips]:
                self._mark(ip)

    def refusal(self, pod: Object) -> tuple[str, str] | None:
        """Return the kubelet's reason and message if the node lacks what the pod asks for."""
        asked = {PODS: 1, **pod_requests(pod)}
        for name, wanted in asked.items():
            used = len(self.held) if name == PODS else self.used.get(name, 0)
            capacity = self.allocatable.get(name, 0)
            if wanted and used + wanted > capacity:
                return (
                    _KUBELETS.get(name, f"OutOf{name}"),
                    f"Node didn't have enough resource: {name}, requested: {wanted}, "
                    f"used: {used}, capacity: {capacity}",
                )
        return None

    def hold(self, pod: Object, ips: Iterable[str] = ()) -> tuple[str, ...]:
        """Count a pod, give it addresses unless it brings some; return them."""
        uid = pod["metadata"].get("uid", "")
        known = self.held.get(uid)
        if known is not None:
            return known.ips
        asked = pod_requests(pod)
        for name, value in asked.items():
            self.used[name] = self.used.get(name, 0) + value
        given = tuple(ips) or self._addresses(pod)
        for ip in given:
            self._mark(ip)
        self.held[uid] = _Held(asked, given)
        return given

    def drop(self, uid: str) -> None:
        """Forget a pod that has ended or is gone."""
        held = self.held.pop(uid, None)
        if held is None:
            return
        for name, value in held.asked.items():
            self.used[name] -= value
        for each in (*self.ranges, self.spare):
            each.used.difference_update(held.ips)

    def _addresses(self, pod: Object) -> tuple[str, ...]:
        if pod["spec"].get("hostNetwork"):
            return ()
        taken = tuple(each.take() for each in self.ranges or (self.spare,))
        return tuple(ip for ip in taken if ip)

    def _mark(self, ip: str) -> None:
        for each in (*self.ranges, self.spare):
            each.used.add(ip)


def reported_ips(status: Mapping[str, object]) -> tuple[str, ...]:
    """Return the addresses that a pod has already."""
    found = status.get("podIPs")
    return tuple(each["ip"] for each in found) if isinstance(found, list) else ()
