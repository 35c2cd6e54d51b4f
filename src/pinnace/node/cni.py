"""The pods' network on one host: a bridge, made by the CNI plug-ins, and a masquerade rule.

Decide, then do: the configuration and the rules are rendered by pure functions; writing and
removing them are a few lines. Names are handed in, so that several clusters live on one host.

Masquerading is ours and not the bridge plug-in's: its `ipMasq` calls the iptables program, once a
pod, and knows one node's range only. One nftables rule a node serves all pods, and spares
traffic to the pods of other nodes, which must see the sender's own address.
"""

import asyncio
import glob
import ipaddress
import json
import logging
import re
import shutil
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pinnace.kit.clock import Clock
from pinnace.node import bridge, command

_log = logging.getLogger(__name__)

# What an upstream cluster's nodes speak too; plug-ins of 1.0 and later know it.
_CNI_VERSION = "1.0.0"
# Where libcni keeps the results of networks that are up; the path is built into the runtimes.
_RESULTS = Path("/var/lib/cni/results")
# What the portmap plug-in makes once for all networks; other chains of it are one pod's.
_SHARED_CHAINS = frozenset({"CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-MASQ", "CNI-HOSTPORT-SETMARK"})
# As often as the proxy looks after its own table.
_REPAIR = 30.0
_NFTABLES_MARK = b"sigs.k8s.io/knftables"


