"""Rules of containers of all three sorts: ports, mounts, resources, names that must differ."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, too_many
from pinnace.api.validation.environment import check_env
from pinnace.api.validation.paths import check_descending_path
from pinnace.api.validation.probes import PROBES, check_lifecycle, check_probes
from pinnace.api.validation.resources import check_requirements
from pinnace.api.validation.security import check_container_security

PROTOCOLS = ("SCTP", "TCP", "UDP")
MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
RESTART_POLICIES = ("Always", "Never", "OnFailure")
PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
EPHEMERAL_FORBIDS = (
    "ports", "resources", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle",
    "restartPolicy", "restartPolicyRules", "resizePolicy",
)  # fmt: skip
NOT_FOR_EPHEMERAL = "cannot be set for an Ephemeral Container"
NEEDS_POLICY = "must specify restartPolicy when restart rules are used"
NOT_FOR_INIT = "may not be set for init containers without restartPolicy=Always"


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFacts:
    """What the rules of a container need to know of its pod."""

    is_pod: bool
    grace: int | None = None
    restart_policy: str = "Always"
    host_users: bool = True
    volumes: Mapping[str, Object] = field(default_factory=dict)
    claims: Collection[str] = ()


def check_containers(report: Report, spec: Object, path: str, facts: PodFacts) -> list[str]:
    """Check the main containers; return their names."""
    listed = report.objects(spec, "containers", path)
    where = f"{path}.containers"
    if not listed:
        report.required(where)
    seen: dict[str, None] = {}
    for at, container in listed:
        _check_container(report, container, at, facts)
        _check_name(report, container, at, seen)
        if "lifecycle" in container:
            check_lifecycle(report, container, at, facts.grace)
        check_probes(report, container, at, facts.grace)
        _check_restart_policy(report, container, at)
    _check_host_ports(report, [container for _, container in listed], where)
    return list(seen)


def check_init_containers(
    report: Report, spec: Object, path: str, facts: PodFacts, others: Sequence[str]
) -> list[str]:
    """Check the init containers; return their names."""
    seen = dict.fromkeys(others)
    before = len(seen)
    for at, container in report.objects(spec, "initContainers", path):
        _check_container(report, container, at, facts)
        if container.get("restartPolicy") is not None:
            _check_restart_policy(report, container, at)
        elif container.get("restartPolicyRules"):
            report.required(f"{at}.restartPolicy", NEEDS_POLICY)
        sidecar = container.get("restartPolicy") == "Always"
        _check_name(report, container, at, seen)
        _check_host_ports(report, [container], f"{path}.initContainers")
        if sidecar:
            check_lifecycle(report, container, at, facts.grace)
            check_probes(report, container, at, facts.grace)
            continue
        for key in ("lifecycle", *PROBES):
            if container.get(key) is not None:
                report.forbidden(f"{at}.{key}", NOT_FOR_INIT)
        for where, policy in report.objects(container, "resizePolicy", at):
            if policy.get("restartPolicy") == "RestartContainer":
                report.invalid(
                    f"{where}.restartPolicy",
                    "RestartContainer",
                    "must not be set to 'RestartContainer' for non-sidecar initContainers",
                )
    return list(seen)[before:]


def check_ephemeral_containers(
    report: Report, spec: Object, path: str, facts: PodFacts, others: Sequence[str]
) -> None:
    """Check the containers that were added to a running pod."""
    seen, known = dict.fromkeys(others), frozenset(others)
    for at, container in report.objects(spec, "ephemeralContainers", path):
        _check_container(report, container, at, facts)
        _check_image_spaces(report, container, at)
        _check_name(report, container, at, seen)
        target = report.text(container, "targetContainerName", at)
        if target and target not in known:
            report.not_found(f"{at}.targetContainerName", target)
        for key in EPHEMERAL_FORBIDS:
            if container.get(key):
                report.forbidden(f"{at}.{key}", NOT_FOR_EPHEMERAL)
        for where, mount in report.objects(container, "volumeMounts", at):
            for key in ("subPath", "subPathExpr"):
                if mount.get(key):
                    report.forbidden(f"{where}.{key}", NOT_FOR_EPHEMERAL)


def _check_name(report: Report, container: Object, path: str, seen: dict[str, None]) -> None:
    name = container.get("name") or ""
    if isinstance(name, str):
        if name in seen:
            report.duplicate(f"{path}.name", name)
        else:
            seen[name] = None


def _check_container(report: Report, container: Object, path: str, facts: PodFacts) -> None:
    name = report.text(container, "name", path)
    if not name:
        report.required(f"{path}.name")
    else:
        report.said(f"{path}.name", name, names.dns1123_label(name))
    if not report.text(container, "image", path):
        report.required(f"{path}.image")
    report.one_of(container, "terminationMessagePolicy", path, MESSAGE_POLICIES)
    if "ports" in container:
        _check_ports(report, container, path)
    check_env(report, container, path)
    if "volumeMounts" in container or "volumeDevices" in container:
        _check_mounts(report, container, path, facts.volumes)
        _check_devices(report, container, path, facts.volumes)
    report.one_of(container, "imagePullPolicy", path, PULL_POLICIES)
    check_requirements(report, container, path, claims=facts.claims)
    if "resizePolicy" in container:
        _check_resize(report, container, path, facts.restart_policy)
    if "securityContext" in container:
        check_container_security(report, container, path, host_users=facts.host_users)
    if facts.is_pod:
        _check_image_spaces(report, container, path)


def _check_image_spaces(report: Report, container: Object, path: str) -> None:
    image = container.get("image")
    if isinstance(image, str) and image != image.strip():
        report.invalid(f"{path}.image", image, "must not have leading or trailing whitespace")


def _check_ports(report: Report, container: Object, path: str) -> None:
    seen: set[str] = set()
    for at, port in report.objects(container, "ports", path):
        name = report.text(port, "name", at)
        if name:
            said = names.port_name(name)
            report.said(f"{at}.name", name, said)
            if not said and name in seen:
                report.duplicate(f"{at}.name", name)
            seen.add(name)
        number = report.number(port, "containerPort", at)
        if not number:
            report.required(f"{at}.containerPort")
        else:
            report.said(f"{at}.containerPort", number, names.port_number(number))
        host = report.number(port, "hostPort", at)
        if host:
            report.said(f"{at}.hostPort", host, names.port_number(host))
        report.one_of(port, "protocol", at, PROTOCOLS)


def _check_host_ports(report: Report, containers: Sequence[Object], path: str) -> None:
    seen: set[str] = set()
    for index, container in enumerate(containers):
        ports = container.get("ports")
        for place, port in enumerate(ports if isinstance(ports, list) else ()):
            if not isinstance(port, dict) or not port.get("hostPort"):
                continue
            key = f"{port.get('protocol', '')}/{port.get('hostIP') or ''}/{port['hostPort']}"
            if key in seen:
                report.duplicate(f"{path}[{index}].ports[{place}].hostPort", key)
            seen.add(key)


def _check_mounts(
    report: Report, container: Object, path: str, volumes: Mapping[str, Object]
) -> None:
    devices = _named(container, "volumeDevices", "devicePath")
    seen: set[str] = set()
    where = f"{path}.volumeMounts"
    for at, mount in report.objects(container, "volumeMounts", path):
        name, target = report.text(mount, "name", at), report.text(mount, "mountPath", at)
        if not name:
            report.required(f"{at}.name")
        if name not in volumes:
            report.not_found(f"{at}.name", name)
        if not target:
            report.required(f"{at}.mountPath")
        if target in seen:
            report.invalid(f"{at}.mountPath", target, "must be unique")
        seen.add(target)
        if name in devices:
            report.invalid(f"{at}.name", name, "must not already exist in volumeDevices")
        if target in devices.values():
            detail = "must not already exist as a path in volumeDevices"
            report.invalid(f"{at}.mountPath", target, detail)
        _check_sub_paths(report, mount, at, where)
        _check_propagation(report, mount, container, at, where)


def _check_sub_paths(report: Report, mount: Object, at: str, where: str) -> None:
    sub, expression = report.text(mount, "subPath", at), report.text(mount, "subPathExpr", at)
    if sub:
        check_descending_path(report, sub, f"{where}.subPath")
    if expression:
        if sub:
            detail = "subPathExpr and subPath are mutually exclusive"
            report.invalid(f"{at}.subPathExpr", expression, detail)
        check_descending_path(report, expression, f"{where}.subPathExpr")


def _check_propagation(
    report: Report, mount: Object, container: Object, at: str, where: str
) -> None:
    propagation = report.text(mount, "mountPropagation", at)
    if mount.get("mountPropagation") is not None:
        if propagation not in PROPAGATIONS:
            report.not_supported(f"{where}.mountPropagation", propagation, PROPAGATIONS)
        context = container.get("securityContext")
        privileged = isinstance(context, dict) and context.get("privileged") is True
        if propagation == "Bidirectional" and not privileged:
            report.forbidden(
                f"{where}.mountPropagation",
                "Bidirectional mount propagation is available only to privileged containers",
            )
    recursive = report.text(mount, "recursiveReadOnly", at)
    if recursive in ("Enabled", "IfPossible"):
        if not mount.get("readOnly"):
            detail = "may only be specified when readOnly is true"
            report.forbidden(f"{where}.recursiveReadOnly", detail)
        if propagation not in ("", "None"):
            detail = "may only be specified when mountPropagation is None or not specified"
            report.forbidden(f"{where}.recursiveReadOnly", detail)
    elif recursive != "Disabled" and mount.get("recursiveReadOnly") is not None:
        supported = ("Disabled", "Enabled", "IfPossible")
        report.not_supported(f"{where}.recursiveReadOnly", recursive, supported)


def _check_devices(
    report: Report, container: Object, path: str, volumes: Mapping[str, Object]
) -> None:
    mounts = _named(container, "volumeMounts", "mountPath")
    seen_names: set[str] = set()
    seen_paths: set[str] = set()
    for at, device in report.objects(container, "volumeDevices", path):
        name, target = report.text(device, "name", at), report.text(device, "devicePath", at)
        volume = volumes.get(name)
        if not name:
            report.required(f"{at}.name")
        if name in seen_names:
            report.invalid(f"{at}.name", name, "must be unique")
        if volume is None:
            report.not_found(f"{at}.name", name)
        elif not volume.get("persistentVolumeClaim") and not volume.get("ephemeral"):
            report.invalid(
                f"{at}.name",
                name,
                "can only use volume source type of PersistentVolumeClaim or Ephemeral "
                "for block mode",
            )
        if not target:
            report.required(f"{at}.devicePath")
        if target in seen_paths:
            report.invalid(f"{at}.devicePath", target, "must be unique")
        if ".." in target.split("/"):
            report.invalid(f"{at}.devicePath", target, "can not contain backsteps ('..')")
        else:
            seen_paths.add(target)
        if name in mounts:
            report.invalid(f"{at}.name", name, "must not already exist in volumeMounts")
        if target in mounts.values():
            detail = "must not already exist as a path in volumeMounts"
            report.invalid(f"{at}.devicePath", target, detail)
        seen_names.add(name)


def _named(container: Object, key: str, value: str) -> dict[str, str]:
    listed = container.get(key)
    return {
        entry["name"]: entry[value]
        for entry in (listed if isinstance(listed, list) else ())
        if isinstance(entry, dict)
        and isinstance(entry.get("name"), str)
        and isinstance(entry.get(value), str)
    }


def _check_resize(report: Report, container: Object, path: str, pod_restart: str) -> None:
    where = f"{path}.resizePolicy"
    seen: set[str] = set()
    for at, policy in report.objects(container, "resizePolicy", path):
        resource = report.text(policy, "resourceName", at)
        restart = report.text(policy, "restartPolicy", at)
        if resource in seen:
            report.duplicate(at, resource)
        seen.add(resource)
        _one_of_here(report, resource, ("cpu", "memory"), where)
        _one_of_here(report, restart, ("NotRequired", "RestartContainer"), where)
        if pod_restart == "Never" and restart != "NotRequired":
            detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            report.invalid(where, restart, detail)


def _one_of_here(report: Report, value: str, supported: Sequence[str], path: str) -> None:
    if not value:
        report.required(path)
    elif value not in supported:
        report.not_supported(path, value, supported)


def _check_restart_policy(report: Report, container: Object, path: str) -> None:
    rules = report.objects(container, "restartPolicyRules", path)
    policy = report.text(container, "restartPolicy", path)
    where = f"{path}.restartPolicy"
    if container.get("restartPolicy") is None:
        if rules:
            report.required(where, NEEDS_POLICY)
    elif policy not in RESTART_POLICIES:
        report.not_supported(where, policy, RESTART_POLICIES)
    if len(rules) > 20:
        report.add(too_many(f"{path}.restartPolicyRules", len(rules), 20))
    for at, rule in rules:
        action = report.text(rule, "action", at)
        if action not in ("Restart", "RestartAllContainers"):
            report.not_supported(f"{at}.action", action, ("Restart", "RestartAllContainers"))
        codes = report.child(rule, "exitCodes", at)
        if codes is None:
            report.required(f"{at}.exitCodes", "must be specified")
            continue
        operator = report.text(codes, "operator", f"{at}.exitCodes")
        if operator not in ("In", "NotIn"):
            report.not_supported(f"{at}.exitCodes.operator", operator, ("In", "NotIn"))
        values = report.items(codes, "values", f"{at}.exitCodes")
        if len(values) > 255:
            report.add(too_many(f"{at}.exitCodes.values", len(values), 255))
