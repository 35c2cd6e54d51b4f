"""Rules of what kubelets, schedulers and drivers say in the status of a Pod."""

from collections.abc import Mapping
from typing import Any

from pinnace.api import names
from pinnace.api.errors import Cause
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, too_long

SYSTEM_CONDITIONS = ("PodScheduled", "Ready", "Initialized")
NOT_NEGATIVE = "must be a non-negative integer"
STATUSES = {
    "containerStatuses": "containers",
    "initContainerStatuses": "initContainers",
    "ephemeralContainerStatuses": "",
}
HEALTH = ("Healthy", "Unhealthy", "Unknown")
MAX_HEALTH_MESSAGE = 1024
MAX_ID = 2**31 - 1
MAPPED = ("containerName", "resourceName", "requestName")
_SPEC = "spec.initContainers.{0} or spec.containers.{0}"


def check_pod_status(report: Report, pod: Object, old: Object) -> None:
    """Check the status of a Pod that was written."""
    status, before = report.child(pod, "status", "") or {}, old.get("status") or {}
    spec = report.child(pod, "spec", "") or {}
    _check_conditions(report, status)
    _check_nomination(report, status, old)
    if (report.number(status, "observedGeneration", "status") or 0) < 0:
        report.invalid("status.observedGeneration", status["observedGeneration"], NOT_NEGATIVE)
    qos = before.get("qosClass")
    if qos or status.get("qosClass"):
        report.immutable(status.get("qosClass") or "", qos or "", "status.qosClass")
    for key, containers in STATUSES.items():
        _check_stays_terminated(report, status, old, key, containers)
    _check_claims(report, status, spec)
    _check_extended_claim(report, status, spec)
    _check_ips(report, status, before, "podIPs")
    _check_ips(report, status, before, "hostIPs")
    for key in STATUSES:
        _check_users(report, status, spec, key)
    for key, containers in STATUSES.items():
        _check_devices(report, status, spec, key, containers)


def _check_conditions(report: Report, status: Object) -> None:
    for at, condition in report.objects(status, "conditions", "status"):
        generation = report.number(condition, "observedGeneration", at) or 0
        if generation < 0:
            report.invalid(f"{at}.observedGeneration", generation, NOT_NEGATIVE)
        kind = report.text(condition, "type", at)
        if kind not in SYSTEM_CONDITIONS:
            report.said(f"{at}.Type", kind, names.qualified_name(kind))


def _check_nomination(report: Report, status: Object, old: Object) -> None:
    where, name = "status.nominatedNodeName", report.text(status, "nominatedNodeName", "status")
    if not name or name == ((old.get("status") or {}).get("nominatedNodeName") or ""):
        return
    report.said(where, name, names.dns1123_subdomain(name))
    if (old.get("spec") or {}).get("nodeName"):
        report.forbidden(where, "may not be set on pods that are already bound to a node")


def _check_ips(report: Report, status: Object, before: Object, key: str) -> None:
    listed = report.objects(status, key, "status")
    ips = [report.text(entry, "ip", at) for at, entry in listed]
    known = [entry.get("ip") for _, entry in Report().objects(before, key, "")]
    if key == "hostIPs" and ips and ips[0] != (status.get("hostIP") or ""):
        report.invalid("status.hostIPs[0].ip", ips[0], "must be equal to `hostIP`")
    for (at, _), ip in zip(listed, ips, strict=True):
        report.said(at, ip, [] if ip in known else names.ip_sloppy(ip))
    if len(ips) < 2:
        return
    where = f"status.{key}"
    odd = [index for index, ip in enumerate(ips) if names.ip_sloppy(ip, strict=False)]
    if odd:
        why = f"failed to check for dual stack with error:invalid IP[{odd[0]}]: {ips[odd[0]]}"
        report.add(Cause("InternalError", where, f"Internal error: {why}"))
    if odd or len(ips) > 2 or names.is_ipv6(ips[0]) == names.is_ipv6(ips[1]):
        detail = "may specify no more than one IP for each IP family"
        report.invalid(where, [{"IP": ip} for ip in ips], detail)


