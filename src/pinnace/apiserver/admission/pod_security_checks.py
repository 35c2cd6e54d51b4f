"""The Pod Security Standards: what a pod spec must not do at the levels baseline and restricted.

Every check is a function from a pod (metadata and spec) and a minor version to a reason and a
detail, or None. A restricted check may replace a baseline check that it includes. Policies pinned
to a version before 1.19 are judged as 1.19, when seccomp moved from annotations to fields.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pinnace.api.objects import Object

LATEST = 36

Finding = tuple[str, str] | None

_CAPABILITIES = frozenset(
    (
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
        "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
    )
)  # fmt: skip
_APPARMOR = ("RuntimeDefault", "Localhost")
_SECCOMP = ("RuntimeDefault", "Localhost")
_APPARMOR_PREFIX = "container.apparmor.security.beta.kubernetes.io/"
_SELINUX = ("", "container_t", "container_init_t", "container_kvm_t")
_SAFE_VOLUMES = frozenset(
    (
        "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image",
        "persistentVolumeClaim", "projected", "secret",
    )
)  # fmt: skip
# From which minor version on a sysctl is safe.
_SYSCTLS = {
    "kernel.shm_rmid_forced": 0,
    "net.ipv4.ip_local_port_range": 0,
    "net.ipv4.tcp_syncookies": 0,
    "net.ipv4.ping_group_range": 0,
    "net.ipv4.ip_unprivileged_port_start": 0,
    "net.ipv4.ip_local_reserved_ports": 27,
    "net.ipv4.tcp_keepalive_time": 29,
    "net.ipv4.tcp_fin_timeout": 29,
    "net.ipv4.tcp_keepalive_intvl": 29,
    "net.ipv4.tcp_keepalive_probes": 29,
    "net.ipv4.tcp_rmem": 32,
    "net.ipv4.tcp_wmem": 32,
}


@dataclass(frozen=True, slots=True)
class Check:
    """One rule of the standards: `since` is the first minor version that has it."""

    id: str
    run: Callable[[Object, int], Finding]
    since: int = 0
    overrides: str = ""


def violations(pod: Object, level: str, minor: int) -> str:
    """Return everything that breaks a level, in upstream's order and words, or empty."""
    if level == "privileged":
        return ""
    checks = [check for check in BASELINE if check.since <= minor]
    if level == "restricted":
        stricter = [check for check in RESTRICTED if check.since <= minor]
        replaced = {check.overrides for check in stricter}
        checks = [check for check in checks if check.id not in replaced] + stricter
    found = [finding for check in checks if (finding := check.run(pod, minor))]
    return ", ".join(f"{reason} ({detail})" if detail else reason for reason, detail in found)


def _containers(pod: Object) -> Iterator[Object]:
    spec = pod.get("spec") or {}
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def _context(holder: Object) -> Object:
    return holder.get("securityContext") or {}


def _pod_context(pod: Object) -> Object:
    return _context(pod.get("spec") or {})


def _quoted(items: Iterable[str]) -> str:
    return ", ".join(f'"{item}"' for item in items)


def _plural(count: int, one: str, many: str = "") -> str:
    return one if count == 1 else many or f"{one}s"


def _named(names: list[str]) -> str:
    return f"{_plural(len(names), 'container')} {_quoted(names)}"


def _bad(pod: Object, wrong: Callable[[Object], bool]) -> list[str]:
    return [str(c.get("name", "")) for c in _containers(pod) if wrong(_context(c))]


def _setters(pod: Object, wrong: Callable[[Object], bool]) -> str:
    """Name who sets a security context wrongly: the pod, containers, or both."""
    who = ["pod"] if wrong(_pod_context(pod)) else []
    names = _bad(pod, wrong)
    if names:
        who.append(_named(names))
    return " and ".join(who)


