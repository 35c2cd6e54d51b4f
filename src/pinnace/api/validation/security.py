"""Rules of security contexts of pods and containers: ids, profiles, sysctls."""

import re

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import Report, too_long
from pinnace.api.validation.paths import check_descending_path
from pinnace.api.validation.windows import check_options

PROFILE_TYPES = ("Localhost", "RuntimeDefault", "Unconfined")
PROC_MOUNTS = ("Default", "Unmasked")
SYSCTL_LIMIT = 253
SYSCTL_PATTERN = "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"
_SYSCTL = re.compile(SYSCTL_PATTERN[1:-1], re.ASCII)
_NET, _IPC = ("net.",), ("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")


def check_pod_security(report: Report, spec: Object, path: str) -> None:
    """Check the security context of a pod."""
    context = report.child(spec, "securityContext", path)
    if not context:
        return
    where = f"{path}.securityContext"
    _check_ids(report, context, where, ("fsGroup", "runAsUser", "runAsGroup"))
    for index, group in enumerate(report.items(context, "supplementalGroups", where)):
        if isinstance(group, int) and not isinstance(group, bool):
            at = f"{where}.supplementalGroups[{index}]"
            report.said(at, group, names.user_id(group))
    if spec.get("hostPID") is True and spec.get("shareProcessNamespace") is True:
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        report.invalid(f"{where}.shareProcessNamespace", True, detail)
    if context.get("sysctls"):
        _check_sysctls(report, spec, context, where)
    _check_policy(report, context, where, "fsGroupChangePolicy", ("Always", "OnRootMismatch"))
    _check_seccomp(report, context, where)
    check_options(report, context, where)
    _check_app_armor(report, context, where)
    _check_policy(report, context, where, "supplementalGroupsPolicy", ("Merge", "Strict"))
    # MountOption waits for SELinuxMount, which is not enabled by default.
    _check_policy(report, context, where, "seLinuxChangePolicy", ("Recursive",))


def _check_policy(
    report: Report, context: Object, path: str, key: str, supported: tuple[str, ...]
) -> None:
    if context.get(key) is not None:
        value = report.text(context, key, path)
        if value not in supported:
            report.not_supported(f"{path}.{key}", value, supported)


def check_container_security(
    report: Report, container: Object, path: str, *, host_users: bool
) -> None:
    """Check the security context of a container."""
    context = report.child(container, "securityContext", path)
    if not context:
        return
    where = f"{path}.securityContext"
    _check_ids(report, context, where, ("runAsUser", "runAsGroup"))
    if context.get("procMount") is not None:
        mount = report.text(context, "procMount", where)
        if mount not in PROC_MOUNTS:
            report.not_supported(f"{where}.procMount", mount, PROC_MOUNTS)
        if host_users and mount == "Unmasked":
            detail = "`hostUsers` must be false to use `Unmasked`"
            report.invalid(f"{where}.procMount", mount, detail)
    _check_seccomp(report, context, where)
    if report.flag(context, "allowPrivilegeEscalation", where) is False:
        _check_escalation(report, context, where)
    check_options(report, context, where)
    _check_app_armor(report, context, where)


def _check_escalation(report: Report, context: Object, path: str) -> None:
    shown = internal("core.SecurityContext", context)
    cannot = "cannot set `allowPrivilegeEscalation` to false and"
    if report.flag(context, "privileged", path):
        report.invalid(path, shown, f"{cannot} `privileged` to true")
    capabilities = report.child(context, "capabilities", path) or {}
    if "CAP_SYS_ADMIN" in report.texts(capabilities, "add", f"{path}.capabilities"):
        report.invalid(
            path,
            shown,
            f"{cannot} `capabilities.Add` CAP_SYS_ADMIN",
        )


def _check_ids(report: Report, context: Object, path: str, keys: tuple[str, ...]) -> None:
    for key in keys:
        if key in context:
            number = report.number(context, key, path)
            if number is not None:
                report.said(f"{path}.{key}", number, names.user_id(number))


def _check_seccomp(report: Report, context: Object, where: str) -> None:
    profile, path = report.child(context, "seccompProfile", where), f"{where}.seccompProfile"
    if profile is None:
        return
    kind = _profile_type(report, profile, path, "seccompProfile")
    local = profile.get("localhostProfile")
    if kind == "Localhost":
        if local is None:
            detail = "must be set when seccomp type is Localhost"
            report.required(f"{path}.localhostProfile", detail)
        else:
            text = report.text(profile, "localhostProfile", path)
            check_descending_path(report, text, f"{path}.localhostProfile")
    elif local is not None:
        detail = "can only be set when seccomp type is Localhost"
        shown = internal("core.SeccompProfile", profile)
        report.invalid(f"{path}.localhostProfile", shown, detail)


def _check_app_armor(report: Report, context: Object, at: str) -> None:
    profile, path = report.child(context, "appArmorProfile", at), f"{at}.appArmorProfile"
    if profile is None:
        return
    kind = _profile_type(report, profile, path, "appArmorProfile")
    local = profile.get("localhostProfile")
    where = f"{path}.localhostProfile"
    if kind == "Localhost":
        text = report.text(profile, "localhostProfile", path)
        if text != text.strip():
            report.invalid(where, text, "must not be padded with whitespace")
        elif not text:
            report.required(where, "must be set when AppArmor type is Localhost")
        if len(text) > 4095:
            report.add(too_long(where, 4095))
    elif local is not None and kind in PROFILE_TYPES:
        report.invalid(where, local, "can only be set when AppArmor type is Localhost")


def _profile_type(report: Report, profile: Object, path: str, name: str) -> str:
    kind = report.text(profile, "type", path)
    if not kind:
        report.required(f"{path}.type", f"type is required when {name} is set")
    elif kind not in PROFILE_TYPES:
        report.not_supported(f"{path}.type", kind, PROFILE_TYPES)
    return kind


def _check_sysctls(report: Report, spec: Object, context: Object, path: str) -> None:
    seen: set[str] = set()
    for at, sysctl in report.objects(context, "sysctls", path):
        name, where = report.text(sysctl, "name", at), f"{at}.name"
        if not name:
            report.required(where)
        elif len(name) > SYSCTL_LIMIT or not _SYSCTL.fullmatch(name):
            detail = f"must have at most {SYSCTL_LIMIT} characters and match regex {SYSCTL_PATTERN}"
            report.invalid(where, name, detail)
        elif name in seen:
            report.duplicate(where, name)
        seen.add(name)
        dotted = name.replace("/", ".")
        if spec.get("hostNetwork") is True and dotted.startswith(_NET):
            report.invalid(where, name, "may not be specified when 'hostNetwork' is true")
        elif spec.get("hostIPC") is True and dotted.startswith(_IPC):
            report.invalid(where, name, "may not be specified when 'hostIPC' is true")
