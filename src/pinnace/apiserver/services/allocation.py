"""Cluster IPs and node ports: chosen here, and held by keys of the same commit as the Service.

An IP is held by its IPAddress object, a port by a key of its own. They are created under the
condition that they are absent, together with the Service, and deleted together with it: nothing
leaks when a write fails or is a dry run, and two servers cannot give out the same one.
"""

import ipaddress
import random
import uuid
from collections.abc import Iterable

from pinnace.api.codec.canonical import canonical_bytes
from pinnace.api.errors import ApiError, Cause, invalid
from pinnace.api.kinds.core import SERVICES
from pinnace.api.kinds.networking import IPADDRESSES
from pinnace.api.objects import Object, format_time
from pinnace.api.resources import Resource
from pinnace.apiserver.core import Core
from pinnace.apiserver.services.families import fill_families
from pinnace.apiserver.strategies.services import (
    needs_cluster_ip,
    needs_health_check_node_port,
    needs_node_ports,
)
from pinnace.apiserver.writes import Also
from pinnace.store.base import Compare

PORTS = "/registry/ranges/servicenodeports/"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_service(row: Resource) -> bool:
    """Say whether a row is the Services'."""
    return row.plural == SERVICES.plural and row.group == SERVICES.group


def allocated(core: Core, row: Resource, new: Object) -> Also | None:
    """Fill in what a new Service needs; return what holds it."""
    return _allocate(core, new, None) if is_service(row) else None


def reallocate(core: Core, row: Resource, new: Object, old: Object) -> Also | None:
    """Fill in what a changed Service needs; return what takes and gives back."""
    return _allocate(core, new, old) if is_service(row) else None


def released(core: Core, row: Resource, old: Object) -> Also | None:
    """Return what gives back all that a Service holds."""
    if not is_service(row):
        return None
    also = Also()
    also.deletes += [_ip_key(ip) for ip in _ips(old)]
    also.deletes += [f"{PORTS}{port}" for port in _ports(old)]
    return also


def _allocate(core: Core, new: Object, old: Object | None) -> Also:
    if old is not None:
        _carry_over(new, old)
    network = ipaddress.ip_network(core.config.service_cidr)
    fill_families(new, old, f"IPv{network.version}")
    also = Also()
    had_ips, had_ports = _ips(old) if old else [], _ports(old) if old else set()
    if needs_cluster_ip(new):
        _give_ip(core, new, network, had_ips)
    _give_ports(core, new, had_ports)
    ips, ports = _ips(new), _ports(new)
    for ip in ips:
        if ip not in had_ips:
            also.compares.append(Compare(_ip_key(ip), 0))
            also.puts.append((_ip_key(ip), canonical_bytes(_address(core, new, ip))))
    for port in sorted(ports - had_ports):
        also.compares.append(Compare(f"{PORTS}{port}", 0))
        also.puts.append((f"{PORTS}{port}", new["metadata"]["uid"].encode()))
    also.deletes += [_ip_key(ip) for ip in had_ips if ip not in ips]
    also.deletes += [f"{PORTS}{port}" for port in sorted(had_ports - ports)]
    return also


def _carry_over(new: Object, old: Object) -> None:
    """Keep allocated values that the client left out."""
    spec, before = new["spec"], old["spec"]
    if needs_cluster_ip(new) and needs_cluster_ip(old):
        spec["clusterIP"] = spec.get("clusterIP") or before.get("clusterIP")
        spec["clusterIPs"] = spec.get("clusterIPs") or before.get("clusterIPs")
    if needs_node_ports(new) and needs_node_ports(old):
        taken = _ports(new)
        had = {_port_id(port): port.get("nodePort") for port in before.get("ports") or ()}
        for port in spec.get("ports") or ():
            same = had.get(_port_id(port))
            if not port.get("nodePort") and same and same not in taken:
                port["nodePort"] = same
                taken.add(same)
    if needs_health_check_node_port(new) and needs_health_check_node_port(old):
        had_port = before.get("healthCheckNodePort")
        if had_port and not spec.get("healthCheckNodePort"):
            spec["healthCheckNodePort"] = had_port


def _give_ip(core: Core, new: Object, network: Network, had: list[str]) -> None:
    spec = new["spec"]
    asked = spec.get("clusterIP") or (spec.get("clusterIPs") or [""])[0]
    if asked == "None":
        spec["clusterIP"], spec["clusterIPs"] = "None", ["None"]
        return
    if not asked:
        asked = _free_ip(core, new, network)
    elif asked not in had:
        _check_ip(core, new, network, asked)
    spec["clusterIP"] = asked
    spec["clusterIPs"] = [asked, *(spec.get("clusterIPs") or [])[1:]]


