"""What the kubelet asks of a container runtime, and the values that pass between them.

The words are the CRI's, so that the client in `node/cri` is a plain translation; but nothing here
knows gRPC, so that a process runtime or a fake can stand in. Times are UTC; None means "not yet".
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from pinnace.node.runtime_security import ContainerSecurity, NamespaceMode, SandboxSecurity

Propagation = Literal["PRIVATE", "HOST_TO_CONTAINER", "BIDIRECTIONAL"]
PortProtocol = Literal["TCP", "UDP", "SCTP"]
SandboxState = Literal["ready", "notready"]
ContainerState = Literal["created", "running", "exited", "unknown"]
EventKind = Literal["created", "started", "stopped", "deleted"]


class RuntimeCallError(Exception):
    """The runtime refused or failed a call; the text is what the runtime said."""


class RuntimeNotFound(RuntimeCallError):
    """The sandbox, container or image does not exist."""


class RuntimeUnavailable(RuntimeCallError):
    """The runtime cannot be reached now."""


class RuntimeDeadline(RuntimeCallError):
    """The call did not end within its deadline."""


class NotSupported(RuntimeCallError):
    """This runtime does not have the call at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinuxResources:
    """Limits in the kernel's own terms; 0 (or empty) leaves one as it is."""

    cpu_period: int = 0
    cpu_quota: int = 0
    cpu_shares: int = 0
    memory_limit: int = 0
    memory_swap_limit: int = 0
    oom_score_adj: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    hugepage_limits: Mapping[str, int] = field(default_factory=dict)
    unified: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortMapping:
    """A port of the host that leads to a port of the sandbox."""

    container_port: int
    host_port: int = 0
    protocol: PortProtocol = "TCP"
    host_ip: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DNSConfig:
    """What goes into the sandbox's resolv.conf."""

    servers: Sequence[str] = ()
    searches: Sequence[str] = ()
    options: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """Everything that makes a sandbox. `dns` None leaves the host's resolv.conf."""

    name: str
    namespace: str
    uid: str
    attempt: int = 0
    hostname: str = ""
    log_directory: str = ""
    dns: DNSConfig | None = None
    ports: Sequence[PortMapping] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    cgroup_parent: str = ""
    security: SandboxSecurity = field(default_factory=SandboxSecurity)
    sysctls: Mapping[str, str] = field(default_factory=dict)
    overhead: LinuxResources | None = None
    resources: LinuxResources | None = None
    runtime_handler: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A directory or file of the host inside a container."""

    container_path: str
    host_path: str
    readonly: bool = False
    recursive_readonly: bool = False
    propagation: Propagation = "PRIVATE"
    selinux_relabel: bool = False
    # An image mounted as a volume, instead of a path of the host.
    image: str = ""
    image_sub_path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device node of the host inside a container; permissions of `rwm`."""

    container_path: str
    host_path: str
    permissions: str = "rwm"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerConfig:
    """Everything that makes a container.

    `image` is the reference or id that the runtime resolves, `user_image` what the user wrote.
    Empty `command` and `args` leave the image's own. `log_path` is relative to the sandbox's log
    directory. `stop_signal` is a name like SIGTERM; empty leaves it to the runtime.
    """

    name: str
    image: str
    user_image: str = ""
    attempt: int = 0
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    working_dir: str = ""
    env: Sequence[tuple[str, str]] = ()
    mounts: Sequence[Mount] = ()
    devices: Sequence[Device] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    log_path: str = ""
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False
    stop_signal: str = ""
    resources: LinuxResources = LinuxResources()
    security: ContainerSecurity = field(default_factory=ContainerSecurity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A sandbox as it is listed."""

    id: str
    name: str
    namespace: str
    uid: str
    attempt: int
    state: SandboxState
    created: datetime
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    runtime_handler: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxStatus(Sandbox):
    """A sandbox with its addresses; `ip` is empty on the host's network or when it is not ready."""

    ip: str = ""
    additional_ips: Sequence[str] = ()
    network: NamespaceMode = "POD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container as it is listed."""

    id: str
    sandbox_id: str
    name: str
    attempt: int
    state: ContainerState
    created: datetime
    image: str = ""
    image_ref: str = ""
    image_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStatus:
    """A container in full. `image` is the name asked for, `image_ref` the digest it resolved to."""

    id: str
    name: str
    attempt: int
    state: ContainerState
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    image: str = ""
    image_ref: str = ""
    image_id: str = ""
    log_path: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    resources: LinuxResources | None = None
    # Uid, gid and supplemental groups of the first process, where the runtime tells.
    user: tuple[int, int, Sequence[int]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecResult:
    """What a command inside a container left."""

    stdout: bytes
    stderr: bytes
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageStatus:
    """An image that is here. `uid` or `username` is the user that the image asks for."""

    id: str
    tags: Sequence[str] = ()
    digests: Sequence[str] = ()
    size: int = 0
    uid: int | None = None
    username: str = ""
    pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageAuth:
    """How to sign in to a registry."""

    username: str = ""
    password: str = ""
    auth: str = ""
    server_address: str = ""
    identity_token: str = ""
    registry_token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesystemUsage:
    """What images or containers take on one file system."""

    mountpoint: str
    used_bytes: int
    inodes_used: int
    when: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStats:
    """What a container uses; None where the runtime does not tell."""

    id: str
    name: str
    attempt: int
    labels: Mapping[str, str] = field(default_factory=dict)
    when: datetime | None = None
    cpu_nanoseconds: int | None = None
    memory_working_set: int | None = None
    memory_usage: int | None = None
    memory_rss: int | None = None
    page_faults: int | None = None
    major_page_faults: int | None = None
    writable_layer: FilesystemUsage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeVersion:
    """Who the runtime is: `name` like containerd, `version` its own, `api_version` the CRI's."""

    name: str
    version: str
    api_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeCondition:
    """RuntimeReady or NetworkReady, and why not."""

    type: str
    status: bool
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeHandler:
    """A runtime handler that a RuntimeClass may name; the default one has an empty name."""

    name: str
    recursive_read_only_mounts: bool = False
    user_namespaces: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeStatus:
    """Whether the runtime and the pods' network are ready, and what the runtime can do."""

    conditions: Sequence[RuntimeCondition] = ()
    handlers: Sequence[RuntimeHandler] = ()
    supplemental_groups_policy: bool = False

    def is_ready(self, condition: str) -> bool:
        """Answer whether the condition is there and true."""
        return any(c.type == condition and c.status for c in self.conditions)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerEvent:
    """A container (or, with its own id, a sandbox) changed its state."""

    container_id: str
    kind: EventKind
    when: datetime
    sandbox: SandboxStatus | None = None
    containers: Sequence[ContainerStatus] = ()


class Runtime(Protocol):
    """A container runtime. All calls have deadlines and raise RuntimeCallError, nothing else."""

    async def version(self) -> RuntimeVersion: ...

    async def status(self) -> RuntimeStatus: ...

    async def run_sandbox(self, config: SandboxConfig) -> str:
        """Create and start a sandbox with its network, and return its id."""
        ...

    async def stop_sandbox(self, sandbox_id: str) -> None:
        """Kill what runs in the sandbox and give its network back; stopping twice is no error."""
        ...

    async def remove_sandbox(self, sandbox_id: str) -> None:
        """Remove a sandbox and its containers; removing twice is no error."""
        ...

    async def sandboxes(self, *, labels: Mapping[str, str] | None = None) -> list[Sandbox]: ...

    async def sandbox_status(self, sandbox_id: str) -> SandboxStatus: ...

    async def create_container(
        self, sandbox_id: str, config: ContainerConfig, sandbox: SandboxConfig
    ) -> str:
        """Create a container in a ready sandbox, and return its id."""
        ...

    async def start_container(self, container_id: str) -> None: ...

    async def stop_container(self, container_id: str, *, timeout: float) -> None:
        """Send the stop signal, and kill after `timeout` seconds; returns when it has exited."""
        ...

    async def remove_container(self, container_id: str) -> None:
        """Remove a container, killing it if need be; removing twice is no error."""
        ...

    async def containers(
        self, *, sandbox_id: str = "", labels: Mapping[str, str] | None = None
    ) -> list[Container]: ...

    async def container_status(self, container_id: str) -> ContainerStatus: ...

    async def exec_sync(
        self, container_id: str, command: Sequence[str], *, timeout: float
    ) -> ExecResult:
        """Run a command to its end; raises RuntimeDeadline after `timeout` seconds (0: never)."""
        ...

    async def exec_url(
        self,
        container_id: str,
        command: Sequence[str],
        *,
        stdin: bool,
        stdout: bool,
        stderr: bool,
        tty: bool,
    ) -> str:
        """Return the URL at which the runtime serves this exec once, over SPDY or WebSocket."""
        ...

    async def attach_url(
        self, container_id: str, *, stdin: bool, stdout: bool, stderr: bool, tty: bool
    ) -> str: ...

    async def port_forward_url(self, sandbox_id: str, ports: Sequence[int] = ()) -> str: ...

    async def reopen_log(self, container_id: str) -> None:
        """Open the log file anew, after it was renamed by a rotation."""
        ...

    async def update_resources(self, container_id: str, resources: LinuxResources) -> None: ...

    async def container_stats(self, *, sandbox_id: str = "") -> list[ContainerStats]: ...

    async def pull_image(
        self, image: str, *, auth: ImageAuth | None = None, sandbox: SandboxConfig | None = None
    ) -> str:
        """Pull an image and return the reference under which it is here."""
        ...

    async def image_status(self, image: str) -> ImageStatus | None:
        """Return the image by name, digest or id; None when it is not here."""
        ...

    async def images(self) -> list[ImageStatus]: ...

    async def remove_image(self, image: str) -> None:
        """Remove an image; removing one that is not here is no error."""
        ...

    async def image_filesystems(self) -> list[FilesystemUsage]: ...

    async def update_pod_cidr(self, cidr: str) -> None: ...

    def container_events(self) -> AsyncIterator[ContainerEvent]:
        """Yield changes as they happen until closed; raises NotSupported where there are none."""
        ...

    async def close(self) -> None:
        """Let go of the connection; what runs goes on."""
        ...
