"""Rules of a pod's spec, in a Pod or in a template."""

from collections.abc import Callable, Collection

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import Report, too_long
from pinnace.api.validation.containers import (
    PodFacts,
    check_containers,
    check_ephemeral_containers,
    check_init_containers,
)
from pinnace.api.validation.environment import check_file_volumes
from pinnace.api.validation.metadata import check_annotations, check_labels
from pinnace.api.validation.podannotations import check_profile_annotations
from pinnace.api.validation.podlevel import check_pod_level
from pinnace.api.validation.resources import check_pod_resource_name, check_requirements
from pinnace.api.validation.scheduling import check_affinity, check_spread, check_tolerations
from pinnace.api.validation.security import check_pod_security
from pinnace.api.validation.volumes import check_volumes
from pinnace.api.validation.windows import check_host_process, check_os, containers_of

RESTART_POLICIES = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
MAX_INT32 = 2**31 - 1
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
MIRROR = "kubernetes.io/config.mirror"
SEARCH_LIMIT = 2048


def check_pod_spec(
    report: Report,
    spec: Object,
    path: str,
    *,
    is_pod: bool,
    pod_name: str = "",
    mirror: bool = False,
) -> None:
    """Check every rule of a pod's spec; `is_pod` is false in a template."""
    grace = report.number(spec, "terminationGracePeriodSeconds", path)
    if spec.get("terminationGracePeriodSeconds") is None:
        report.required(f"{path}.terminationGracePeriodSeconds")
    volumes = {}
    if "volumes" in spec:
        volumes = check_volumes(report, spec, path, pod_name=pod_name, is_pod=is_pod)
    claims = _check_claims(report, spec, path, mirror) if "resourceClaims" in spec else ()
    restart = spec.get("restartPolicy")
    facts = PodFacts(
        is_pod=is_pod,
        grace=grace,
        restart_policy=restart if isinstance(restart, str) else "",
        host_users=spec.get("hostUsers") is not False,
        volumes=volumes,
        claims=claims,
    )
    own = check_containers(report, spec, path, facts)
    if "initContainers" in spec:
        own += check_init_containers(report, spec, path, facts, own)
    if "ephemeralContainers" in spec:
        check_ephemeral_containers(report, spec, path, facts, own)
    if "resources" in spec:
        _check_pod_resources(report, spec, path, claims)
    if spec.get("hostNetwork") is True:
        _check_host_network(report, spec, path, is_pod=is_pod)
    report.one_of(spec, "restartPolicy", path, RESTART_POLICIES)
    report.one_of(spec, "dnsPolicy", path, DNS_POLICIES)
    if "nodeSelector" in spec:
        check_labels(report, spec, "nodeSelector", path)
    check_pod_security(report, spec, path)
    check_affinity(report, spec, path)
    _check_dns(report, spec, path)
    _check_gates(report, spec, path)
    if "topologySpreadConstraints" in spec:
        check_spread(report, spec, path)
    check_host_process(report, spec, path)
    _check_host_users(report, spec, path)
    if spec.get("hostnameOverride") is not None:
        _check_override(report, spec, path)
    _check_names(report, spec, path)
    check_os(report, spec, path)
    _check_group(report, spec, path)
    check_file_volumes(report, spec, path)


