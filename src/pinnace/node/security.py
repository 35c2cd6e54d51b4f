"""Security contexts of sandboxes and containers, in the runtime's terms. Pure."""

from collections.abc import Mapping
from typing import Any

from pinnace.node.env import ConfigError
from pinnace.node.podspec import Declared, full_name, is_host_network
from pinnace.node.runtime import ImageStatus
from pinnace.node.runtime_security import (
    ContainerSecurity,
    Namespaces,
    SandboxSecurity,
    SecurityProfile,
    SELinuxOptions,
)

MASKED_PATHS = (
    "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys",
    "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
    "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
)  # fmt: skip
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")

_Context = Mapping[str, Any]


def _pod_context(pod: Mapping[str, Any]) -> _Context:
    return pod["spec"].get("securityContext") or {}


def _profile(declared: Any) -> SecurityProfile | None:
    if not declared:
        return None
    return SecurityProfile(declared["type"], declared.get("localhostProfile") or "")


def _seccomp(pod: _Context, own: _Context) -> SecurityProfile:
    found = _profile(own.get("seccompProfile") or pod.get("seccompProfile"))
    return found or SecurityProfile("Unconfined")


def _selinux(pod: _Context, own: _Context) -> SELinuxOptions | None:
    options = own.get("seLinuxOptions") or pod.get("seLinuxOptions")
    return SELinuxOptions(**options) if options else None


def namespaces(pod: Mapping[str, Any], *, target: str = "") -> Namespaces:
    """Return which namespaces a Pod shares with the node, or a container with another one."""
    spec = pod["spec"]
    if spec.get("hostUsers") is False:
        raise ConfigError("user namespaces (hostUsers: false) are not supported by this kubelet")
    pid = "NODE" if spec.get("hostPID") else "POD" if spec.get("shareProcessNamespace") else ""
    return Namespaces(
        network="NODE" if is_host_network(pod) else "POD",
        pid="TARGET" if target else "NODE" if pid == "NODE" else "POD" if pid else "CONTAINER",
        ipc="NODE" if spec.get("hostIPC") else "POD",
        target_id=target,
    )


def _groups(pod: _Context) -> list[int]:
    groups = list(pod.get("supplementalGroups") or ())
    return [*groups, pod["fsGroup"]] if pod.get("fsGroup") is not None else groups


def sandbox_security(pod: Mapping[str, Any]) -> SandboxSecurity:
    """Return the sandbox's context; it is privileged when any of its containers is."""
    context = _pod_context(pod)
    containers = [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]
    return SandboxSecurity(
        namespaces=namespaces(pod),
        run_as_user=context.get("runAsUser"),
        run_as_group=context.get("runAsGroup") if context.get("runAsUser") is not None else None,
        supplemental_groups=_groups(context),
        supplemental_groups_policy=context.get("supplementalGroupsPolicy") or "Merge",
        privileged=any(
            (each.get("securityContext") or {}).get("privileged") for each in containers
        ),
        # The sandbox's own process is the runtime's, which confines it always.
        seccomp=SecurityProfile("RuntimeDefault"),
        selinux=_selinux(context, {}),
    )


def container_security(
    pod: Mapping[str, Any], container: Declared, image: ImageStatus | None, *, target: str = ""
) -> ContainerSecurity:
    """Return a container's context: its own settings, then the Pod's, then the image's user.

    Raises ConfigError when the container must not run as root and would.
    """
    context = _pod_context(pod)
    own: _Context = container.spec.get("securityContext") or {}
    user = own.get("runAsUser", context.get("runAsUser"))
    _check_non_root(
        pod, container, image, user, own.get("runAsNonRoot", context.get("runAsNonRoot"))
    )
    username = ""
    if user is None and image is not None:
        user, username = image.uid, "" if image.uid is not None else image.username
    capabilities = own.get("capabilities") or {}
    privileged = bool(own.get("privileged"))
    unmasked = privileged or own.get("procMount") == "Unmasked"
    return ContainerSecurity(
        namespaces=namespaces(pod, target=target),
        run_as_user=user,
        run_as_username=username,
        run_as_group=own.get("runAsGroup", context.get("runAsGroup")),
        supplemental_groups=_groups(context),
        supplemental_groups_policy=context.get("supplementalGroupsPolicy") or "Merge",
        privileged=privileged,
        add_capabilities=capabilities.get("add") or (),
        drop_capabilities=capabilities.get("drop") or (),
        readonly_rootfs=bool(own.get("readOnlyRootFilesystem")),
        no_new_privs=own.get("allowPrivilegeEscalation") is False,
        masked_paths=() if unmasked else MASKED_PATHS,
        readonly_paths=() if unmasked else READONLY_PATHS,
        seccomp=SecurityProfile("Unconfined") if privileged else _seccomp(context, own),
        apparmor=_profile(own.get("appArmorProfile") or context.get("appArmorProfile")),
        selinux=_selinux(context, own),
    )


def _check_non_root(
    pod: Mapping[str, Any],
    container: Declared,
    image: ImageStatus | None,
    user: int | None,
    wanted: bool | None,
) -> None:
    if not wanted:
        return
    where = f'(pod: "{full_name(pod)}", container: {container.name})'
    if user == 0:
        raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
    if user is not None or image is None:
        return
    if image.uid == 0 or (image.uid is None and not image.username):
        raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")
    if image.uid is None and image.username:
        raise ConfigError(
            f"container has runAsNonRoot and image has non-numeric user ({image.username}), "
            f"cannot verify user is non-root {where}"
        )
