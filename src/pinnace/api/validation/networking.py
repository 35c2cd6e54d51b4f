"""Rules of NetworkPolicies, Ingresses, IngressClasses and Endpoints."""

import ipaddress

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import Report
from pinnace.api.validation.metadata import check_selector
from pinnace.api.validation.services import PROTOCOLS, check_special_ip

DIRECTIONS = ("Ingress", "Egress")
PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
BAD_IN_PATHS = ("//", "/./", "/../", "%2f", "%2F")
BAD_AT_END = ("/..", "/.")
INGRESS_CLASS = "kubernetes.io/ingress.class"


def check_network_policy(report: Report, policy: Object) -> None:
    """Check a NetworkPolicy."""
    spec = report.child(policy, "spec", "") or {}
    check_selector(report, spec, "podSelector", "spec")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for path, rule in report.objects(spec, direction, "spec"):
            for at, port in report.objects(rule, "ports", path):
                _check_policy_port(report, port, at)
            for at, peer in report.objects(rule, peers, path):
                _check_peer(report, peer, at)
    types = report.texts(spec, "policyTypes", "spec")
    if len(types) > 2:
        report.invalid("spec.policyTypes", types, "may not specify more than two policyTypes")
        return
    for index, kind in enumerate(types):
        if kind not in DIRECTIONS:
            report.not_supported(f"spec.policyTypes[{index}]", kind, DIRECTIONS)


def _check_policy_port(report: Report, port: Object, path: str) -> None:
    protocol = report.text(port, "protocol", path)
    if port.get("protocol") is not None and protocol not in PROTOCOLS:
        report.not_supported(f"{path}.protocol", protocol, ("TCP", "UDP", "SCTP"))
    number, end = port.get("port"), report.number(port, "endPort", path)
    where = f"{path}.endPort"
    if number is None:
        if end is not None:
            report.invalid(where, end, "may not be specified when `port` is not specified")
    elif isinstance(number, int) and not isinstance(number, bool):
        report.said(f"{path}.port", number, names.port_number(number))
        if end is not None:
            if end < number:
                report.invalid(where, number, "must be greater than or equal to `port`")
            report.said(where, end, names.port_number(end))
    else:
        if end is not None:
            report.invalid(where, end, "may not be specified when `port` is non-numeric")
        name = report.text(port, "port", path)
        report.said(f"{path}.port", name, names.port_name(name))


def _check_peer(report: Report, peer: Object, path: str) -> None:
    pods = check_selector(report, peer, "podSelector", path)
    namespaces = check_selector(report, peer, "namespaceSelector", path)
    block = report.child(peer, "ipBlock", path)
    if block is not None:
        _check_block(report, block, f"{path}.ipBlock")
        if pods is not None or namespaces is not None:
            report.forbidden(path, "may not specify both ipBlock and another peer")
    elif pods is None and namespaces is None:
        report.required(path, "must specify a peer")


def _check_block(report: Report, block: Object, path: str) -> None:
    cidr = report.text(block, "cidr", path)
    if not cidr:
        report.required(f"{path}.cidr")
        return
    said = names.cidr_sloppy(cidr)
    report.said(f"{path}.cidr", cidr, said)
    if said:
        return
    for index, part in enumerate(report.texts(block, "except", path)):
        where = f"{path}.except[{index}]"
        part_said = names.cidr_sloppy(part)
        report.said(where, part, part_said)
        if not part_said and not _is_strict_subset(part, cidr):
            report.invalid(where, part, "must be a strict subset of `cidr`")


def _is_strict_subset(part: str, whole: str) -> bool:
    inner = ipaddress.ip_network(part, strict=False)
    outer = ipaddress.ip_network(whole, strict=False)
    if inner.version != outer.version or inner.prefixlen <= outer.prefixlen:
        return False
    return inner.network_address in outer


def check_ingress(report: Report, ingress: Object) -> None:
    """Check an Ingress."""
    spec = report.child(ingress, "spec", "") or {}
    rules = report.objects(spec, "rules", "spec")
    backend = report.child(spec, "defaultBackend", "spec")
    if not rules and backend is None:
        detail = "either `defaultBackend` or `rules` must be specified"
        shown = internal("networking.IngressSpec", spec)["Rules"]
        report.invalid("spec", shown, detail)
    if backend is not None:
        _check_backend(report, backend, "spec.defaultBackend")
    for path, rule in rules:
        _check_host(report, report.text(rule, "host", path), f"{path}.host", no_ip=True)
        http = report.child(rule, "http", path)
        if http is not None:
            _check_http(report, http, f"{path}.http")
    for path, tls in report.objects(spec, "tls", "spec"):
        for index, host in enumerate(report.texts(tls, "hosts", path)):
            _check_host(report, host, f"{path}.hosts[{index}]", no_ip=False)
        secret = report.text(tls, "secretName", path)
        if secret:
            report.said(f"{path}.secretName", secret, names.dns1123_subdomain(secret))
    name = report.text(spec, "ingressClassName", "spec")
    if spec.get("ingressClassName") is not None:
        report.said("spec.ingressClassName", name, names.dns1123_subdomain(name))