def _check_stays_terminated(
    report: Report, status: Object, old: Object, key: str, containers: str
) -> None:
    """A container that ended for good, by its restart policy, cannot run again."""
    spec, quiet = old.get("spec") or {}, Report()
    known = _named(spec, containers)
    if containers and _may_all_restart(spec):
        return
    now: dict[Any, Object] = {}
    for _, entry in report.objects(status, key, "status"):
        now.setdefault(_name(entry), entry)
    for at, entry in quiet.objects(old.get("status") or {}, key, "status"):
        ended, name = _terminated(entry), _name(entry)
        if ended is None or name not in now or _terminated(now[name]) is not None:
            continue
        code = ended.get("exitCode") or 0
        if name not in known or not _restarts(known[name], spec, code):
            report.forbidden(f"{at}.state", "may not be transitioned to non-terminated state")


def _may_all_restart(spec: Object) -> bool:
    return any(
        rule.get("action") == "RestartAllContainers"
        for key in ("initContainers", "containers")
        for container in _listed(spec, key)
        for rule in _listed(container, "restartPolicyRules")
    )


def _restarts(container: Object, spec: Object, code: int) -> bool:
    policy = container.get("restartPolicy")
    if policy is not None:
        for rule in _listed(container, "restartPolicyRules"):
            codes = _child(rule, "exitCodes")
            listed = code in Report().items(codes, "values", "")
            if codes.get("operator") == ("In" if listed else "NotIn"):
                if rule.get("action") in ("Restart", "RestartAllContainers"):
                    return True
                break
    if policy not in ("Always", "OnFailure", "Never"):
        policy = spec.get("restartPolicy")
    return bool(code) if policy == "OnFailure" else policy != "Never"


def _terminated(status: Object) -> Object | None:
    state = status.get("state")
    ended = state.get("terminated") if isinstance(state, dict) else None
    return ended if isinstance(ended, dict) else None


def _check_claims(report: Report, status: Object, spec: Object) -> None:
    known = [claim.get("name") for _, claim in Report().objects(spec, "resourceClaims", "")]
    seen: list[str] = []
    for at, entry in report.objects(status, "resourceClaimStatuses", "status"):
        name = report.text(entry, "name", at)
        if name not in known:
            detail = "must match the name of an entry in `spec.resourceClaims`"
            report.invalid(f"{at}.name", name, detail)
        if name in seen:
            report.duplicate(f"{at}.name", name)
        seen.append(name)
        claim = report.text(entry, "resourceClaimName", at)
        if entry.get("resourceClaimName") is not None:
            report.said(f"{at}.resourceClaimName", claim, names.dns1123_subdomain(claim))


def _check_extended_claim(report: Report, status: Object, spec: Object) -> None:
    where = "status.extendedResourceClaimStatus"
    claim = report.child(status, "extendedResourceClaimStatus", "status")
    if claim is None:
        return
    containers = {**_named(spec, "initContainers"), **_named(spec, "containers")}
    mappings = report.objects(claim, "requestMappings", where)
    if not mappings:
        report.required(f"{where}.requestMappings", "at least one request mapping is required")
    seen: list[tuple[str, str, str]] = []
    for at, mapping in mappings:
        key = _check_mapping(report, mapping, at, where, containers)
        if key in seen:
            for field, value in zip(MAPPED, key, strict=True):
                report.duplicate(f"{at}.{field}", value)
        seen.append(key)
    name = report.text(claim, "resourceClaimName", where)
    if name:
        report.said(f"{where}.resourceClaimName", name, names.dns1123_subdomain(name))
    else:
        report.required(f"{where}.resourceClaimName")