def _check_claims(report: Report, spec: Object, path: str, mirror: bool) -> list[str]:
    seen: list[str] = []
    for at, claim in report.objects(spec, "resourceClaims", path):
        if mirror:
            report.forbidden("", "static pods do not support resource claims")
            continue
        name = report.text(claim, "name", at)
        if not name:
            report.required(f"{at}.name")
        elif name in seen:
            report.duplicate(f"{at}.name", name)
        else:
            report.said(f"{at}.name", name, names.dns1123_label(name))
            seen.append(name)
        keys = ("resourceClaimName", "resourceClaimTemplateName")
        given = [key for key in keys if claim.get(key) is not None]
        if len(given) > 1:
            detail = (
                "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            )
            report.invalid(at, internal("core.PodResourceClaim", claim), detail)
        elif not given:
            detail = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            report.invalid(at, internal("core.PodResourceClaim", claim), detail)
        for key in given:
            value = report.text(claim, key, at)
            report.said(f"{at}.{key}", value, names.dns1123_subdomain(value))
    return seen


def _check_pod_resources(report: Report, spec: Object, path: str, claims: Collection[str]) -> None:
    resources = report.child(spec, "resources", path)
    if resources is None:
        return
    system = spec.get("os")
    if isinstance(system, dict) and system.get("name") == "windows":
        report.forbidden(f"{path}.resources", "may not be set for a windows pod")
        return
    if resources.get("claims") is not None:
        detail = "claims may not be set for Resources at pod-level"
        report.forbidden(f"{path}.resources.claims", detail)
    check_requirements(report, spec, path, claims=claims, check_name=check_pod_resource_name)
    check_pod_level(report, spec, f"{path}.resources")


def _check_host_network(report: Report, spec: Object, path: str, *, is_pod: bool) -> None:
    for at, container in Report().objects(spec, "containers", path):
        for where, port in Report().objects(container, "ports", at):
            host, own = port.get("hostPort") or 0, port.get("containerPort") or 0
            if (is_pod or host) and host != own:
                detail = "must match `containerPort` when `hostNetwork` is true"
                report.invalid(f"{where}.hostPort", host, detail)


def _check_dns(report: Report, spec: Object, path: str) -> None:
    config = report.child(spec, "dnsConfig", path)
    where = f"{path}.dnsConfig"
    servers = report.texts(config or {}, "nameservers", where)
    if spec.get("dnsPolicy") == "None":
        if config is None:
            report.required(where, "must provide `dnsConfig` when `dnsPolicy` is None")
            return
        if not servers:
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            report.required(f"{where}.nameservers", detail)
            return
    if config is None:
        return
    if len(servers) > 3:
        report.invalid(f"{where}.nameservers", servers, "must not have more than 3 nameservers")
    for index, server in enumerate(servers):
        report.said(f"{where}.nameservers[{index}]", server, names.ip_sloppy(server))
    _check_searches(report, config, where)
    for at, option in report.objects(config, "options", where):
        if not report.text(option, "name", at):
            report.required(at, "must not be empty")


def _check_searches(report: Report, config: Object, where: str) -> None:
    searches = report.texts(config, "searches", where)
    if len(searches) > 32:
        report.invalid(f"{where}.searches", searches, "must not have more than 32 search paths")
    if len(" ".join(searches)) > SEARCH_LIMIT:
        detail = (
            f"must not have more than {SEARCH_LIMIT} characters (including spaces) "
            "in the search list"
        )
        report.invalid(f"{where}.searches", searches, detail)
    for index, search in enumerate(searches):
        if search != ".":
            name = search.removesuffix(".")
            said = names.dns1123_subdomain_with_underscore(name)
            report.said(f"{where}.searches[{index}]", name, said)


def _check_gates(report: Report, spec: Object, path: str) -> None:
    for at, gate in report.objects(spec, "readinessGates", path):
        kind = report.text(gate, "conditionType", at)
        report.said(f"{at}.conditionType", kind, names.qualified_name(kind))
    seen: set[str] = set()
    for at, gate in report.objects(spec, "schedulingGates", path):
        name = report.text(gate, "name", at)
        report.said(at, name, names.qualified_name(name))
        if name in seen:
            report.duplicate(at, name)
        seen.add(name)


def _check_host_users(report: Report, spec: Object, path: str) -> None:
    if spec.get("hostUsers") is not False:
        return
    why = "when `hostUsers` is false"
    for key, name in (
        ("hostNetwork", "hostNetwork"),
        ("hostPID", "HostPID"),
        ("hostIPC", "HostIPC"),
    ):
        if spec.get(key) is True:
            report.forbidden(f"{path}.{name}", why)
    for at, container in containers_of(spec, path):
        if container.get("volumeDevices"):
            report.forbidden(f"{at}.volumeDevices", why)


def _check_group(report: Report, spec: Object, path: str) -> None:
    group = report.child(spec, "schedulingGroup", path)
    if group is None:
        return
    where = f"{path}.schedulingGroup.podGroupName"
    if group.get("podGroupName") is None:
        report.invalid(where, None, "must specify one of: `podGroupName`")
    else:
        name = report.text(group, "podGroupName", f"{path}.schedulingGroup")
        report.said(where, name, names.dns1123_subdomain(name))


def _check_name(
    report: Report, spec: Object, path: str, key: str, rule: Callable[[str], list[str]]
) -> None:
    value = report.text(spec, key, path) if key in spec else ""
    if value or (key == "runtimeClassName" and spec.get(key) is not None):
        report.said(f"{path}.{key}", value, rule(value))


def _check_names(report: Report, spec: Object, path: str) -> None:
    _check_name(report, spec, path, "serviceAccountName", names.dns1123_subdomain)
    _check_name(report, spec, path, "nodeName", names.dns1123_subdomain)
    deadline = report.number(spec, "activeDeadlineSeconds", path)
    if deadline is not None:
        said = names.in_range(deadline, 1, MAX_INT32)
        report.said(f"{path}.activeDeadlineSeconds", deadline, said)
    _check_name(report, spec, path, "hostname", names.dns1123_label)
    _check_name(report, spec, path, "subdomain", names.dns1123_label)
    if "tolerations" in spec:
        check_tolerations(report, spec, path)
    _check_aliases(report, spec, path)
    _check_name(report, spec, path, "priorityClassName", names.dns1123_subdomain)
    _check_name(report, spec, path, "runtimeClassName", names.dns1123_subdomain)
    if spec.get("preemptionPolicy") is not None:
        report.one_of(spec, "preemptionPolicy", path, ("PreemptLowerPriority", "Never"))
    if spec.get("overhead") is not None:
        _check_overhead(report, spec, path)


def _check_override(report: Report, spec: Object, path: str) -> None:
    where = f"{path}.hostnameOverride"
    value = report.text(spec, "hostnameOverride", path)
    if spec.get("setHostnameAsFQDN") is True:
        report.forbidden(where, "may not be specified when setHostnameAsFQDN is true")
    if spec.get("hostNetwork") is True:
        report.forbidden(where, "may not be specified when hostNetwork is true")
    if len(value) > 64:
        report.add(too_long(where, 64))
    report.said(where, value, names.dns1123_subdomain(value))


def _check_aliases(report: Report, spec: Object, path: str) -> None:
    for at, alias in report.objects(spec, "hostAliases", path):
        ip = report.text(alias, "ip", at)
        report.said(f"{at}.ip", ip, names.ip_sloppy(ip))
        for index, host in enumerate(report.texts(alias, "hostnames", at)):
            report.said(f"{at}.hostnames[{index}]", host, names.dns1123_subdomain(host))


def _check_overhead(report: Report, spec: Object, path: str) -> None:
    overhead: Object = {"resources": {"limits": spec["overhead"]}}
    inner = Report()
    check_requirements(inner, overhead, path)
    for cause in inner.causes:
        where = cause.field.replace(".resources", ".overhead", 1)
        report.add(type(cause)(cause.reason, where, cause.body()))


def check_pod_annotations(report: Report, meta: Object, spec: Object, path: str) -> None:
    """Check the annotations that mean something to pods."""
    annotations = meta.get("annotations")
    if not isinstance(annotations, dict):
        return
    if MIRROR in annotations and not spec.get("nodeName"):
        detail = "must set spec.nodeName if mirror pod annotation is set"
        report.invalid(f"{path}[{MIRROR}]", annotations[MIRROR], detail)
    cost = annotations.get(DELETION_COST)
    if isinstance(cost, str) and not _is_int32(cost):
        report.invalid(f"{path}[{DELETION_COST}]", cost, "must be a 32bit integer")
    check_profile_annotations(report, annotations, spec, path)


def _is_int32(text: str) -> bool:
    body = text.removeprefix("-")
    if not body.isascii() or not body.isdecimal() or (len(body) > 1 and body[0] == "0"):
        return False
    return text != "-0" and len(body) <= 10 and -(2**31) <= int(text) <= MAX_INT32


def check_pod_template(report: Report, owner: Object, path: str) -> Object:
    """Check the `template` of a workload and return it."""
    where = f"{path}.template" if path else "template"
    template = report.child(owner, "template", path) or {}
    meta = report.child(template, "metadata", where) or {}
    check_labels(report, meta, "labels", where)
    check_annotations(report, meta, where)
    spec = report.child(template, "spec", where) or {}
    check_pod_annotations(report, meta, spec, f"{where}.annotations")
    check_pod_spec(report, spec, f"{where}.spec", is_pod=False)
    if spec.get("ephemeralContainers"):
        detail = "ephemeral containers not allowed in pod template"
        report.forbidden(f"{where}.spec.ephemeralContainers", detail)
    return template
