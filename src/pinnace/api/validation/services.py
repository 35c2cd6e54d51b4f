"""Rules of Services: ports, cluster IPs, families, traffic policies."""

import ipaddress
from collections.abc import Collection
from typing import Any

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report
from pinnace.api.validation.metadata import check_labels
from pinnace.api.validation.probes import check_port

PROTOCOLS = ("SCTP", "TCP", "UDP")
TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
AFFINITIES = ("ClientIP", "None")
FAMILIES = ("IPv4", "IPv6")
FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
TRAFFIC_POLICIES = ("Cluster", "Local")
DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
MAX_AFFINITY = 86400
FOR_BALANCERS = "may only be used when `type` is 'LoadBalancer'"
ONCE = "may not change once set"
HINTS, MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"
RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"


def _is_headless(spec: Object) -> bool:
    return spec.get("clusterIPs") == ["None"]


def check_service(report: Report, service: Object, old: Object | None = None) -> None:
    """Check a Service, to which addresses and node ports have been given."""
    _check_topology(report, service)
    spec, before = report.child(service, "spec", "") or {}, (old or {}).get("spec") or {}
    kind = report.text(spec, "type", "spec")
    headless = _is_headless(spec)
    ports = report.objects(spec, "ports", "spec")
    if not ports and not headless and kind != "ExternalName":
        report.required("spec.ports")
    if headless and kind in ("LoadBalancer", "NodePort"):
        detail = f"may not be set to 'None' for {kind} services"
        report.invalid("spec.clusterIPs[0]", "None", detail)
    if kind == "ExternalName":
        _check_external_name(report, spec)
    seen: set[str] = set()
    for path, port in ports:
        _check_service_port(report, port, path, seen, needs_name=len(ports) > 1)
    if spec.get("selector") is not None:
        check_labels(report, spec, "selector", "spec")
    _check_affinity(report, spec)
    if kind != "ExternalName":
        check_cluster_ips(report, spec, before.get("clusterIPs") or ())
    held = before.get("externalIPs") or ()
    for index, ip in enumerate(report.texts(spec, "externalIPs", "spec")):
        check_endpoint_ip(report, ip, f"spec.externalIPs[{index}]", known=held)
    if not kind:
        report.required("spec.type")
    elif kind not in TYPES:
        report.not_supported("spec.type", kind, TYPES)
    _check_ports_together(report, ports, kind)
    _check_balancer(report, spec, before)
    if not spec.get("loadBalancerSourceRanges"):
        _check_noted_ranges(report, service, old)
    _check_allocation(report, spec)
    check_balancer_class(report, spec)
    _check_policies(report, spec, kind)


def _check_external_name(report: Report, spec: Object) -> None:
    for key in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(key) or (key == "ipFamilyPolicy" and spec.get(key) is not None):
            report.forbidden(f"spec.{key}", "may not be set for ExternalName services")
    name = report.text(spec, "externalName", "spec").removesuffix(".")
    if name:
        report.said("spec.externalName", name, names.dns1123_subdomain(name))
    else:
        report.required("spec.externalName")


def _check_service_port(
    report: Report, port: Object, path: str, seen: set[str], *, needs_name: bool
) -> None:
    name = report.text(port, "name", path)
    if needs_name and not name:
        report.required(f"{path}.name")
    elif name:
        report.said(f"{path}.name", name, names.dns1123_label(name))
        if name in seen:
            report.duplicate(f"{path}.name", name)
        seen.add(name)
    number = report.number(port, "port", path) or 0
    report.said(f"{path}.port", number, names.port_number(number))
    report.one_of(port, "protocol", path, PROTOCOLS)
    check_port(report, port.get("targetPort"), f"{path}.targetPort")
    protocol = report.text(port, "appProtocol", path)
    if port.get("appProtocol") is not None:
        report.said(f"{path}.appProtocol", protocol, names.qualified_name(protocol))