def _values(pod: Object, value: Callable[[Object], Any]) -> list[str]:
    """Return the different values that contexts have, sorted, without None."""
    contexts = [_pod_context(pod), *(_context(c) for c in _containers(pod))]
    return sorted({str(found) for c in contexts if (found := value(c)) is not None})


def _is_windows(pod: Object, minor: int) -> bool:
    return minor >= 25 and ((pod.get("spec") or {}).get("os") or {}).get("name") == "windows"


def _has_own_users(pod: Object, minor: int) -> bool:
    return minor >= 35 and (pod.get("spec") or {}).get("hostUsers") is False


def _app_armor(pod: Object, minor: int) -> Finding:
    def bad(context: Object) -> str | None:
        profile = context.get("appArmorProfile")
        kind = str(profile.get("type") or "") if profile is not None else None
        return None if kind in _APPARMOR else kind

    who = [_setters(pod, lambda c: bad(c) is not None)]
    values = _values(pod, bad)
    annotations = sorted(
        f'{key}="{value}"'
        for key, value in (pod["metadata"].get("annotations") or {}).items()
        if key.startswith(_APPARMOR_PREFIX)
        and value not in ("", "runtime/default")
        and not value.startswith("localhost/")
    )
    if annotations:
        who.append(_plural(len(annotations), "annotation"))
        values += annotations
    setters = " and ".join(filter(None, who))
    if not setters:
        return None
    reason = f"forbidden AppArmor {_plural(len(values), 'profile')}"
    return reason, f"{setters} must not set AppArmor profile type to {_quoted(values)}"


def _capabilities_baseline(pod: Object, minor: int) -> Finding:
    def added(context: Object) -> list[str]:
        capabilities = (context.get("capabilities") or {}).get("add") or ()
        return [c for c in capabilities if c not in _CAPABILITIES]

    names = _bad(pod, lambda c: bool(added(c)))
    if not names:
        return None
    every = sorted({c for container in _containers(pod) for c in added(_context(container))})
    return (
        "non-default capabilities",
        f"{_named(names)} must not include {_quoted(every)} in securityContext.capabilities.add",
    )


def _host_namespaces(pod: Object, minor: int) -> Finding:
    spec = pod.get("spec") or {}
    used = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    return ("host namespaces", ", ".join(used)) if used else None


def _host_path_volumes(pod: Object, minor: int) -> Finding:
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    names = [str(v.get("name", "")) for v in volumes if v.get("hostPath") is not None]
    if not names:
        return None
    return "hostPath volumes", f"{_plural(len(names), 'volume')} {_quoted(names)}"


def _host_ports(pod: Object, minor: int) -> Finding:
    used = {
        str(c.get("name", "")): [
            str(p["hostPort"]) for p in c.get("ports") or () if p.get("hostPort")
        ]
        for c in _containers(pod)
    }
    names = [name for name, ports in used.items() if ports]
    if not names:
        return None
    ports = sorted({port for found in used.values() for port in found})
    return (
        "hostPort",
        f"{_named(names)} {_plural(len(names), 'uses', 'use')}"
        f" {_plural(len(ports), 'hostPort')} {', '.join(ports)}",
    )


def _host_probes(pod: Object, minor: int) -> Finding:
    names: set[str] = set()
    hosts: set[str] = set()
    for container in _containers(pod):
        lifecycle = container.get("lifecycle") or {}
        handlers = [container.get(f"{kind}Probe") for kind in ("liveness", "readiness", "startup")]
        handlers += [lifecycle.get("postStart"), lifecycle.get("preStop")]
        for handler in handlers:
            for kind in ("httpGet", "tcpSocket"):
                host = ((handler or {}).get(kind) or {}).get("host")
                if host:
                    names.add(str(container.get("name", "")))
                    hosts.add(str(host))
    if not names:
        return None
    return (
        "probe or lifecycle host",
        f"{_named(sorted(names))} {_plural(len(names), 'uses', 'use')}"
        f" {_plural(len(hosts), 'probe or lifecycle host')} {_quoted(sorted(hosts))}",
    )


