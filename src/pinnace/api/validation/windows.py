"""Rules of pods by operating system: options of Windows, and what only Linux has."""

import re
from collections.abc import Iterator

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report

LISTS = ("initContainers", "containers", "ephemeralContainers")
SPEC_LIMIT_KIB = 64
DOMAIN_LIMIT, USER_LIMIT = 256, 104
LINUX_ONLY = "cannot be set for a windows pod"
WINDOWS_ONLY = "windows options cannot be set for a linux pod"
POD_CONTEXT = (
    "appArmorProfile", "seLinuxOptions", "/hostUsers", "/hostPID", "/hostIPC", "seccompProfile",
    "fsGroup", "fsGroupChangePolicy", "sysctls", "/shareProcessNamespace", "runAsUser",
    "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy",
)  # fmt: skip
CONTAINER_CONTEXT = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities",
    "readOnlyRootFilesystem", "privileged", "allowPrivilegeEscalation", "procMount", "runAsUser",
    "runAsGroup",
)  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NET_BIOS = re.compile(r"[^\\/:*?\"<>|.][^\\/:*?\"<>|]{0,14}")
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_DOTS = re.compile(r"[. ]+")
_NOT_IN_USERS = frozenset('"/\\:;|=,+*?<>@[]')


def containers_of(spec: Object, path: str) -> Iterator[tuple[str, Object]]:
    """Yield every container of a pod with its path, init containers first."""
    quiet = Report()
    for key in LISTS:
        yield from quiet.objects(spec, key, path)


def check_options(report: Report, context: Object, path: str) -> None:
    """Check the Windows options of a security context."""
    options, where = report.child(context, "windowsOptions", path), f"{path}.windowsOptions"
    if options is None:
        return
    if options.get("gmsaCredentialSpecName") is not None:
        name = report.text(options, "gmsaCredentialSpecName", where)
        said = names.dns1123_subdomain(name)
        report.said(f"{where}.gmsaCredentialSpecName", name, said)
    if options.get("gmsaCredentialSpec") is not None:
        text = report.text(options, "gmsaCredentialSpec", where)
        at = f"{where}.gmsaCredentialSpec"
        if not text:
            report.invalid(at, text, "gmsaCredentialSpec cannot be an empty string")
        elif len(text.encode()) > SPEC_LIMIT_KIB * 1024:
            report.invalid(at, text, f"gmsaCredentialSpec size must be under {SPEC_LIMIT_KIB} KiB")
    if options.get("runAsUserName") is not None:
        name = report.text(options, "runAsUserName", where)
        report.said(f"{where}.runAsUserName", name, _user_name_errors(name))


def _user_name_errors(name: str) -> list[str]:
    if not name:
        return ["runAsUserName cannot be an empty string"]
    if _CONTROL.search(name):
        return ["runAsUserName cannot contain control characters"]
    if name.count("\\") > 1:
        return ["runAsUserName cannot contain more than one backslash"]
    domain, slash, user = name.rpartition("\\")
    said = []
    if len(domain) >= DOMAIN_LIMIT:
        said.append(f"runAsUserName's Domain length must be under {DOMAIN_LIMIT} characters")
    if slash and not (_NET_BIOS.fullmatch(domain) or _DOMAIN.fullmatch(domain)):
        said.append("runAsUserName's Domain doesn't match the NetBios nor the DNS format")
    if not user:
        said.append("runAsUserName's User cannot be empty")
    elif len(user) > USER_LIMIT:
        limit = f"must not be longer than {USER_LIMIT} characters"
        said.append(f"runAsUserName's User length {limit}")
    if _DOTS.fullmatch(user):
        said.append("runAsUserName's User cannot contain only periods or spaces")
    if set(user) & _NOT_IN_USERS:
        listed = '"/\\:;|=,+*?<>@[]'
        said.append(f"runAsUserName's User cannot contain the following characters: {listed}")
    return said


def check_host_process(report: Report, spec: Object, path: str) -> None:
    """Check that all containers run in the host's own context, or none."""
    own = _host_process(spec)
    total, privileged = 0, 0
    for at, container in containers_of(spec, path):
        total += 1
        its = _host_process(container)
        if own is not None and its is not None and own != its:
            shown = "true" if own else "false"
            detail = f"pod hostProcess value must be identical if both are specified, was {shown}"
            report.invalid(f"{at}.securityContext.windowsOptions.hostProcess", its, detail)
        if its or (its is None and own):
            privileged += 1
    if not privileged:
        return
    if privileged != total:
        detail = (
            "If pod contains any hostProcess containers then all containers must be HostProcess "
            "containers"
        )
        report.invalid(path, "", detail)
    if spec.get("hostNetwork") is not True:
        detail = "hostNetwork must be true if pod contains any hostProcess containers"
        report.invalid(f"{path}.hostNetwork", False, detail)


def _host_process(holder: Object) -> bool | None:
    context = holder.get("securityContext")
    options = context.get("windowsOptions") if isinstance(context, dict) else None
    value = options.get("hostProcess") if isinstance(options, dict) else None
    return value if isinstance(value, bool) else None


def check_os(report: Report, spec: Object, path: str) -> None:
    """Check which operating system a pod is for, and that it asks for nothing of the other."""
    system = report.child(spec, "os", path)
    if system is None:
        return
    name = report.text(system, "name", f"{path}.os")
    if not name:
        report.required(f"{path}.os.name")
    elif name == "linux":
        _check_linux(report, spec, path)
    elif name == "windows":
        _check_windows(report, spec, path)
    else:
        report.not_supported(f"{path}.os", name, ("linux", "windows"))


def _check_linux(report: Report, spec: Object, path: str) -> None:
    for at, holder in ((path, spec), *containers_of(spec, path)):
        context = holder.get("securityContext")
        if isinstance(context, dict) and context.get("windowsOptions") is not None:
            report.forbidden(f"{at}.securityContext.windowsOptions", WINDOWS_ONLY)


def _check_windows(report: Report, spec: Object, path: str) -> None:
    context = spec.get("securityContext") or {}
    for key in POD_CONTEXT:
        if key.startswith("/"):
            value, where = spec.get(key[1:]), f"{path}.{key[1:]}"
            given = value is True if key in ("/hostPID", "/hostIPC") else value is not None
        else:
            given, where = context.get(key) not in (None, []), f"{path}.securityContext.{key}"
        if given:
            report.forbidden(where, LINUX_ONLY)
    for at, container in containers_of(spec, path):
        inner = container.get("securityContext")
        if not isinstance(inner, dict):
            continue
        for key in CONTAINER_CONTEXT:
            if inner.get(key) is not None:
                report.forbidden(f"{at}.securityContext.{key}", LINUX_ONLY)
