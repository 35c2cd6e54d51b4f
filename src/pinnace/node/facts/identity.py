"""Which machine this is, and which of its boots."""

from pinnace.node.facts.base import Host, HostFacts

_MACHINE = ("/etc/machine-id", "/var/lib/dbus/machine-id")
# The firmware's own number; machines without one are known by the system's.
_SYSTEM = (
    "/sys/class/dmi/id/product_uuid",
    "/proc/device-tree/system-id",
    "/proc/device-tree/vm,uuid",
    *_MACHINE,
)
_BOOT = ("/proc/sys/kernel/random/boot_id",)


def gather(host: Host) -> HostFacts:
    """Read the first file that is there for each."""
    places = {"machineID": _MACHINE, "systemUUID": _SYSTEM, "bootID": _BOOT}
    return HostFacts(
        node_info={
            name: next(filter(None, map(host.text, paths)), "") for name, paths in places.items()
        }
    )
