"""Who a container runs as and what it may: the security part of the runtime's values.

The words are the CRI's. None means "not told".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

NamespaceMode = Literal["POD", "CONTAINER", "NODE", "TARGET"]
ProfileType = Literal["RuntimeDefault", "Unconfined", "Localhost"]
GroupsPolicy = Literal["Merge", "Strict"]

# What of /proc and /sys a container does not see, or may not write, unless procMount says so.
# Runtimes add nothing of their own: who leaves these out shows the host's kernel to the pod.
MASKED_PATHS = (
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


@dataclass(frozen=True, slots=True)
class SecurityProfile:
    """A seccomp or AppArmor profile; `localhost_ref` only with type Localhost."""

    type: ProfileType = "RuntimeDefault"
    localhost_ref: str = ""


@dataclass(frozen=True, slots=True)
class IdMapping:
    """A range of user or group ids and where it lies on the host."""

    host_id: int
    container_id: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespaces:
    """Which namespaces are shared: NODE with the host, POD in the pod, CONTAINER not at all."""

    network: NamespaceMode = "POD"
    pid: NamespaceMode = "CONTAINER"
    ipc: NamespaceMode = "POD"
    target_id: str = ""
    # A user namespace of the pod's own, when there are mappings; else the host's.
    uid_mappings: Sequence[IdMapping] = ()
    gid_mappings: Sequence[IdMapping] = ()


@dataclass(frozen=True, slots=True)
class SELinuxOptions:
    """An SELinux label, in parts."""

    user: str = ""
    role: str = ""
    type: str = ""
    level: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSecurity:
    """The security context of a sandbox."""

    namespaces: Namespaces = Namespaces()
    run_as_user: int | None = None
    run_as_group: int | None = None
    supplemental_groups: Sequence[int] = ()
    supplemental_groups_policy: GroupsPolicy = "Merge"
    readonly_rootfs: bool = False
    privileged: bool = False
    seccomp: SecurityProfile | None = None
    apparmor: SecurityProfile | None = None
    selinux: SELinuxOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSecurity:
    """The security context of a container."""

    namespaces: Namespaces = Namespaces()
    run_as_user: int | None = None
    run_as_username: str = ""
    run_as_group: int | None = None
    supplemental_groups: Sequence[int] = ()
    supplemental_groups_policy: GroupsPolicy = "Merge"
    privileged: bool = False
    add_capabilities: Sequence[str] = ()
    drop_capabilities: Sequence[str] = ()
    readonly_rootfs: bool = False
    no_new_privs: bool = False
    masked_paths: Sequence[str] = MASKED_PATHS
    readonly_paths: Sequence[str] = READONLY_PATHS
    seccomp: SecurityProfile | None = None
    apparmor: SecurityProfile | None = None
    selinux: SELinuxOptions | None = None