def _check_mapping(
    report: Report, mapping: Object, at: str, where: str, containers: Mapping[Any, Object]
) -> tuple[str, str, str]:
    container, resource, request = (report.text(mapping, key, at) for key in MAPPED)
    if container not in containers:
        detail = f"must match the name of an entry in {_SPEC.format('name')}"
        report.invalid(f"{at}.containerName", container, detail)
    elif resource not in _requests(containers[container]):
        entry = _SPEC.format("resources.requests")
        detail = f"must match the extended resource name of an entry in {entry}"
        report.invalid(f"{at}.resourceName", resource, detail)
    report.said(f"{where}.requestName", request, names.dns1123_label(request))
    return container, resource, request


def _requests(container: Object) -> Object:
    return _child(_child(container, "resources"), "requests")


def _check_users(report: Report, status: Object, spec: Object, key: str) -> None:
    system = _child(spec, "os").get("name") or "linux"
    for at, entry in report.objects(status, key, "status"):
        user = report.child(entry, "user", at) or {}
        linux = report.child(user, "linux", f"{at}.user")
        where = f"{at}.user.linux"
        if linux is None:
            continue
        if system == "windows":
            report.forbidden(where, "cannot be set for a windows pod")
        if system != "linux":
            continue
        for name in ("uid", "gid"):
            _check_id(report, report.number(linux, name, where) or 0, f"{where}.{name}")
        for index, group in enumerate(report.items(linux, "supplementalGroups", where)):
            _check_id(report, group, f"{where}.supplementalGroups[{index}]")


def _check_id(report: Report, number: Any, path: str) -> None:
    if not isinstance(number, int) or not 0 <= number <= MAX_ID:
        report.invalid(path, number, f"must be between 0 and {MAX_ID}, inclusive")


def _check_devices(report: Report, status: Object, spec: Object, key: str, containers: str) -> None:
    known = _named(spec, containers)
    for at, entry in report.objects(status, key, "status"):
        devices = report.objects(entry, "allocatedResourcesStatus", at)
        if devices and not containers:
            where = f"{at}.allocatedResourcesStatus"
            report.forbidden(where, "must not be specified in container status")
            continue
        for where, device in devices:
            _check_device_name(report, device, where, known.get(_name(entry)))
            _check_device_health(report, device, where)


def _check_device_name(report: Report, device: Object, at: str, container: Object | None) -> None:
    if container is None:
        return
    name = report.text(device, "name", at)
    if not name.startswith("claim:"):
        if name not in _requests(container):
            detail = "must match one of the container's resource requests"
            report.invalid(f"{at}.name", name, detail)
        return
    claims = {
        f"claim:{claim.get('name')}" + (f"/{claim['request']}" if claim.get("request") else "")
        for claim in _listed(_child(container, "resources"), "claims")
    }
    if name not in claims:
        detail = (
            "must match one of the container's resource claims in a format "
            "'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
        )
        report.invalid(f"{at}.name", name, detail)


def _check_device_health(report: Report, device: Object, path: str) -> None:
    seen: list[str] = []
    for at, entry in report.objects(device, "resources", path):
        health = report.text(entry, "health", at)
        if health not in HEALTH:
            report.not_supported(f"{at}.health", health, HEALTH)
        message = report.text(entry, "message", at)
        if entry.get("message") is not None:
            if not message:
                report.required(f"{at}.message", "must be non-empty if specified")
            elif len(message.encode()) > MAX_HEALTH_MESSAGE:
                report.add(too_long(f"{at}.message", MAX_HEALTH_MESSAGE))
        name = report.text(entry, "resourceID", at)
        if name in seen:
            report.duplicate(f"{at}.resourceID", name)
        seen.append(name)


# -- what other rules tell of, read calmly -------------------------------------------------------


def _listed(parent: Object, key: str) -> list[Object]:
    return [entry for _, entry in Report().objects(parent, key, "")]


def _child(parent: Object, key: str) -> Object:
    return Report().child(parent, key, "") or {}


def _name(entry: Object) -> str:
    return Report().text(entry, "name", "")


def _named(spec: Object, key: str) -> dict[str, Object]:
    found: dict[str, Object] = {}
    for container in _listed(spec, key):
        found.setdefault(_name(container), container)
    return found
