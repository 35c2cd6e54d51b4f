"""Rules of annotations that once were fields: AppArmor and seccomp profiles of containers."""

from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, quoted
from pinnace.api.validation.paths import check_descending_path
from pinnace.api.validation.windows import containers_of

APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP = "container.seccomp.security.alpha.kubernetes.io/"
LOCALHOST = "localhost/"
APP_ARMOR_VALUES = {"Unconfined": ("unconfined",), "RuntimeDefault": ("runtime/default",)}
SECCOMP_VALUES = {
    "Unconfined": ("unconfined",),
    "RuntimeDefault": ("runtime/default", "docker/default"),
}


def check_profile_annotations(report: Report, annotations: Object, spec: Object, path: str) -> None:
    """Check that annotations name profiles that there can be, of containers that there are."""
    if SECCOMP_POD in annotations:
        _check_seccomp(report, annotations[SECCOMP_POD], f"{path}.{SECCOMP_POD}")
    for key, value in annotations.items():
        if key.startswith(SECCOMP):
            _check_seccomp(report, value, f"{path}.{key}")
    known = {container.get("name") for _, container in containers_of(spec, "")}
    for key, value in annotations.items():
        if key.startswith(APP_ARMOR):
            name, where = key.removeprefix(APP_ARMOR), f"{path}[{key}]"
            if name not in known:
                report.invalid(where, name, "container not found")
            good = value in ("", "runtime/default", "unconfined") or value.startswith(LOCALHOST)
            if not good:
                detail = f"invalid AppArmor profile name: {quoted(value)}"
                report.invalid(where, value, detail)


def _check_seccomp(report: Report, value: str, path: str) -> None:
    if value.startswith(LOCALHOST):
        check_descending_path(report, value.removeprefix(LOCALHOST), path)
    elif value not in ("runtime/default", "docker/default", "unconfined"):
        report.invalid(path, value, "must be a valid seccomp profile")


def check_profiles_match(report: Report, annotations: Object, spec: Object, path: str) -> None:
    """Check that a new pod says the same in annotations and in fields."""
    pod = _profile(spec, "seccompProfile")
    if pod is not None and SECCOMP_POD in annotations:
        _match(report, "seccomp", annotations[SECCOMP_POD], pod, path)
    for at, container in containers_of(spec, path):
        profile = _profile(container, "seccompProfile")
        key = f"{SECCOMP}{container.get('name')}"
        if profile is not None and key in annotations:
            _match(report, "seccomp", annotations[key], profile, at)
    system = spec.get("os")
    if isinstance(system, dict) and system.get("name") == "windows":
        return
    for at, container in containers_of(spec, path):
        profile = _profile(container, "appArmorProfile") or _profile(spec, "appArmorProfile")
        key = f"{APP_ARMOR}{container.get('name')}"
        if profile is not None and key in annotations:
            _match(report, "apparmor", annotations[key], profile, at)


def _profile(holder: Object, key: str) -> Object | None:
    context = holder.get("securityContext")
    profile = context.get(key) if isinstance(context, dict) else None
    return profile if isinstance(profile, dict) else None


def _match(report: Report, name: str, value: str, profile: Object, path: str) -> None:
    field = "seccompProfile" if name == "seccomp" else "appArmorProfile"
    where, kind = f"{path}.securityContext.{field}", profile.get("type")
    values = (SECCOMP_VALUES if name == "seccomp" else APP_ARMOR_VALUES).get(str(kind))
    if kind == "Localhost":
        if not value.startswith(LOCALHOST):
            report.forbidden(f"{where}.type", f"{name} type in annotation and field must match")
        elif value.removeprefix(LOCALHOST) != profile.get("localhostProfile"):
            detail = f"{name} profile in annotation and field must match"
            report.forbidden(f"{where}.localhostProfile", detail)
    elif values is not None and value not in values:
        report.forbidden(f"{where}.type", f"{name} type in annotation and field must match")


def app_armor_of(value: str) -> Object | None:
    """Return the field that says what an annotation said, None when it said nothing of use."""
    if value == "unconfined":
        return {"type": "Unconfined"}
    if value == "runtime/default":
        return {"type": "RuntimeDefault"}
    name = value.removeprefix(LOCALHOST)
    if name == value or not name or name != name.strip() or len(name) > 4095:
        return None
    return {"type": "Localhost", "localhostProfile": name}
