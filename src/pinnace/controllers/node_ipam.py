"""Gives each node its part of the cluster's address range for its Pods.

What is taken is counted as nodes come and go, so that giving a part costs the same for the first
node and the ten thousandth.
"""

import ipaddress
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from pinnace.api.errors import NotFound
from pinnace.api.kinds.core import NODES
from pinnace.api.objects import Key, Object
from pinnace.controllers.base import Context, Controller

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# A full range stays full until nodes go; that is not looked for often.
_FULL = timedelta(minutes=5)


class Parts:
    """The equal parts of one range, each taken by so many nodes."""

    def __init__(self, cluster: Network, prefix: int) -> None:
        self._cluster = cluster
        self._prefix = prefix
        self._total = 1 << (prefix - cluster.prefixlen)
        self._taken: Counter[int] = Counter()
        self._next = 0

    def count(self, network: Network, sign: int) -> None:
        """Count the parts that overlap with a network as taken (1) or given back (-1)."""
        if network.version != self._cluster.version or not network.overlaps(self._cluster):
            return
        size = self._cluster.max_prefixlen - self._prefix
        base = int(self._cluster.network_address)
        first = max((int(network.network_address) - base) >> size, 0)
        last = min((int(network.broadcast_address) - base) >> size, self._total - 1)
        for number in range(first, last + 1):
            self._taken[number] += sign
            if self._taken[number] <= 0:
                del self._taken[number]

    def free(self) -> Network | None:
        """Return the next part that nobody has, or None; parts given back come last."""
        if len(self._taken) >= self._total:
            return None
        while self._next in self._taken:
            self._next = (self._next + 1) % self._total
        size = self._cluster.max_prefixlen - self._prefix
        start = int(self._cluster.network_address) + (self._next << size)
        return type(self._cluster)((start, self._prefix))


@dataclass(slots=True)
class State:
    """The ranges, and which node has which parts; it may not be in the cache yet."""

    ranges: list[Parts]
    given: dict[str, list[str]] = field(default_factory=dict)
    seeded: bool = False

    def take(self, node: str, texts: Iterable[str]) -> None:
        """Note that a node has these parts."""
        self.give_back(node)
        self.given[node] = list(texts)
        self._count(self.given[node], 1)

    def give_back(self, node: str) -> None:
        """Note that a node is gone."""
        self._count(self.given.pop(node, ()), -1)

    def _count(self, texts: Iterable[str], sign: int) -> None:
        for text in texts:
            for parts in self.ranges:
                parts.count(ipaddress.ip_network(text), sign)

    def seed(self, nodes: Iterable[Object]) -> None:
        """Note what all nodes have, once, before the first part is given."""
        if not self.seeded:
            self.seeded = True
            for node in nodes:
                self.take(node["metadata"]["name"], _ranges(node))


def _ranges(node: Object) -> list[str]:
    return list((node.get("spec") or {}).get("podCIDRs") or ())


def _state(ctx: Context) -> State:
    config, ranges = ctx.config, []
    for text in config.cluster_cidrs:
        cluster = ipaddress.ip_network(text)
        prefix = config.node_cidr_mask_ipv4 if cluster.version == 4 else config.node_cidr_mask_ipv6
        ranges.append(Parts(cluster, prefix))
    return State(ranges)


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Give the node its ranges if it has none."""
    state: State = ctx.state
    nodes = ctx.informers.informer(NODES)
    state.seed(nodes.list())
    node = nodes.get(key)
    if node is None:
        state.give_back(key.name)
        return None
    own = _ranges(node)
    if own and state.given.get(key.name) != own:
        state.take(key.name, own)
    if not state.ranges or (node.get("spec") or {}).get("podCIDR"):
        return None
    if not state.given.get(key.name):
        found = [parts.free() for parts in state.ranges]
        if None in found:
            message = f"Node {key.name} status is now: CIDRNotAvailable"
            ctx.events.event(node, type="Normal", reason="CIDRNotAvailable", message=message)
            return _FULL
        state.take(key.name, [str(part) for part in found])
    ranges = state.given[key.name]
    patch = {"spec": {"podCIDR": ranges[0], "podCIDRs": ranges}}
    try:
        await ctx.client.patch(NODES, key.name, patch, type="strategic")
    except NotFound:
        state.give_back(key.name)
    return None


NODE_IPAM = Controller(
    name="node-ipam-controller",
    account="node-controller",
    on=NODES,
    reconcile=reconcile,
    prepare=_state,
    # One at a time: two workers could give the same range to two nodes.
    workers=1,
    component="cidrAllocator",
)
