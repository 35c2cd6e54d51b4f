"""The size of the file system that holds the kubelet's and the containers' files."""

import os

from pinnace.api import quantity
from pinnace.node.facts.base import Host, HostFacts


def gather(host: Host) -> HostFacts:
    """Ask the file system of the data directory."""
    try:
        found = os.statvfs(host.data)
    except OSError:
        return HostFacts()
    size = quantity.from_value(found.f_blocks * found.f_frsize, quantity.BINARY_SI)
    return HostFacts(capacity={"ephemeral-storage": size.canonical()})
