"""Puts the pods' bridge back when somebody has removed it, and ties running pods to it again.

The plug-in makes the bridge with the next pod that starts; the pods that run are not looked at by
it again, and would stay cut off until they end.
"""

import ipaddress
import json
from collections.abc import Sequence
from pathlib import Path

_INTERFACES = Path("/sys/class/net")


def loose_ports(
    bridge: str, results: Path, pattern: str, interfaces: Path = _INTERFACES
) -> list[str]:
    """Return the host's ends of pods' links that should be on the bridge, and are not.

    `results` is where the network library remembers, in a file for each, what it made for pods.
    """
    found = []
    for file in results.glob(pattern):
        try:
            made = json.loads(file.read_text())["result"]["interfaces"]
        except (OSError, ValueError, KeyError):
            continue  # it goes as we look
        names = [str(each["name"]) for each in made if not each.get("sandbox")]
        ports = [name for name in names if name != bridge] if bridge in names else []
        found += [port for port in ports if _is_loose(interfaces / port, bridge)]
    return sorted(found)


def _is_loose(port: Path, bridge: str) -> bool:
    if not port.exists():
        return False
    master = port / "master"
    return not master.exists() or master.resolve().name != bridge


def repair_commands(
    bridge: str, pod_cidrs: Sequence[str], ports: Sequence[str], *, missing: bool
) -> str:
    """Return input for `ip -batch` that makes the bridge if it is missing, and ties ports to it."""
    lines = []
    if missing:
        lines.append(f"link add {bridge} type bridge")
        for cidr in pod_cidrs:
            network = ipaddress.ip_network(cidr)
            lines.append(
                f"address add {network.network_address + 1}/{network.prefixlen} dev {bridge}"
            )
        lines.append(f"link set {bridge} up")
    for port in ports:
        lines += [
            f"link set {port} master {bridge}",
            f"link set {port} type bridge_slave hairpin on",
        ]
    return "".join(f"{line}\n" for line in lines)
