"""Rules of EndpointSlices."""

from collections.abc import Sequence

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, too_many
from pinnace.api.validation.services import PROTOCOLS, check_endpoint_ip

ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
PORTS_LIMIT, ENDPOINTS_LIMIT, ADDRESSES_LIMIT, HINTS_LIMIT = 20000, 1000, 100, 8


def check_slice(report: Report, endpoint_slice: Object) -> None:
    """Check a new EndpointSlice."""
    _check_type_and_ports(report, endpoint_slice)
    _check_endpoints(report, endpoint_slice)


def check_slice_update(report: Report, endpoint_slice: Object, old: Object) -> None:
    """Check a changed EndpointSlice; endpoints that were stored stay good."""
    _check_type_and_ports(report, endpoint_slice)
    if endpoint_slice.get("endpoints") != old.get("endpoints"):
        _check_endpoints(report, endpoint_slice)


def check_type_kept(report: Report, new: Object, old: Object) -> None:
    """Check that a slice keeps its type of address."""
    report.immutable(new.get("addressType"), old.get("addressType"), "addressType")


def _check_type_and_ports(report: Report, endpoint_slice: Object) -> None:
    report.one_of(endpoint_slice, "addressType", "", ADDRESS_TYPES)
    ports = report.objects(endpoint_slice, "ports", "")
    if len(ports) > PORTS_LIMIT:
        report.add(too_many("ports", len(ports), PORTS_LIMIT))
        return
    seen: set[str] = set()
    for at, port in ports:
        name = report.text(port, "name", at)
        if name:
            report.said(f"{at}.name", name, names.dns1123_label(name))
        if name in seen:
            report.duplicate(f"{at}.name", name)
        seen.add(name)
        if port.get("protocol") is None:
            report.required(f"{at}.protocol")
        elif (protocol := report.text(port, "protocol", at)) not in PROTOCOLS:
            report.not_supported(f"{at}.protocol", protocol, PROTOCOLS)
        if port.get("appProtocol") is not None:
            protocol = report.text(port, "appProtocol", at)
            report.said(f"{at}.appProtocol", protocol, names.qualified_name(protocol))


def _check_endpoints(report: Report, endpoint_slice: Object) -> None:
    kind = report.text(endpoint_slice, "addressType", "")
    endpoints = report.objects(endpoint_slice, "endpoints", "")
    if len(endpoints) > ENDPOINTS_LIMIT:
        report.add(too_many("endpoints", len(endpoints), ENDPOINTS_LIMIT))
        return
    for at, endpoint in endpoints:
        _check_addresses(report, endpoint, kind, at)
        for key, rule in (("nodeName", names.dns1123_subdomain), ("hostname", names.dns1123_label)):
            if endpoint.get(key) is not None:
                value = report.text(endpoint, key, at)
                report.said(f"{at}.{key}", value, rule(value))
        hints = report.child(endpoint, "hints", at)
        if hints is not None:
            _check_hints(report, hints, f"{at}.hints")


def _check_addresses(report: Report, endpoint: Object, kind: str, path: str) -> None:
    where = f"{path}.addresses"
    addresses = report.texts(endpoint, "addresses", path)
    if not addresses:
        report.required(where, "must contain at least 1 address")
    elif len(addresses) > ADDRESSES_LIMIT:
        report.add(too_many(where, len(addresses), ADDRESSES_LIMIT))
    for index, address in enumerate(addresses):
        if kind == "FQDN":
            said = names.fully_qualified_domain_name(address) if address else ()
            report.said(f"{where}[{index}]", address, said)
            if not address:
                report.required(f"{where}[{index}]")
        elif kind in ("IPv4", "IPv6"):
            valid = not names.ip_sloppy(address)
            if valid and (kind == "IPv6") != names.is_ipv6(address):
                report.invalid(where, address, f"must be an {kind} address")
            check_endpoint_ip(report, address, f"{where}[{index}]")


def _check_hints(report: Report, hints: Object, path: str) -> None:
    for key, rule in (("forZones", names.label_value), ("forNodes", names.dns1123_subdomain)):
        parts: Sequence[tuple[str, Object]] = report.objects(hints, key, path)
        if len(parts) > HINTS_LIMIT:
            report.add(too_many(f"{path}.{key}", len(parts), HINTS_LIMIT))
            return
        seen: set[str] = set()
        for at, part in parts:
            name = report.text(part, "name", at)
            if name in seen:
                report.duplicate(f"{at}.name", name)
            seen.add(name)
            report.said(f"{at}.name", name, rule(name))