# What serves host ports; empty where nothing can.
HostPorts = Literal["iptables", "nftables", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The pods' network of one node.

    `pod_cidrs` are the node's own ranges, one a family. `cluster_cidrs` are those of all nodes,
    and of Services if these must see pod addresses: traffic to them keeps the sender's address.
    `bridge` is an interface name, at most 15 characters. `state_dir` keeps the leases.
    """

    name: str
    bridge: str
    pod_cidrs: Sequence[str]
    state_dir: Path
    cluster_cidrs: Sequence[str] = ()
    mtu: int = 0
    host_ports: HostPorts = "iptables"


def conflist(network: Network) -> str:
    """Return the CNI configuration of the network, as JSON."""
    if len(network.bridge) > 15:
        raise ValueError(f"bridge name {network.bridge!r} is longer than 15 characters")
    ranges = [ipaddress.ip_network(cidr) for cidr in network.pod_cidrs]
    defaults = {4: "0.0.0.0/0", 6: "::/0"}
    bridge: dict[str, object] = {
        "type": "bridge",
        "bridge": network.bridge,
        "isGateway": True,
        "forceAddress": False,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(network.state_dir),
            "ranges": [[{"subnet": str(subnet)}] for subnet in ranges],
            "routes": [{"dst": defaults[family]} for family in sorted({r.version for r in ranges})],
        },
    }
    if network.mtu:
        bridge["mtu"] = network.mtu
    plugins = [bridge]
    if network.host_ports:
        portmap: dict[str, object] = {"type": "portmap", "capabilities": {"portMappings": True}}
        if network.host_ports == "nftables":
            portmap["backend"] = "nftables"
        plugins.append(portmap)
    document = {"cniVersion": _CNI_VERSION, "name": network.name, "plugins": plugins}
    return json.dumps(document, indent=2) + "\n"


def table_name(network: Network) -> str:
    """Return the name of the network's nftables table."""
    return "pinnace_masquerade_" + re.sub(r"[^a-zA-Z0-9]", "_", network.name)


def masquerade_rules(network: Network) -> str:
    """Return nft input that replaces the network's table in one transaction.

    Only what leaves the cluster is given the host's address. Sets of a family that is not in use
    are left out, as nft takes no empty ones.
    """
    table = f"inet {table_name(network)}"
    inside = [*network.pod_cidrs, *network.cluster_cidrs]
    lines = []
    for version, family, multicast in ((4, "ip", "224.0.0.0/4"), (6, "ip6", "ff00::/8")):
        sources = _of_family(network.pod_cidrs, version)
        if sources:
            kept = ", ".join([*_of_family(inside, version), multicast])
            lines.append(
                f"    {family} saddr {{ {', '.join(sources)} }} "
                f"{family} daddr != {{ {kept} }} masquerade"
            )
    # "add" before "delete" makes the delete succeed when there was no table yet.
    return "\n".join(
        [
            f"add table {table}",
            f"delete table {table}",
            f"table {table} {{",
            "  chain postrouting {",
            "    type nat hook postrouting priority srcnat; policy accept;",
            *lines,
            "  }",
            "}",
            "",
        ]
    )


def _of_family(cidrs: Sequence[str], version: int) -> list[str]:
    """Return the distinct ranges of a family that lie in no other of them."""
    ranges = [ipaddress.ip_network(cidr) for cidr in cidrs]
    if version == 4:
        four = [r for r in ranges if isinstance(r, ipaddress.IPv4Network)]
        return [str(r) for r in ipaddress.collapse_addresses(four)]
    six = [r for r in ranges if isinstance(r, ipaddress.IPv6Network)]
    return [str(r) for r in ipaddress.collapse_addresses(six)]


def host_ports_backend(portmap: Path, *, iptables: bool) -> HostPorts:
    """Return what can serve host ports, given the portmap plug-in and whether iptables is there.

    iptables comes first, as the plug-in's nftables backend is the younger one, and some versions of
    it catch traffic that is not for this host. Packaged plug-ins do not tell their version, so the
    program is searched for the library that brings nftables.
    """
    try:
        program = portmap.read_bytes()
    except OSError:
        return ""
    if iptables:
        return "iptables"
    return "nftables" if _NFTABLES_MARK in program else ""


async def set_up(network: Network, conf_dir: Path) -> None:
    """Write the configuration for the runtime and put the masquerade rules in place."""
    write_conflist(network, conf_dir)
    await _masquerade(network)


async def keep(network: Network, clock: Clock) -> None:
    """Put the rules and the bridge in place again, until cancelled: others may remove them."""
    while True:
        await clock.sleep(_REPAIR)
        try:
            await _masquerade(network)
            await _repair_bridge(network)
        except command.CommandError as error:
            _log.warning("the pods' network cannot be put in place: %s", error)


async def _repair_bridge(network: Network) -> None:
    pattern = f"{glob.escape(network.name)}-*"
    ports = await asyncio.to_thread(lambda: bridge.loose_ports(network.bridge, _RESULTS, pattern))
    if ports:
        missing = network.bridge not in (name for _, name in socket.if_nameindex())
        _log.warning("%d pods have lost the bridge %s", len(ports), network.bridge)
        text = bridge.repair_commands(network.bridge, network.pod_cidrs, ports, missing=missing)
        # A pod that has ended meanwhile must not keep the others from it.
        await command.run("ip", ["-force", "-batch", "-"], given=text.encode())


async def _masquerade(network: Network) -> None:
    await command.run("nft", ["-f", "-"], given=masquerade_rules(network).encode())


def write_conflist(network: Network, conf_dir: Path) -> None:
    """Put the configuration where the runtime looks, at once or not at all."""
    conf_dir.mkdir(parents=True, exist_ok=True)
    network.state_dir.mkdir(parents=True, exist_ok=True)
    path = conf_dir / "10-pinnace.conflist"
    fresh = path.with_suffix(".new")
    fresh.write_text(conflist(network))
    fresh.replace(path)


async def clean_up(network: Network) -> None:
    """Remove the bridge, the rules, the leases and the cached results; absent ones are no error."""
    if network.bridge in (name for _, name in socket.if_nameindex()):
        await command.run("ip", ["link", "delete", network.bridge])
    table = f"table inet {table_name(network)}"
    await command.run("nft", ["-f", "-"], given=f"add {table}\ndelete {table}\n".encode())
    if network.host_ports == "iptables":
        await _remove_host_ports(network)
    _forget_leases(network)


def stale_host_ports(saved: str, name: str) -> str:
    """Return input for iptables-restore that removes a network's host ports; empty for none.

    The plug-in removes them with each pod. What is left are those of pods that were killed without
    it, whose rules would catch their ports for ever.
    """
    lines = []
    mark = f'dnat name: \\"{name}\\" id:'
    for line in saved.splitlines():
        if line.startswith("-A CNI-HOSTPORT-DNAT ") and mark in line:
            chain = line.rpartition(" ")[2]
            lines += ["-D" + line.removeprefix("-A"), f"-F {chain}", f"-X {chain}"]
    return "\n".join(["*nat", *lines, "COMMIT", ""]) if lines else ""


def unused_host_ports(saved: str) -> str:
    """Return input for iptables-restore that removes the plug-in's own chains; empty for none.

    All networks of the host share them, so they go only when no host port is left. The chain of the
    host ports is removed without being emptied: should one have come meanwhile, all of it fails.
    """
    lines = saved.splitlines()
    chains = {line[1:].partition(" ")[0] for line in lines if line.startswith(":CNI-")}
    if "CNI-HOSTPORT-DNAT" not in chains or not chains <= _SHARED_CHAINS:
        return ""
    rules = [line for line in lines if line.startswith("-A ")]
    if any(rule.startswith("-A CNI-HOSTPORT-DNAT ") for rule in rules):
        return ""
    jumps = [rule for rule in rules if rule.rpartition(" -j ")[2] in chains]
    done = ["-D" + rule.removeprefix("-A") for rule in jumps]
    done += [f"-F {chain}" for chain in sorted(chains - {"CNI-HOSTPORT-DNAT"})]
    done += [f"-X {chain}" for chain in sorted(chains)]
    return "\n".join(["*nat", *done, "COMMIT", ""])


def is_empty_table(saved: str) -> bool:
    """Say whether nobody has put anything into a table of iptables."""
    lines = saved.splitlines()
    chains = [line for line in lines if line.startswith(":")]
    rules = any(line.startswith("-A ") for line in lines)
    return bool(chains) and not rules and all(line.split()[1] == "ACCEPT" for line in chains)


async def _remove_host_ports(network: Network) -> None:
    """Remove the network's host ports, and what the plug-in set up for all if nobody needs it."""
    for program, family in (("iptables", "ip"), ("ip6tables", "ip6")):
        if not command.which(f"{program}-save"):
            continue
        saved = await _saved(program)
        for todo in (lambda text: stale_host_ports(text, network.name), unused_host_ports):
            if given := todo(saved):
                restore = ["-w", "5", "--noflush"]
                await command.run(f"{program}-restore", restore, given=given.encode())
                saved = await _saved(program)
        if is_empty_table(saved):
            # An iptables that keeps its rules elsewhere has no such table, and loses nothing.
            await command.run("nft", ["-f", "-"], given=_without_table(family, saved).encode())


async def _saved(program: str) -> str:
    return (await command.run(f"{program}-save", ["-t", "nat"])).decode(errors="replace")


def _without_table(family: str, saved: str) -> str:
    """Return nft input that removes the empty nat table of iptables, or fails if it is not."""
    table = f"{family} nat"
    chains = [line[1:].partition(" ")[0] for line in saved.splitlines() if line.startswith(":")]
    lines = [f"add table {table}", *(f"add chain {table} {chain}" for chain in chains)]
    lines += [f"delete chain {table} {chain}" for chain in chains]
    return "\n".join([*lines, f"delete table {table}", ""])


def _forget_leases(network: Network) -> None:
    shutil.rmtree(network.state_dir, ignore_errors=True)
    forget_results(network.name)


def forget_results(prefix: str) -> None:
    """Remove what the network library remembers of interfaces whose pods nobody took down."""
    for result in _RESULTS.glob(f"{glob.escape(prefix)}-*"):
        result.unlink(missing_ok=True)
