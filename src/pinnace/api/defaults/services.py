"""Defaults of Services, Endpoints and EndpointSlices."""

from pinnace.api.defaults.base import child, ensured, entries, fill, fill_text
from pinnace.api.objects import Object

AFFINITY_SECONDS = 10800


def default_service(service: Object) -> None:
    """Fill in a Service: type, ports, affinity and traffic policies."""
    spec = ensured(service, "spec")
    fill_text(spec, "sessionAffinity", "None")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        config = child(child(spec, "sessionAffinityConfig"), "clientIP")
        if config.get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": AFFINITY_SECONDS}}
    fill_text(spec, "type", "ClusterIP")
    for port in entries(spec, "ports"):
        fill_text(port, "protocol", "TCP")
        if port.get("targetPort") in (None, 0, "") and "port" in port:
            port["targetPort"] = port["port"]
    kind = spec["type"]
    exposed = kind in ("NodePort", "LoadBalancer")
    if (exposed or (kind == "ClusterIP" and spec.get("externalIPs"))) and not spec.get(
        "externalTrafficPolicy"
    ):
        spec["externalTrafficPolicy"] = "Cluster"
    if exposed or kind == "ClusterIP":
        fill(spec, "internalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        fill(spec, "allocateLoadBalancerNodePorts", True)
        for ingress in entries(child(child(service, "status"), "loadBalancer"), "ingress"):
            if ingress.get("ip"):
                fill(ingress, "ipMode", "VIP")


def default_endpoints(endpoints: Object) -> None:
    """Fill in the protocol of every port."""
    for subset in entries(endpoints, "subsets"):
        for port in entries(subset, "ports"):
            fill_text(port, "protocol", "TCP")


def default_endpoint_slice(endpoint_slice: Object) -> None:
    """Fill in name and protocol of every port."""
    for port in entries(endpoint_slice, "ports"):
        fill(port, "name", "")
        fill(port, "protocol", "TCP")
