"""Kernel, distribution and architecture."""

import platform
import shlex

from pinnace.node.facts.base import Host, HostFacts
from pinnace.node.images.oci import architecture

_RELEASE = ("/etc/os-release", "/usr/lib/os-release")


def os_image(release: str) -> str:
    """Return the distribution's name out of an os-release file."""
    for line in release.splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            words = shlex.split(value)
            return words[0] if words else ""
    return "Linux"


def gather(host: Host) -> HostFacts:
    """Read the kernel's release, and the distribution's name."""
    release = next(filter(None, map(host.text, _RELEASE)), "")
    return HostFacts(
        node_info={
            "kernelVersion": host.text("/proc/sys/kernel/osrelease") or platform.release(),
            "osImage": os_image(release),
            "operatingSystem": "linux",
            "architecture": architecture(),
        }
    )