def _privileged(pod: Object, minor: int) -> Finding:
    names = _bad(pod, lambda c: bool(c.get("privileged")))
    if not names:
        return None
    return "privileged", f"{_named(names)} must not set securityContext.privileged=true"


def _proc_mount(pod: Object, minor: int) -> Finding:
    def bad(context: Object) -> str | None:
        mount = context.get("procMount")
        return None if mount in (None, "Default") else str(mount)

    names = _bad(pod, lambda c: bad(c) is not None)
    if not names:
        return None
    values = sorted({v for c in _containers(pod) if (v := bad(_context(c))) is not None})
    return (
        "procMount",
        f"{_named(names)} must not set securityContext.procMount to {_quoted(values)}",
    )


def _proc_mount_baseline(pod: Object, minor: int) -> Finding:
    return None if _has_own_users(pod, minor) else _proc_mount(pod, minor)


def _selinux(pod: Object, minor: int) -> Finding:
    allowed = (*_SELINUX, "container_engine_t") if minor >= 31 else _SELINUX

    def options(context: Object) -> Object:
        return context.get("seLinuxOptions") or {}

    def wrong(context: Object) -> bool:
        given = options(context)
        return bool(
            (given.get("type") or "") not in allowed or given.get("user") or given.get("role")
        )

    setters = _setters(pod, wrong)
    if not setters:
        return None
    kinds = [k for k in _values(pod, lambda c: options(c).get("type")) if k not in allowed]
    said = [f"{_plural(len(kinds), 'type')} {_quoted(kinds)}"] if kinds else []
    contexts = [_pod_context(pod), *(_context(c) for c in _containers(pod))]
    said += [
        f"{field} may not be set"
        for field in ("user", "role")
        if any(options(context).get(field) for context in contexts)
    ]
    return (
        "seLinuxOptions",
        f"{setters} set forbidden securityContext.seLinuxOptions: {'; '.join(said)}",
    )


def _seccomp_of(context: Object) -> str | None:
    profile = context.get("seccompProfile")
    return str(profile.get("type") or "") if profile is not None else None


def _seccomp_baseline(pod: Object, minor: int) -> Finding:
    def wrong(context: Object) -> bool:
        return _seccomp_of(context) not in (None, *_SECCOMP)

    setters = _setters(pod, wrong)
    if not setters:
        return None
    values = [v for v in _values(pod, _seccomp_of) if v not in _SECCOMP]
    return (
        "seccompProfile",
        f"{setters} must not set securityContext.seccompProfile.type to {_quoted(values)}",
    )


def _seccomp_restricted(pod: Object, minor: int) -> Finding:
    if _is_windows(pod, minor):
        return None
    found = _seccomp_baseline(pod, minor)
    if found or _seccomp_of(_pod_context(pod)) is not None:
        return found
    names = _bad(pod, lambda c: _seccomp_of(c) is None)
    if not names:
        return None
    return (
        "seccompProfile",
        f"pod or {_named(names)} must set securityContext.seccompProfile.type to"
        ' "RuntimeDefault" or "Localhost"',
    )


def _sysctls(pod: Object, minor: int) -> Finding:
    names = [str(s.get("name", "")) for s in _pod_context(pod).get("sysctls") or ()]
    bad = [name for name in names if _SYSCTLS.get(name, LATEST + 1) > minor]
    return ("forbidden sysctls", ", ".join(bad)) if bad else None


def _windows_host_process(pod: Object, minor: int) -> Finding:
    setters = _setters(pod, lambda c: bool((c.get("windowsOptions") or {}).get("hostProcess")))
    if not setters:
        return None
    return (
        "hostProcess",
        f"{setters} must not set securityContext.windowsOptions.hostProcess=true",
    )


def _privilege_escalation(pod: Object, minor: int) -> Finding:
    if _is_windows(pod, minor):
        return None
    names = _bad(pod, lambda c: c.get("allowPrivilegeEscalation") is not False)
    if not names:
        return None
    return (
        "allowPrivilegeEscalation != false",
        f"{_named(names)} must set securityContext.allowPrivilegeEscalation=false",
    )