def _check_affinity(report: Report, spec: Object) -> None:
    affinity = report.one_of(spec, "sessionAffinity", "spec", AFFINITIES)
    config = report.child(spec, "sessionAffinityConfig", "spec")
    where = "spec.sessionAffinityConfig"
    if affinity == "None" and config is not None:
        report.forbidden(where, "must not be set when session affinity is None")
    if affinity != "ClientIP":
        return
    why = "when session affinity type is ClientIP"
    if config is None:
        report.required(where, why)
        return
    client = report.child(config, "clientIP", where)
    if client is None:
        report.required(f"{where}.clientIP", why)
        return
    seconds = report.number(client, "timeoutSeconds", f"{where}.clientIP")
    if seconds is None:
        report.required(f"{where}.clientIP.timeoutSeconds", why)
    elif not 0 < seconds <= MAX_AFFINITY:
        detail = f"must be greater than 0 and less than {MAX_AFFINITY}"
        report.invalid(f"{where}.clientIP.timeoutSeconds", seconds, detail)


def check_cluster_ips(report: Report, spec: Object, known: Collection[str]) -> None:
    """Check the addresses and IP families of a Service, of which some were known before."""
    where = "spec.clusterIPs"
    ip, ips = report.text(spec, "clusterIP", "spec"), report.texts(spec, "clusterIPs", "spec")
    if ip and not ips:
        report.required(where)
    elif ip and ips[0] != ip:
        report.invalid(where, ips, "first value must match `clusterIP`")
    elif not ip and ips:
        report.invalid(where, ips, "must be empty when `clusterIP` is not specified")
    families = _families(report, spec)
    policy = report.text(spec, "ipFamilyPolicy", "spec")
    if spec.get("ipFamilyPolicy") is not None and policy not in FAMILY_POLICIES:
        report.not_supported("spec.ipFamilyPolicy", policy, FAMILY_POLICIES)
    before = len(report.causes)
    for index, value in enumerate(ips):
        if index == 0 and value == "None":
            if len(ips) > 1:
                report.invalid(where, ips, "'None' must be the first and only value")
        elif value not in known:
            report.said(f"{where}[{index}]", value, names.ip_sloppy(value))
    wrong = len(report.causes) > before
    if len(ips) > 2:
        report.invalid(where, ips, "may only hold up to 2 values")
    if not wrong and ips and ips[0] != "None":
        _check_families(report, ips, families)


def _families(report: Report, spec: Object) -> list[str]:
    families = report.texts(spec, "ipFamilies", "spec")
    for index, family in enumerate(families):
        if family not in FAMILIES:
            report.not_supported(f"spec.ipFamilies[{index}]", family, FAMILIES)
        if family in families[:index]:
            report.duplicate(f"spec.ipFamilies[{index}]", family)
    return families


def _check_families(report: Report, ips: list[str], families: list[str]) -> None:
    if len(ips) > 1 and len({names.is_ipv6(ip) for ip in ips}) == 1:
        detail = "may specify no more than one IP for each IP family"
        report.invalid("spec.clusterIPs", ips, detail)
    for index, (ip, family) in enumerate(zip(ips, families, strict=False)):
        if family in FAMILIES and (family == "IPv6") != names.is_ipv6(ip):
            detail = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            report.invalid(f"spec.clusterIPs[{index}]", ip, detail)


def _check_ports_together(report: Report, ports: list[tuple[str, Object]], kind: str) -> None:
    held = [(path, port) for path, port in ports if report.number(port, "nodePort", path)]
    for path, _ in held if kind == "ClusterIP" else ():
        report.forbidden(f"{path}.nodePort", "may not be used when `type` is 'ClusterIP'")
    seen: list[tuple[Any, Any]] = []
    for path, port in held:
        key = port.get("protocol"), port["nodePort"]
        if key in seen:
            report.duplicate(f"{path}.nodePort", port["nodePort"])
        seen.append(key)
    seen = []
    for path, port in ports:
        key = port.get("protocol"), port.get("port")
        if key in seen:
            report.duplicate(path, _shown_port(*key))
        seen.append(key)


