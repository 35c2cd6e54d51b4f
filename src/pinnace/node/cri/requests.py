"""The room's values as the CRI's fields: pure, from dataclasses to nested mappings."""

from collections.abc import Mapping
from typing import Any

from pinnace.node.runtime import (
    ContainerConfig,
    ImageAuth,
    LinuxResources,
    Mount,
    SandboxConfig,
)
from pinnace.node.runtime_security import (
    ContainerSecurity,
    Namespaces,
    SandboxSecurity,
    SecurityProfile,
    SELinuxOptions,
)

Fields = dict[str, Any]


def _number(value: int | None) -> Fields | None:
    return None if value is None else {"value": value}


def _profile(profile: SecurityProfile | None) -> Fields | None:
    if profile is None:
        return None
    return {"profile_type": profile.type, "localhost_ref": profile.localhost_ref}


def _selinux(options: SELinuxOptions | None) -> Fields | None:
    if options is None:
        return None
    return {
        "user": options.user,
        "role": options.role,
        "type": options.type,
        "level": options.level,
    }


def _namespaces(namespaces: Namespaces) -> Fields:
    fields: Fields = {
        "network": namespaces.network,
        "pid": namespaces.pid,
        "ipc": namespaces.ipc,
        "target_id": namespaces.target_id,
    }
    if namespaces.uid_mappings or namespaces.gid_mappings:
        ranges = {
            name: [
                {"host_id": m.host_id, "container_id": m.container_id, "length": m.length}
                for m in mappings
            ]
            for name, mappings in (
                ("uids", namespaces.uid_mappings),
                ("gids", namespaces.gid_mappings),
            )
        }
        fields["userns_options"] = {"mode": "POD", **ranges}
    return fields


def resources(limits: LinuxResources | None) -> Fields | None:
    """Return a LinuxContainerResources."""
    if limits is None:
        return None
    return {
        "cpu_period": limits.cpu_period,
        "cpu_quota": limits.cpu_quota,
        "cpu_shares": limits.cpu_shares,
        "memory_limit_in_bytes": limits.memory_limit,
        "memory_swap_limit_in_bytes": limits.memory_swap_limit,
        "oom_score_adj": limits.oom_score_adj,
        "cpuset_cpus": limits.cpuset_cpus,
        "cpuset_mems": limits.cpuset_mems,
        "hugepage_limits": [
            {"page_size": size, "limit": limit} for size, limit in limits.hugepage_limits.items()
        ],
        "unified": dict(limits.unified),
    }


def _sandbox_security(security: SandboxSecurity) -> Fields:
    return {
        "namespace_options": _namespaces(security.namespaces),
        "selinux_options": _selinux(security.selinux),
        "run_as_user": _number(security.run_as_user),
        "run_as_group": _number(security.run_as_group),
        "readonly_rootfs": security.readonly_rootfs,
        "supplemental_groups": list(security.supplemental_groups),
        "supplemental_groups_policy": security.supplemental_groups_policy,
        "privileged": security.privileged,
        "seccomp": _profile(security.seccomp),
        "apparmor": _profile(security.apparmor),
    }


def sandbox(config: SandboxConfig) -> Fields:
    """Return a PodSandboxConfig."""
    dns = config.dns
    return {
        "metadata": {
            "name": config.name,
            "namespace": config.namespace,
            "uid": config.uid,
            "attempt": config.attempt,
        },
        "hostname": config.hostname,
        "log_directory": config.log_directory,
        "dns_config": None
        if dns is None
        else {
            "servers": list(dns.servers),
            "searches": list(dns.searches),
            "options": list(dns.options),
        },
        "port_mappings": [
            {
                "protocol": port.protocol,
                "container_port": port.container_port,
                "host_port": port.host_port,
                "host_ip": port.host_ip,
            }
            for port in config.ports
        ],
        "labels": dict(config.labels),
        "annotations": dict(config.annotations),
        "linux": {
            "cgroup_parent": config.cgroup_parent,
            "security_context": _sandbox_security(config.security),
            "sysctls": dict(config.sysctls),
            "overhead": resources(config.overhead),
            "resources": resources(config.resources),
        },
    }


def _mount(mount: Mount) -> Fields:
    fields: Fields = {
        "container_path": mount.container_path,
        "host_path": mount.host_path,
        "readonly": mount.readonly,
        "recursive_read_only": mount.recursive_readonly,
        "propagation": f"PROPAGATION_{mount.propagation}",
        "selinux_relabel": mount.selinux_relabel,
    }
    if mount.image:
        fields["image"] = {"image": mount.image}
        fields["image_sub_path"] = mount.image_sub_path
    return fields


def _container_security(security: ContainerSecurity) -> Fields:
    return {
        "capabilities": {
            "add_capabilities": list(security.add_capabilities),
            "drop_capabilities": list(security.drop_capabilities),
        },
        "privileged": security.privileged,
        "namespace_options": _namespaces(security.namespaces),
        "selinux_options": _selinux(security.selinux),
        "run_as_user": _number(security.run_as_user),
        "run_as_group": _number(security.run_as_group),
        "run_as_username": security.run_as_username,
        "readonly_rootfs": security.readonly_rootfs,
        "supplemental_groups": list(security.supplemental_groups),
        "supplemental_groups_policy": security.supplemental_groups_policy,
        "no_new_privs": security.no_new_privs,
        "masked_paths": list(security.masked_paths),
        "readonly_paths": list(security.readonly_paths),
        "seccomp": _profile(security.seccomp),
        "apparmor": _profile(security.apparmor),
    }


def container(config: ContainerConfig) -> Fields:
    """Return a ContainerConfig message."""
    return {
        "metadata": {"name": config.name, "attempt": config.attempt},
        "image": {
            "image": config.image,
            "user_specified_image": config.user_image or config.image,
        },
        "command": list(config.command),
        "args": list(config.args),
        "working_dir": config.working_dir,
        # Bytes on the wire: an environment variable may hold what is not UTF-8.
        "envs": [
            {"key": key, "value": value.encode("utf-8", "surrogateescape")}
            for key, value in config.env
        ],
        "mounts": [_mount(mount) for mount in config.mounts],
        "devices": [
            {
                "container_path": device.container_path,
                "host_path": device.host_path,
                "permissions": device.permissions,
            }
            for device in config.devices
        ],
        "labels": dict(config.labels),
        "annotations": dict(config.annotations),
        "log_path": config.log_path,
        "stdin": config.stdin,
        "stdin_once": config.stdin_once,
        "tty": config.tty,
        "stop_signal": _signal(config.stop_signal),
        "linux": {
            "resources": resources(config.resources),
            "security_context": _container_security(config.security),
        },
    }


def _signal(name: str) -> str:
    """Return the CRI's name of a signal: SIGRTMIN+3 is SIGNAL_SIGRTMINPLUS3."""
    if not name:
        return "SIGNAL_RUNTIME_DEFAULT"
    return "SIGNAL_" + name.replace("+", "PLUS").replace("-", "MINUS")


def auth(given: ImageAuth | None) -> Fields | None:
    """Return an AuthConfig."""
    if given is None:
        return None
    return {
        "username": given.username,
        "password": given.password,
        "auth": given.auth,
        "server_address": given.server_address,
        "identity_token": given.identity_token,
        "registry_token": given.registry_token,
    }


def label_filter(labels: Mapping[str, str] | None, **more: str) -> Fields:
    """Return a filter for lists; empty values select everything."""
    fields: Fields = {name: value for name, value in more.items() if value}
    if labels:
        fields["label_selector"] = dict(labels)
    return fields
