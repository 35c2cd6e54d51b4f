"""Gives each node its part of the cluster's address range for its Pods."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from pinnace.api.errors import NotFound
from pinnace.api.kinds.core import NODES
from pinnace.api.objects import Key
from pinnace.controllers.base import Context, Controller

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(slots=True)
class State:
    """What was given to which node and may not be in the cache yet."""

    given: dict[str, list[str]] = field(default_factory=dict)


def free_part(cluster: Network, prefix: int, taken: Iterable[Network]) -> Network | None:
    """Return the first part of a range that overlaps with none of the taken ones, or None."""
    size = cluster.max_prefixlen - prefix
    base = int(cluster.network_address)
    used: set[int] = set()
    for network in taken:
        if network.version == cluster.version and network.overlaps(cluster):
            first = (int(network.network_address) - base) >> size
            last = (int(network.broadcast_address) - base) >> size
            used.update(range(first, last + 1))
    parts = 1 << (prefix - cluster.prefixlen)
    number = next((number for number in range(parts) if number not in used), None)
    if number is None:
        return None
    return type(cluster)((base + (number << size), prefix))


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Give the node its ranges if it has none."""
    state: State = ctx.state
    nodes = ctx.informers.informer(NODES)
    node = nodes.get(key)
    if node is None:
        state.given.pop(key.name, None)
        return None
    if not ctx.config.cluster_cidrs or (node.get("spec") or {}).get("podCIDR"):
        return None
    if key.name not in state.given:
        taken = [
            text
            for other in nodes.list()
            for text in (other.get("spec") or {}).get("podCIDRs") or ()
        ]
        taken += [text for ranges in state.given.values() for text in ranges]
        found = _allocate(ctx, [ipaddress.ip_network(text) for text in taken])
        if found is None:
            message = f"Node {key.name} status is now: CIDRNotAvailable"
            ctx.events.event(node, type="Normal", reason="CIDRNotAvailable", message=message)
            return timedelta(seconds=30)
        state.given[key.name] = found
    ranges = state.given[key.name]
    patch = {"spec": {"podCIDR": ranges[0], "podCIDRs": ranges}}
    try:
        await ctx.client.patch(NODES, key.name, patch, type="strategic")
    except NotFound:
        state.given.pop(key.name, None)
    return None


def _allocate(ctx: Context, taken: list[Network]) -> list[str] | None:
    found = []
    for text in ctx.config.cluster_cidrs:
        cluster = ipaddress.ip_network(text)
        config = ctx.config
        prefix = config.node_cidr_mask_ipv4 if cluster.version == 4 else config.node_cidr_mask_ipv6
        part = free_part(cluster, prefix, taken)
        if part is None:
            return None
        found.append(str(part))
    return found


NODE_IPAM = Controller(
    name="node-ipam-controller",
    on=NODES,
    reconcile=reconcile,
    prepare=lambda ctx: State(),
    # One at a time: two workers could give the same range to two nodes.
    workers=1,
    component="cidrAllocator",
)