def _shown_port(protocol: Any, number: Any) -> Object:
    """Return what tells ports apart, as the server's own type is printed."""
    return {
        "Name": "",
        "Protocol": protocol,
        "AppProtocol": None,
        "Port": number,
        "TargetPort": 0,
        "NodePort": 0,
    }


def _annotations(service: Object) -> dict[str, str]:
    quiet = Report()  # what is wrong with them is told by the rules of metadata
    return quiet.mapping(quiet.child(service, "metadata", "") or {}, "annotations", "")


def _check_topology(report: Report, service: Object) -> None:
    notes = _annotations(service)
    if HINTS in notes and MODE in notes and notes[HINTS] != notes[MODE]:
        detail = f"must match annotations[{HINTS}] when both are specified"
        report.invalid(f"metadata.annotations[{MODE}]", notes[MODE], detail)


def _check_balancer(report: Report, spec: Object, before: Object) -> None:
    ranges = report.texts(spec, "loadBalancerSourceRanges", "spec")
    if ranges:
        where = "spec.LoadBalancerSourceRanges"
        if spec.get("type") != "LoadBalancer":
            report.forbidden(where, FOR_BALANCERS)
        known = [value.strip() for value in before.get("loadBalancerSourceRanges") or ()]
        for index, value in enumerate(map(str.strip, ranges)):
            said = [] if value in known else names.cidr_sloppy(value)
            report.said(f"{where}[{index}]", value, said)


def _check_allocation(report: Report, spec: Object) -> None:
    balancer = spec.get("type") == "LoadBalancer"
    allocate = report.flag(spec, "allocateLoadBalancerNodePorts", "spec")
    if allocate is not None and not balancer:
        report.forbidden("spec.allocateLoadBalancerNodePorts", FOR_BALANCERS)
    if allocate is None and balancer:
        report.required("allocateLoadBalancerNodePorts")


def _check_noted_ranges(report: Report, service: Object, old: Object | None) -> None:
    noted = _annotations(service).get(RANGES)
    if noted is None:
        return
    where = f"metadata.annotations[{RANGES}]"
    if (Report().child(service, "spec", "") or {}).get("type") != "LoadBalancer":
        report.forbidden(where, FOR_BALANCERS)
    if old and _annotations(old).get(RANGES) == noted:
        return
    for value in map(str.strip, noted.split(",") if noted.strip() else ()):
        report.said(where, value, names.cidr_sloppy(value))


def check_balancer_class(report: Report, spec: Object) -> None:
    """Check the class of a load balancer, which no other Service has."""
    name = report.text(spec, "loadBalancerClass", "spec")
    if spec.get("loadBalancerClass") is None:
        return
    if spec.get("type") == "LoadBalancer":
        report.said("spec.loadBalancerClass", name, names.qualified_name(name))
    else:
        report.forbidden("spec.loadBalancerClass", FOR_BALANCERS)


def _check_policies(report: Report, spec: Object, kind: str) -> None:
    external = report.text(spec, "externalTrafficPolicy", "spec")
    exposed = kind in ("NodePort", "LoadBalancer") or (
        kind == "ClusterIP" and bool(spec.get("externalIPs"))
    )
    if exposed:
        report.one_of(spec, "externalTrafficPolicy", "spec", TRAFFIC_POLICIES)
    elif external:
        detail = "may only be set for externally-accessible services"
        report.invalid("spec.externalTrafficPolicy", external, detail)
    health = report.number(spec, "healthCheckNodePort", "spec") or 0
    where = "spec.healthCheckNodePort"
    if kind == "LoadBalancer" and external == "Local":
        if health:
            report.said(where, health, names.port_number(health))
        else:
            report.required(where)
    elif health:
        report.invalid(
            where,
            health,
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        )
    internal = report.text(spec, "internalTrafficPolicy", "spec")
    if spec.get("internalTrafficPolicy") is None:
        if kind in ("NodePort", "LoadBalancer", "ClusterIP"):
            report.required("spec.internalTrafficPolicy")
    elif internal not in TRAFFIC_POLICIES:
        report.not_supported("spec.internalTrafficPolicy", internal, TRAFFIC_POLICIES)
    distribution = report.text(spec, "trafficDistribution", "spec")
    if spec.get("trafficDistribution") is not None and distribution not in DISTRIBUTIONS:
        report.not_supported("spec.trafficDistribution", distribution, DISTRIBUTIONS)


