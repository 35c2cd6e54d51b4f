"""Defaults of Pods themselves, beyond those of their spec."""

from typing import Any

from pinnace.api.defaults.base import canonical_resources, child, entries, fill
from pinnace.api.defaults.podspec import default_pod_spec
from pinnace.api.objects import Object
from pinnace.api.pod_resources import aggregate

HUGE = "hugepages-"


def default_pod(pod: Object) -> None:
    """Fill in a Pod: requests from limits, host ports, and the spec."""
    spec = pod.get("spec")
    if isinstance(spec, dict):
        default_pod_spec(spec)
        for key in ("containers", "initContainers"):
            if key in spec:
                for container in entries(spec, key):
                    _requests_from_limits(container)
        if isinstance(spec.get("resources"), dict):
            _default_pod_level(spec)
        fill(spec, "enableServiceLinks", True)
        if spec.get("hostNetwork") is True:
            _default_host_ports(spec)
        grace = spec.get("terminationGracePeriodSeconds")
        if isinstance(grace, int) and grace < 0:
            spec["terminationGracePeriodSeconds"] = 1
    if "status" in pod:
        _default_status(child(pod, "status"))


def _requests_from_limits(container: Object) -> None:
    resources = container.get("resources")
    if not isinstance(resources, dict):
        return
    limits = resources.get("limits")
    if not isinstance(limits, dict) or not limits:
        return
    requests = resources.get("requests")
    if requests is None:
        resources["requests"] = dict(limits)
    elif isinstance(requests, dict):
        for name, amount in limits.items():
            requests.setdefault(name, amount)


def _default_host_ports(spec: Object) -> None:
    for key in ("containers", "initContainers"):
        for container in entries(spec, key):
            for port in entries(container, "ports"):
                if not port.get("hostPort") and port.get("containerPort"):
                    port["hostPort"] = port["containerPort"]


def _default_status(status: Object) -> None:
    ip, ips = status.get("podIP"), status.get("podIPs")
    if ip and (not ips or (isinstance(ips, list) and _first_ip(ips) != ip)):
        status["podIPs"] = [{"ip": ip}]
    elif ips and isinstance(ips, list) and not ip and _first_ip(ips):
        status["podIP"] = _first_ip(ips)
    for key in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        if key in status:
            for container in entries(status, key):
                canonical_resources(container.get("allocatedResources"))
                canonical_resources(child(container, "resources").get("limits"))
                canonical_resources(child(container, "resources").get("requests"))


def _first_ip(ips: list[Any]) -> Any:
    return ips[0].get("ip") if isinstance(ips[0], dict) else None


# -- pod-level resources ------------------------------------------------------------------------


def _default_pod_level(spec: Object) -> None:
    """Fill huge page limits, then requests, of a pod that says some resources as a whole."""
    resources = spec["resources"]
    limits, requests = child(resources, "limits"), child(resources, "requests")
    if limits or requests:
        for name, amount in aggregate(spec, "limits").items():
            if name.startswith(HUGE) and name not in requests and name not in limits:
                limits[name] = amount.canonical()
        if limits:
            resources["limits"] = limits
    if not limits:
        return
    for name, amount in aggregate(spec, "requests").items():
        if name in ("cpu", "memory") and name not in requests:
            requests[name] = amount.canonical()
    for name, text in limits.items():
        if name in ("cpu", "memory") or name.startswith(HUGE):
            requests.setdefault(name, text)
    if requests:
        resources["requests"] = requests
