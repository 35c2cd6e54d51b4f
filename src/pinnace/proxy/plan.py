"""From Services and EndpointSlices to what must be forwarded where: pure.

The rules are kube-proxy's (KEP-2086 internal traffic policy, KEP-1669 terminating endpoints): ready
endpoints serve; when a Service has none, those that terminate but still serve do. A Local policy
keeps only endpoints of this node.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pinnace.api.objects import Key, Object, key_of

SERVICE_NAME = "kubernetes.io/service-name"
PROXY_NAME = "service.kubernetes.io/service-proxy-name"
HEADLESS = "service.kubernetes.io/headless"
DEFAULT_AFFINITY_SECONDS = 10800


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """Where a connection ends."""

    ip: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServicePort:
    """One port of one Service, ready to be rendered.

    `cluster_ips` are reached from anywhere by the internal rules; `external_ips` (load balancer and
    externalIPs) and `node_port` by the external ones. Affinity is seconds, 0 for none.
    """

    name: str
    protocol: str
    port: int
    cluster_ips: tuple[str, ...]
    external_ips: tuple[str, ...] = ()
    node_port: int = 0
    internal: tuple[Endpoint, ...] = ()
    external: tuple[Endpoint, ...] = ()
    external_local: bool = False
    affinity: int = 0


@dataclass(frozen=True, slots=True)
class _Candidate:
    endpoint: Endpoint
    local: bool
    ready: bool
    serving: bool


def plan(services: Iterable[Object], slices: Iterable[Object], *, node: str) -> list[ServicePort]:
    """Return every Service port to forward, in order of their names."""
    by_service: dict[Key, list[Object]] = defaultdict(list)
    for piece in slices:
        owner = (piece["metadata"].get("labels") or {}).get(SERVICE_NAME)
        if owner and piece.get("addressType") == "IPv4":
            by_service[Key(piece["metadata"].get("namespace", ""), owner)].append(piece)
    found = []
    for service in services:
        if _is_ours(service):
            found += _ports_of(service, by_service[key_of(service)], node)
    return sorted(found, key=lambda port: port.name)


def _is_ours(service: Object) -> bool:
    spec = service["spec"]
    labels = service["metadata"].get("labels") or {}
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") in (None, "", "None"):
        return False
    return PROXY_NAME not in labels and HEADLESS not in labels


def _ports_of(service: Object, slices: list[Object], node: str) -> list[ServicePort]:
    spec = service["spec"]
    status = service.get("status") or {}
    balancers = (status.get("loadBalancer") or {}).get("ingress") or ()
    external_ips = [entry["ip"] for entry in balancers if _is_ipv4(entry.get("ip", ""))]
    external_ips += [ip for ip in spec.get("externalIPs") or () if _is_ipv4(ip)]
    cluster_ips = [ip for ip in spec.get("clusterIPs") or [spec["clusterIP"]] if _is_ipv4(ip)]
    internal_local = spec.get("internalTrafficPolicy") == "Local"
    external_local = spec.get("externalTrafficPolicy") == "Local"
    found = []
    for port in spec.get("ports") or ():
        candidates = _candidates(slices, port.get("name", ""), port.get("protocol", "TCP"), node)
        found.append(
            ServicePort(
                name=_name_of(service, port),
                protocol=port.get("protocol", "TCP").lower(),
                port=port["port"],
                cluster_ips=tuple(cluster_ips),
                external_ips=tuple(external_ips),
                node_port=port.get("nodePort") or 0,
                internal=_usable(candidates, local_only=internal_local),
                external=_usable(candidates, local_only=external_local),
                external_local=external_local,
                affinity=_affinity(spec),
            )
        )
    return found


def _name_of(service: Object, port: Mapping[str, Any]) -> str:
    key = key_of(service)
    label = port.get("name") or port["port"]
    return f"{key}:{label}/{port.get('protocol', 'TCP').lower()}"


def _affinity(spec: Mapping[str, Any]) -> int:
    if spec.get("sessionAffinity") != "ClientIP":
        return 0
    config = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
    return int(config.get("timeoutSeconds") or DEFAULT_AFFINITY_SECONDS)


def _candidates(
    slices: list[Object], name: str, protocol: str, node: str
) -> dict[Endpoint, _Candidate]:
    found: dict[Endpoint, _Candidate] = {}
    for piece in slices:
        for port in piece.get("ports") or ():
            if (port.get("name") or "") != name or port.get("protocol", "TCP") != protocol:
                continue
            if not port.get("port"):
                continue
            for entry in piece.get("endpoints") or ():
                candidate = _candidate(entry, port["port"], node)
                if candidate is not None:
                    known = found.get(candidate.endpoint)
                    # One address in several slices: the one that is ready is the newer truth.
                    if known is None or candidate.ready:
                        found[candidate.endpoint] = candidate
    return found


def _candidate(entry: Mapping[str, Any], port: int, node: str) -> _Candidate | None:
    addresses = entry.get("addresses") or ()
    if not addresses:
        return None
    conditions = entry.get("conditions") or {}
    ready = conditions.get("ready") is not False
    serving = conditions.get("serving")
    return _Candidate(
        Endpoint(addresses[0], port),
        entry.get("nodeName") == node,
        ready,
        ready if serving is None else bool(serving),
    )


def _usable(candidates: Mapping[Endpoint, _Candidate], *, local_only: bool) -> tuple[Endpoint, ...]:
    allowed = [found for found in candidates.values() if found.local or not local_only]
    ready = [found.endpoint for found in allowed if found.ready]
    if not ready:
        ready = [found.endpoint for found in allowed if found.serving]
    return tuple(sorted(ready))


def _is_ipv4(text: str) -> bool:
    return text.count(".") == 3 and ":" not in text


def stale_udp(before: Iterable[ServicePort], after: Iterable[ServicePort]) -> list[tuple[str, int]]:
    """Return the UDP (address, port) pairs whose connection tracking must be forgotten.

    A UDP flow has no end that the kernel could see: after an endpoint went, or the first one came,
    flows would stick to what was. A node port is given with an empty address.
    """
    now = {port.name: port for port in after}
    stale: list[tuple[str, int]] = []
    for old in before:
        new = now.get(old.name)
        gone = set(old.internal) | set(old.external)
        kept = set(new.internal) | set(new.external) if new else set()
        if old.protocol != "udp" or (gone <= kept and not (kept and not gone)):
            continue
        stale += [(ip, old.port) for ip in (*old.cluster_ips, *old.external_ips)]
        if old.node_port:
            stale.append(("", old.node_port))
    return stale