def check_endpoint_ip(report: Report, ip: str, path: str, *, known: Collection[str] = ()) -> None:
    """Check that an address is one, or was taken for one, and that traffic can be sent to it."""
    said = [] if ip in known else names.ip_sloppy(ip)
    report.said(path, ip, said)
    if not said:
        check_special_ip(report, ip, path)


def check_special_ip(report: Report, ip: str, path: str) -> None:
    """Check that traffic can be sent to an address; what is none is told of in short."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        report.invalid(path, ip, "must be a valid IP address")
        return
    if address.is_unspecified:
        report.invalid(path, ip, f"may not be unspecified ({ip})")
    if address.is_loopback:
        detail = "may not be in the loopback range (127.0.0.0/8, ::1/128)"
        report.invalid(path, ip, detail)
    if address.is_link_local:
        detail = "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
        report.invalid(path, ip, detail)
    if ip.startswith("224.0.0.") or ip.lower().startswith("ff02:"):
        detail = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        report.invalid(path, ip, detail)


def check_service_update(report: Report, service: Object, old: Object) -> None:
    """Check a Service that is changed: its addresses stay."""
    spec, before = report.child(service, "spec", "") or {}, old.get("spec") or {}
    if "ExternalName" not in (spec.get("type"), before.get("type")):
        _check_ips_kept(report, spec, before)
        if not _is_headless(spec) and not _is_headless(before):
            _check_families_kept(report, spec, before)
    _check_balancer_kept(report, spec, before)
    check_service(report, service, old)


def _check_balancer_kept(report: Report, spec: Object, before: Object) -> None:
    both = spec.get("type") == before.get("type") == "LoadBalancer"
    name = spec.get("loadBalancerClass")
    if both and name != before.get("loadBalancerClass"):
        report.invalid("spec.loadBalancerClass", name, ONCE)
    check_balancer_class(report, spec)  # upstream checks it here and once more with the rest
    local = spec.get("externalTrafficPolicy") == before.get("externalTrafficPolicy") == "Local"
    port, had = spec.get("healthCheckNodePort") or 0, before.get("healthCheckNodePort") or 0
    if both and local and port != had:
        report.forbidden("spec.healthCheckNodePort", "field is immutable")


def _check_ips_kept(report: Report, spec: Object, before: Object) -> None:
    if _is_headless(spec) and _is_headless(before):
        return
    new = Report().texts(spec, "clusterIPs", "spec")
    old = Report().texts(before, "clusterIPs", "spec")
    if len(old) == len(new):
        for index, ip in enumerate(old):
            if ip != new[index]:
                report.invalid(f"spec.clusterIPs[{index}]", new, ONCE)
        return
    if not new:
        report.invalid("spec.clusterIPs[0]", new, "primary clusterIP can not be unset")
    elif old and new[0] != old[0]:
        report.invalid("spec.clusterIPs[0]", new, ONCE)
    if len(old) > len(new) == 1 and spec.get("ipFamilyPolicy") != "SingleStack":
        detail = "must be set to 'SingleStack' when releasing the secondary clusterIP"
        report.invalid("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), detail)


def _check_families_kept(report: Report, spec: Object, before: Object) -> None:
    new = Report().texts(spec, "ipFamilies", "spec")
    old = Report().texts(before, "ipFamilies", "spec")
    changed = len(new) == len(old) and new != old
    if changed or (new and old and new[0] != old[0]):
        report.invalid("spec.ipFamilies[0]", new, ONCE)
