"""Warnings of what a Service says in vain."""

from collections.abc import Iterator

from pinnace.api.objects import Object
from pinnace.apiserver.strategies.advice import cidr_advice, ip_advice

HINTS, MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"
EXTERNAL = "ExternalName"


def service_advice(service: Object) -> Iterator[str]:
    """Warn of a Service, in upstream's order."""
    spec = service.get("spec") or {}
    if HINTS in (service["metadata"].get("annotations") or {}):
        yield f"annotation {HINTS} is deprecated, please use {MODE} instead"
    kind, external = spec.get("type"), spec.get("externalIPs") or ()
    headless = kind == "ClusterIP" and spec.get("clusterIP") == "None"
    if spec.get("clusterIP") and not headless and kind != EXTERNAL:
        for index, ip in enumerate(spec.get("clusterIPs") or ()):
            yield from ip_advice(ip, f"spec.clusterIPs[{index}]")
    if headless:
        yield from _headless_advice(spec)
    for index, ip in enumerate(external):
        yield from ip_advice(ip, f"spec.externalIPs[{index}]")
    if external and not headless and kind != EXTERNAL:
        yield "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
    if spec.get("loadBalancerIP"):
        yield from ip_advice(spec["loadBalancerIP"], "spec.loadBalancerIP")
    for index, cidr in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        yield from cidr_advice(cidr, f"spec.loadBalancerSourceRanges[{index}]")
    if kind == EXTERNAL and external:
        yield f'spec.externalIPs is ignored when spec.type is "{EXTERNAL}"'
    if kind != EXTERNAL and spec.get("externalName"):
        yield f'spec.externalName is ignored when spec.type is not "{EXTERNAL}"'
    if spec.get("trafficDistribution") == "PreferClose":
        yield 'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'


def _headless_advice(spec: Object) -> Iterator[str]:
    if spec.get("loadBalancerIP"):
        yield "spec.loadBalancerIP is ignored for headless services"
    if spec.get("externalIPs"):
        yield "spec.externalIPs is ignored for headless services"
    if spec.get("sessionAffinity") != "None":
        yield "spec.SessionAffinity is ignored for headless services"