def _capabilities_restricted(pod: Object, minor: int) -> Finding:
    if _is_windows(pod, minor):
        return None

    def listed(context: Object, field: str) -> list[str]:
        return (context.get("capabilities") or {}).get(field) or []

    def added(context: Object) -> list[str]:
        return [c for c in listed(context, "add") if c != "NET_BIND_SERVICE"]

    details = []
    names = _bad(pod, lambda c: "ALL" not in listed(c, "drop"))
    if names:
        details.append(f'{_named(names)} must set securityContext.capabilities.drop=["ALL"]')
    names = _bad(pod, lambda c: bool(added(c)))
    if names:
        every = sorted({c for container in _containers(pod) for c in added(_context(container))})
        details.append(
            f"{_named(names)} must not include {_quoted(every)} in securityContext.capabilities.add"
        )
    return ("unrestricted capabilities", "; ".join(details)) if details else None


def _restricted_volumes(pod: Object, minor: int) -> Finding:
    names: list[str] = []
    kinds: set[str] = set()
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        given = [key for key, value in volume.items() if key != "name" and value is not None]
        if not any(key in _SAFE_VOLUMES for key in given):
            names.append(str(volume.get("name", "")))
            kinds.add(given[0] if given else "unknown")
    if not names:
        return None
    return (
        "restricted volume types",
        f"{_plural(len(names), 'volume')} {_quoted(names)} {_plural(len(names), 'uses', 'use')}"
        f" {_plural(len(kinds), 'restricted volume type')} {_quoted(sorted(kinds))}",
    )


def _run_as_non_root(pod: Object, minor: int) -> Finding:
    if _has_own_users(pod, minor):
        return None
    reason = "runAsNonRoot != true"
    setters = _setters(pod, lambda c: c.get("runAsNonRoot") is False)
    if setters:
        return reason, f"{setters} must not set securityContext.runAsNonRoot=false"
    if _pod_context(pod).get("runAsNonRoot"):
        return None
    names = _bad(pod, lambda c: c.get("runAsNonRoot") is None)
    if not names:
        return None
    return reason, f"pod or {_named(names)} must set securityContext.runAsNonRoot=true"


def _run_as_user(pod: Object, minor: int) -> Finding:
    if _has_own_users(pod, minor):
        return None
    setters = _setters(pod, lambda c: c.get("runAsUser") == 0)
    return ("runAsUser=0", f"{setters} must not set runAsUser=0") if setters else None


# In the order of their ids, which is the order of upstream's messages.
BASELINE = (
    Check("appArmorProfile", _app_armor),
    Check("capabilities_baseline", _capabilities_baseline),
    Check("hostNamespaces", _host_namespaces),
    Check("hostPathVolumes", _host_path_volumes),
    Check("hostPorts", _host_ports),
    Check("hostProbesAndHostLifecycle", _host_probes, since=34),
    Check("privileged", _privileged),
    Check("procMount", _proc_mount_baseline),
    Check("seLinuxOptions", _selinux),
    Check("seccompProfile_baseline", _seccomp_baseline),
    Check("sysctls", _sysctls),
    Check("windowsHostProcess", _windows_host_process),
)
RESTRICTED = (
    Check("allowPrivilegeEscalation", _privilege_escalation, since=8),
    Check("capabilities_restricted", _capabilities_restricted, 22, "capabilities_baseline"),
    Check("procMount_restricted", _proc_mount, 35, "procMount"),
    Check("restrictedVolumes", _restricted_volumes, overrides="hostPathVolumes"),
    Check("runAsNonRoot", _run_as_non_root),
    Check("runAsUser", _run_as_user, since=23),
    Check("seccompProfile_restricted", _seccomp_restricted, overrides="seccompProfile_baseline"),
)
