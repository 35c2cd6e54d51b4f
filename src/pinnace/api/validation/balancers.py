"""Rules of what a load balancer says of itself, in the status of a Service or an Ingress."""

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report

WHERE = "status.loadBalancer.ingress"


def check_service_status(report: Report, service: Object, old: Object) -> None:
    """Check a Service's status: only a load balancer has points of ingress."""
    spec = report.child(service, "spec", "") or {}
    status = report.child(service, "status", "") or {}
    balancer = report.child(status, "loadBalancer", "status") or {}
    points = report.objects(balancer, "ingress", "status.loadBalancer")
    if points and spec.get("type") != "LoadBalancer":
        report.forbidden(WHERE, "may only be used when `spec.type` is 'LoadBalancer'")
        return
    known = _addresses(old)
    for at, point in points:
        _check_address(report, point, at, known)
        _check_mode(report, point, at)
        _check_host(report, point, at)


def check_ingress_status(report: Report, ingress: Object, old: Object) -> None:
    """Check the points at which an Ingress is reached."""
    status = report.child(ingress, "status", "") or {}
    balancer = report.child(status, "loadBalancer", "status") or {}
    known = _addresses(old)
    for at, point in report.objects(balancer, "ingress", "status.loadBalancer"):
        _check_address(report, point, at, known)
        _check_host(report, point, at)


def _addresses(service: Object) -> list[str]:
    quiet = Report()
    status = quiet.child(service, "status", "") or {}
    balancer = quiet.child(status, "loadBalancer", "") or {}
    return [str(point.get("ip")) for _, point in quiet.objects(balancer, "ingress", "")]


def _check_address(report: Report, point: Object, path: str, known: list[str]) -> None:
    ip = report.text(point, "ip", path)
    if ip and ip not in known:
        report.said(f"{path}.ip", ip, names.ip_sloppy(ip))


def _check_mode(report: Report, point: Object, path: str) -> None:
    ip, mode = report.text(point, "ip", path), report.text(point, "ipMode", path)
    where = f"{path}.ipMode"
    if point.get("ipMode") is None:
        if ip:
            report.required(where, "must be specified when `ip` is set")
    elif not ip:
        report.forbidden(where, "may not be specified when `ip` is not set")
    elif mode not in ("Proxy", "VIP"):
        report.not_supported(where, mode, ("Proxy", "VIP"))


def _check_host(report: Report, point: Object, path: str) -> None:
    host = report.text(point, "hostname", path)
    if host:
        report.said(f"{path}.hostname", host, names.dns1123_subdomain(host))
        if not names.ip_sloppy(host, strict=False):
            report.invalid(f"{path}.hostname", host, "must be a DNS name, not an IP address")
