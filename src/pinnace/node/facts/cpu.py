"""How many processors are online."""

import os

from pinnace.node.facts.base import Host, HostFacts


def count(listed: str) -> int:
    """Return how many numbers a list like `0-3,8` holds."""
    total = 0
    for part in filter(None, listed.split(",")):
        first, _, last = part.partition("-")
        total += int(last or first) - int(first) + 1
    return total


def gather(host: Host) -> HostFacts:
    """Read the processors' count from sysfs, or ask the system where there is none."""
    number = count(host.text("/sys/devices/system/cpu/online")) or os.cpu_count() or 1
    return HostFacts(capacity={"cpu": str(number)})