def check_ingress_create(report: Report, ingress: Object) -> None:
    """Check a new Ingress, whose class is said once."""
    check_ingress(report, ingress)
    meta, spec = ingress.get("metadata"), ingress.get("spec")
    annotations = meta.get("annotations") if isinstance(meta, dict) else None
    old = annotations.get(INGRESS_CLASS) if isinstance(annotations, dict) else None
    new = spec.get("ingressClassName") if isinstance(spec, dict) else None
    if old is not None and new is not None and old != new:
        detail = "must match `ingressClassName` when both are specified"
        report.invalid(f"annotations.{INGRESS_CLASS}", old, detail)


def _check_host(report: Report, host: str, path: str, *, no_ip: bool) -> None:
    if not host and no_ip:
        return
    if no_ip and not names.ip_sloppy(host, strict=False):
        report.invalid(path, host, "must be a DNS name, not an IP address")
    wild = "*" in host
    said = names.wildcard_dns1123_subdomain(host) if wild else names.dns1123_subdomain(host)
    report.said(path, host, said)


def _check_http(report: Report, http: Object, path: str) -> None:
    paths = report.objects(http, "paths", path)
    if not paths:
        report.required(f"{path}.paths")
    for at, entry in paths:
        kind, target = report.text(entry, "pathType", at), report.text(entry, "path", at)
        if entry.get("pathType") is None:
            report.required(f"{at}.pathType", "pathType must be specified")
            continue
        where = f"{at}.path"
        if kind not in PATH_TYPES:
            report.not_supported(f"{at}.pathType", kind, PATH_TYPES)
        elif not target.startswith("/") and (target or kind != "ImplementationSpecific"):
            report.invalid(where, target, "must be an absolute path")
        if kind in ("Exact", "Prefix"):
            for bad in BAD_IN_PATHS:
                if bad in target:
                    report.invalid(where, target, f"must not contain '{bad}'")
            for bad in BAD_AT_END:
                if target.endswith(bad):
                    report.invalid(where, target, f"cannot end with '{bad}'")
        _check_backend(report, report.child(entry, "backend", at) or {}, f"{at}.backend")


def _check_backend(report: Report, backend: Object, path: str) -> None:
    service = report.child(backend, "service", path)
    resource = report.child(backend, "resource", path)
    if service is not None and resource is not None:
        report.invalid(path, "", "cannot set both resource and service backends")
    elif resource is not None:
        _check_resource(report, resource, f"{path}.resource")
    elif service is None:
        report.invalid(path, "", "resource or service backend is required")
    else:
        _check_service_backend(report, service, path)


def _check_resource(report: Report, resource: Object, path: str) -> None:
    if resource.get("apiGroup") is not None:
        group = report.text(resource, "apiGroup", path)
        report.said(f"{path}.apiGroup", group, names.dns1123_subdomain(group))
    for key in ("kind", "name"):
        value = report.text(resource, key, path)
        if not value:
            report.required(f"{path}.{key}")
        else:
            report.said(f"{path}.{key}", value, names.path_segment_name(value))


def _check_service_backend(report: Report, service: Object, path: str) -> None:
    where = f"{path}.service"
    name = report.text(service, "name", where)
    if not name:
        report.required(f"{where}.name")
    else:
        report.said(f"{where}.name", name, names.dns1123_label(name))
    port = report.child(service, "port", where) or {}
    port_name = report.text(port, "name", f"{where}.port")
    number = report.number(port, "number", f"{where}.port")
    if port_name and number:
        report.invalid(path, "", "cannot set both port name & port number")
    elif port_name:
        report.said(f"{where}.port.name", port_name, names.port_name(port_name))
    elif number:
        report.said(f"{where}.port.number", number, names.port_number(number))
    else:
        report.required(path, "port name or number is required")


def check_endpoints(report: Report, endpoints: Object) -> None:
    """Check Endpoints."""
    for path, subset in report.objects(endpoints, "subsets", ""):
        addresses = [
            (at, address)
            for key in ("addresses", "notReadyAddresses")
            for at, address in report.objects(subset, key, path)
        ]
        if not addresses:
            report.required(path, "must specify `addresses` or `notReadyAddresses`")
        for at, address in addresses:
            ip = report.text(address, "ip", at)
            report.said(f"{at}.ip", ip, names.ip_sloppy(ip))
            _check_names(report, address, at)
            check_special_ip(report, ip, f"{at}.ip")
        ports = report.objects(subset, "ports", path)
        for at, port in ports:
            name = report.text(port, "name", at)
            if len(ports) > 1 and not name:
                report.required(f"{at}.name")
            elif name:
                report.said(f"{at}.name", name, names.dns1123_label(name))
            number = report.number(port, "port", at) or 0
            report.said(f"{at}.port", number, names.port_number(number))
            report.one_of(port, "protocol", at, PROTOCOLS)
            if port.get("appProtocol") is not None:
                protocol = report.text(port, "appProtocol", at)
                report.said(f"{at}.appProtocol", protocol, names.qualified_name(protocol))


def check_endpoints_update(report: Report, endpoints: Object, old: Object) -> None:
    """Check Endpoints that are changed; subsets that stay may have been wrong always."""
    if endpoints.get("subsets") != old.get("subsets"):
        check_endpoints(report, endpoints)


def _check_names(report: Report, endpoint: Object, path: str) -> None:
    for key, rule in (("hostname", names.dns1123_label), ("nodeName", names.dns1123_subdomain)):
        if endpoint.get(key) is not None:
            value = report.text(endpoint, key, path)
            if value or key == "nodeName":
                report.said(f"{path}.{key}", value, rule(value))
