"""How much memory and swap there is."""

from typing import Any

from pinnace.api import quantity
from pinnace.node.facts.base import Host, HostFacts


def parse(text: str) -> dict[str, int]:
    """Read /proc/meminfo: bytes by name; what has no unit stays as it is."""
    found = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        number, _, unit = rest.strip().partition(" ")
        if number.isdigit():
            found[name] = int(number) * (1024 if unit == "kB" else 1)
    return found


def gather(host: Host) -> HostFacts:
    """Read the memory's size, and the swap's if there is some."""
    sizes = parse(host.text("/proc/meminfo"))
    memory = quantity.from_value(sizes.get("MemTotal", 0), quantity.BINARY_SI)
    swap = sizes.get("SwapTotal", 0)
    info: dict[str, Any] = {"swap": {"capacity": swap}} if swap else {}
    return HostFacts(capacity={"memory": memory.canonical()}, node_info=info)