def _check_ip(core: Core, new: Object, network: Network, asked: str) -> None:
    why = ""
    if not _contains(network, asked):
        why = f"the provided IP ({asked}) is not in the valid range. "
        why += f"The range of valid IPs is {network}"
    elif core.lookup.get(IPADDRESSES, "", asked) is not None:
        why = "provided IP is already allocated"
    if why:
        text = f'Invalid value: ["{asked}"]: failed to allocate IP {asked}: {why}'
        cause = Cause("FieldValueInvalid", "spec.clusterIPs", text)
        raise invalid("Service", "", new["metadata"]["name"], [cause])


def _contains(network: Network, text: str) -> bool:
    try:
        return ipaddress.ip_address(text) in network
    except ValueError:
        return False


def _free_ip(core: Core, new: Object, network: Network) -> str:
    """Choose an address, from the upper part first: the lower is for those who ask by number."""
    size = min(network.num_addresses, 1 << 20)
    first, last = 1, size - 2 if network.version == 4 else size - 1
    band = min(max(16, size // 16), 256) if size > 32 else 0
    for low, high in ((first + band, last), (first, first + band - 1)):
        if high < low:
            continue
        start = random.randint(low, high)
        for number in (*range(start, high + 1), *range(low, start)):
            ip = str(network.network_address + number)
            if core.lookup.get(IPADDRESSES, "", ip) is None:
                return ip
    raise ApiError(
        f"failed to allocate a serviceIP: range is full for Service {new['metadata']['name']}"
    )


def _give_ports(core: Core, new: Object, had: set[int]) -> None:
    spec = new["spec"]
    used = _used_ports(core) - had
    taken: dict[int, set[str]] = {}
    for index, port in enumerate(spec.get("ports") or ()):
        number = port.get("nodePort")
        if number and number not in had:
            _check_port(core, new, f"spec.ports[{index}].nodePort", number, used)
        if number:
            taken.setdefault(number, set()).add(port.get("protocol") or "TCP")
    if needs_node_ports(new):
        for port in spec.get("ports") or ():
            if not port.get("nodePort"):
                port["nodePort"] = _free_port(core, used, set(taken) | had)
                taken.setdefault(port["nodePort"], set())
    if needs_health_check_node_port(new):
        asked = spec.get("healthCheckNodePort")
        if asked and asked not in had:
            _check_port(core, new, "spec.healthCheckNodePort", asked, used)
        spec["healthCheckNodePort"] = asked or _free_port(core, used, set(taken) | had)


def _check_port(core: Core, new: Object, field: str, number: int, used: set[int]) -> None:
    low, high = core.config.node_ports
    why = ""
    if not low <= number <= high:
        why = f"provided port is not in the valid range. The range of valid ports is {low}-{high}"
    elif number in used:
        why = "provided port is already allocated"
    if why:
        cause = Cause("FieldValueInvalid", field, f"Invalid value: {number}: {why}")
        raise invalid("Service", "", new["metadata"]["name"], [cause])


def _free_port(core: Core, used: set[int], taken: set[int]) -> int:
    low, high = core.config.node_ports
    start = random.randint(low, high)
    for number in (*range(start, high + 1), *range(low, start)):
        if number not in used and number not in taken:
            return int(number)
    raise ApiError("failed to allocate a nodePort: range is full")


def _used_ports(core: Core) -> set[int]:
    used: set[int] = set()
    for service in core.lookup.list(SERVICES):
        used |= _ports(service)
    return used


def _ports(service: Object) -> set[int]:
    spec = service.get("spec") or {}
    found = {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}
    if spec.get("healthCheckNodePort"):
        found.add(spec["healthCheckNodePort"])
    return found


def _port_id(port: Object) -> tuple[str, int]:
    return str(port.get("protocol") or "TCP"), int(port.get("port") or 0)


def _ips(service: Object) -> list[str]:
    spec = service.get("spec") or {}
    ips: Iterable[str] = spec.get("clusterIPs") or [spec.get("clusterIP") or ""]
    return [ip for ip in ips if ip and ip != "None"] if needs_cluster_ip(service) else []


def _ip_key(ip: str) -> str:
    return f"{IPADDRESSES.prefix}/{ip}"


def _address(core: Core, service: Object, ip: str) -> Object:
    metadata = service["metadata"]
    family = f"IPv{ipaddress.ip_address(ip).version}"
    return {
        "kind": IPADDRESSES.kind,
        "apiVersion": IPADDRESSES.group_version,
        "metadata": {
            "name": ip,
            "uid": str(uuid.uuid4()),
            "creationTimestamp": format_time(core.clock.now()),
            "labels": {
                "ipaddress.kubernetes.io/ip-family": family,
                "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
            },
        },
        "spec": {
            "parentRef": {
                "resource": "services",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
            }
        },
    }
