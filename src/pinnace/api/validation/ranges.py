"""Rules of IPAddresses, ServiceCIDRs and IngressClasses."""

import re

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.schema.internal import internal
from pinnace.api.validation.base import IMMUTABLE, Report, too_long
from pinnace.api.validation.storage import size

CONTROLLER_LIMIT = 250
PREFIXED = 'must be a domain-prefixed path (such as "acme.io/foo")'
ONE_OF_EACH = (
    "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
)
_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"


def check_address(report: Report, address: Object) -> None:
    """Check a new IPAddress: it says who holds it."""
    spec = report.child(address, "spec", "") or {}
    parent, path = report.child(spec, "parentRef", "spec"), "spec.parentRef"
    if parent is None:
        report.required(path)
        return
    group = report.text(parent, "group", path)
    if group:
        report.said(f"{path}.group", group, names.dns1123_subdomain(group))
    for key, needed in (("resource", True), ("name", True), ("namespace", False)):
        value = report.text(parent, key, path)
        if value:
            report.said(f"{path}.{key}", value, names.path_segment_name(value))
        elif needed:
            report.required(f"{path}.{key}")


def check_address_update(report: Report, address: Object, old: Object) -> None:
    """Check a changed IPAddress: its holder stays."""
    parent = (report.child(address, "spec", "") or {}).get("parentRef")
    if parent != (old.get("spec") or {}).get("parentRef"):
        shown = internal("*networking.ParentReference", parent)
        report.invalid("spec.parentRef", shown, IMMUTABLE)


def check_range(report: Report, service_cidr: Object) -> None:
    """Check a new ServiceCIDR: one range for each family of addresses."""
    spec = report.child(service_cidr, "spec", "") or {}
    cidrs, path = report.texts(spec, "cidrs", "spec"), "spec.cidrs"
    if not cidrs:
        report.required(path, "at least one CIDR required")
        return
    if len(cidrs) > 2:
        report.invalid(path, {"CIDRs": cidrs}, "may only hold up to 2 values")
        return
    for index, cidr in enumerate(cidrs):
        report.said(f"{path}[{index}]", cidr, names.cidr(cidr))
    families = {":" in cidr for cidr in cidrs if not names.cidr_sloppy(cidr, strict=False)}
    if len(cidrs) == 2 and len(families) == 1:
        known = [cidr for cidr in cidrs if not names.cidr_sloppy(cidr, strict=False)]
        if len(known) == 2:
            report.invalid(path, cidrs, ONE_OF_EACH)


def check_range_update(report: Report, service_cidr: Object, old: Object) -> None:
    """Check a changed ServiceCIDR: a second family may be added, and nothing else."""
    spec = report.child(service_cidr, "spec", "") or {}
    cidrs, before = report.texts(spec, "cidrs", "spec"), (old.get("spec") or {}).get("cidrs") or []
    grows = (len(before), len(cidrs)) == (1, 2)
    if len(cidrs) != len(before) and not grows:
        report.invalid("spec.cidrs", spec.get("cidrs"), IMMUTABLE)
        return
    for index, (new, was) in enumerate(zip(cidrs, before, strict=False)):
        if new != was:
            report.invalid(f"spec.cidrs[{index}]", new, IMMUTABLE)
    if grows:
        check_range(report, service_cidr)


def check_ingress_class(report: Report, ingress_class: Object) -> None:
    """Check an IngressClass."""
    spec = report.child(ingress_class, "spec", "") or {}
    controller, where = report.text(spec, "controller", "spec"), "spec.controller"
    if size(controller) > CONTROLLER_LIMIT:
        report.add(too_long(where, CONTROLLER_LIMIT))
    _check_prefixed(report, controller, where)
    parameters, path = report.child(spec, "parameters", "spec"), "spec.parameters"
    if parameters is None:
        return
    if parameters.get("apiGroup") is not None:
        group = report.text(parameters, "apiGroup", path)
        report.said(f"{path}.apiGroup", group, names.dns1123_subdomain(group))
    for key in ("kind", "name"):
        value = report.text(parameters, key, path)
        if not value:
            report.required(f"{path}.{key}")
        else:
            report.said(f"{path}.{key}", value, names.path_segment_name(value))
    _check_scope(report, parameters, path)


def _check_prefixed(report: Report, text: str, path: str) -> None:
    if not text:
        report.required(path)
        return
    host, slash, rest = text.partition("/")
    if not slash or not host or not rest:
        report.invalid(path, text, PREFIXED)
        return
    report.said(path, host, names.dns1123_subdomain(host))
    if not re.fullmatch(_PATH, rest, re.ASCII):
        message = names.regex_error("Invalid path", _PATH)
        report.invalid(path, rest, message)


def _check_scope(report: Report, parameters: Object, path: str) -> None:
    if parameters.get("scope") is None:
        report.required(f"{path}.scope")
        return
    scope, where = report.text(parameters, "scope", path), f"{path}.namespace"
    given = parameters.get("namespace") is not None
    if scope not in ("Cluster", "Namespace"):
        report.not_supported(f"{path}.scope", scope, ("Cluster", "Namespace"))
    elif scope == "Cluster" and given:
        report.forbidden(where, "`parameters.scope` is set to 'Cluster'")
    elif scope == "Namespace":
        if not given:
            report.required(where, "`parameters.scope` is set to 'Namespace'")
        else:
            namespace = report.text(parameters, "namespace", path)
            report.said(where, namespace, names.dns1123_label(namespace))


def check_ingress_class_kept(report: Report, ingress_class: Object, old: Object) -> None:
    """Check that the controller of an IngressClass stays."""
    spec = report.child(ingress_class, "spec", "") or {}
    controller = report.text(spec, "controller", "spec")
    if controller != ((old.get("spec") or {}).get("controller") or ""):
        report.invalid("spec.controller", controller, IMMUTABLE)
