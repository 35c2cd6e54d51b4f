"""The CRI's messages as the room's values: pure, from messages to dataclasses.

Messages are classes made at run time, so mypy cannot know their fields: `Any` comes in here and
ends here.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from pinnace.node.runtime import (
    Container,
    ContainerEvent,
    ContainerState,
    ContainerStats,
    ContainerStatus,
    EventKind,
    FilesystemUsage,
    ImageStatus,
    LinuxResources,
    RuntimeCondition,
    RuntimeHandler,
    RuntimeStatus,
    Sandbox,
    SandboxState,
    SandboxStatus,
)
from pinnace.node.runtime_security import NamespaceMode

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SANDBOX_STATES: tuple[SandboxState, ...] = ("ready", "notready")
_CONTAINER_STATES: tuple[ContainerState, ...] = ("created", "running", "exited", "unknown")
_EVENT_KINDS: tuple[EventKind, ...] = ("created", "started", "stopped", "deleted")
_NAMESPACE_MODES: tuple[NamespaceMode, ...] = ("POD", "CONTAINER", "NODE", "TARGET")


def moment(nanoseconds: int) -> datetime:
    """Return the time that many nanoseconds after the epoch, to the microsecond."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def moment_or_none(nanoseconds: int) -> datetime | None:
    """Return the time, or None for 0 and for what Go writes as its zero time (before 1970)."""
    return moment(nanoseconds) if nanoseconds > 0 else None


def sandbox(message: Any) -> Sandbox:
    """Read a PodSandbox."""
    return Sandbox(**_sandbox_fields(message))


def _sandbox_fields(message: Any) -> dict[str, Any]:
    return {
        "id": message.id,
        "name": message.metadata.name,
        "namespace": message.metadata.namespace,
        "uid": message.metadata.uid,
        "attempt": message.metadata.attempt,
        "state": _SANDBOX_STATES[message.state],
        "created": moment(message.created_at),
        "labels": dict(message.labels),
        "annotations": dict(message.annotations),
        "runtime_handler": message.runtime_handler,
    }


def sandbox_status(message: Any) -> SandboxStatus:
    """Read a PodSandboxStatus."""
    return SandboxStatus(
        **_sandbox_fields(message),
        ip=message.network.ip,
        additional_ips=tuple(entry.ip for entry in message.network.additional_ips),
        network=_NAMESPACE_MODES[message.linux.namespaces.options.network],
    )


def container(message: Any) -> Container:
    """Read a Container."""
    return Container(
        id=message.id,
        sandbox_id=message.pod_sandbox_id,
        name=message.metadata.name,
        attempt=message.metadata.attempt,
        state=_CONTAINER_STATES[message.state],
        created=moment(message.created_at),
        image=message.image.image,
        image_ref=message.image_ref,
        # Runtimes older than the field put the id into the reference.
        image_id=message.image_id or message.image_ref,
        labels=dict(message.labels),
        annotations=dict(message.annotations),
    )


def container_status(message: Any) -> ContainerStatus:
    """Read a ContainerStatus."""
    user = message.user.linux
    return ContainerStatus(
        id=message.id,
        name=message.metadata.name,
        attempt=message.metadata.attempt,
        state=_CONTAINER_STATES[message.state],
        created=moment(message.created_at),
        started=moment_or_none(message.started_at),
        finished=moment_or_none(message.finished_at),
        exit_code=message.exit_code,
        reason=message.reason,
        message=message.message,
        image=message.image.image,
        image_ref=message.image_ref,
        image_id=message.image_id or message.image_ref,
        log_path=message.log_path,
        labels=dict(message.labels),
        annotations=dict(message.annotations),
        resources=resources(message.resources.linux)
        if message.resources.HasField("linux")
        else None,
        user=(user.uid, user.gid, tuple(user.supplemental_groups))
        if message.user.HasField("linux")
        else None,
    )


def resources(message: Any) -> LinuxResources:
    """Read a LinuxContainerResources."""
    return LinuxResources(
        cpu_period=message.cpu_period,
        cpu_quota=message.cpu_quota,
        cpu_shares=message.cpu_shares,
        memory_limit=message.memory_limit_in_bytes,
        memory_swap_limit=message.memory_swap_limit_in_bytes,
        oom_score_adj=message.oom_score_adj,
        cpuset_cpus=message.cpuset_cpus,
        cpuset_mems=message.cpuset_mems,
        hugepage_limits={entry.page_size: entry.limit for entry in message.hugepage_limits},
        unified=dict(message.unified),
    )


def image(message: Any) -> ImageStatus:
    """Read an Image."""
    return ImageStatus(
        id=message.id,
        tags=tuple(message.repo_tags),
        digests=tuple(message.repo_digests),
        size=message.size,
        uid=message.uid.value if message.HasField("uid") else None,
        username=message.username,
        pinned=message.pinned,
    )


def runtime_status(message: Any) -> RuntimeStatus:
    """Read a StatusResponse."""
    return RuntimeStatus(
        conditions=tuple(
            RuntimeCondition(type=c.type, status=c.status, reason=c.reason, message=c.message)
            for c in message.status.conditions
        ),
        handlers=tuple(
            RuntimeHandler(
                name=handler.name,
                recursive_read_only_mounts=handler.features.recursive_read_only_mounts,
                user_namespaces=handler.features.user_namespaces,
            )
            for handler in message.runtime_handlers
        ),
        supplemental_groups_policy=message.features.supplemental_groups_policy,
    )


def filesystem(message: Any) -> FilesystemUsage:
    """Read a FilesystemUsage."""
    return FilesystemUsage(
        mountpoint=message.fs_id.mountpoint,
        used_bytes=message.used_bytes.value,
        inodes_used=message.inodes_used.value,
        when=moment(message.timestamp),
    )


def _value(message: Any, name: str) -> int | None:
    return int(getattr(message, name).value) if message.HasField(name) else None


def container_stats(message: Any) -> ContainerStats:
    """Read a ContainerStats; what the runtime left out is None."""
    cpu, memory = message.cpu, message.memory
    return ContainerStats(
        id=message.attributes.id,
        name=message.attributes.metadata.name,
        attempt=message.attributes.metadata.attempt,
        labels=dict(message.attributes.labels),
        when=moment_or_none(cpu.timestamp or memory.timestamp),
        cpu_nanoseconds=_value(cpu, "usage_core_nano_seconds"),
        memory_working_set=_value(memory, "working_set_bytes"),
        memory_usage=_value(memory, "usage_bytes"),
        memory_rss=_value(memory, "rss_bytes"),
        page_faults=_value(memory, "page_faults"),
        major_page_faults=_value(memory, "major_page_faults"),
        writable_layer=filesystem(message.writable_layer)
        if message.HasField("writable_layer")
        else None,
    )


def container_event(message: Any) -> ContainerEvent:
    """Read a ContainerEventResponse."""
    return ContainerEvent(
        container_id=message.container_id,
        kind=_EVENT_KINDS[message.container_event_type],
        when=moment(message.created_at),
        sandbox=sandbox_status(message.pod_sandbox_status)
        if message.HasField("pod_sandbox_status")
        else None,
        containers=tuple(container_status(entry) for entry in message.containers_statuses),
    )
