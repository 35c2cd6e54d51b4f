"""Cluster IPs and node ports: chosen here, and held by keys of the same commit as the Service.

An IP is held by its IPAddress object, a port by a key of its own. They are created under the
condition that they are absent, together with the Service, and deleted together with it: nothing
leaks when a write fails or is a dry run, and two servers cannot give out the same one.
"""

import ipaddress
import random
import uuid
from collections.abc import Callable, Iterable
from functools import partial

from pinnace.api.codec.canonical import canonical_bytes
from pinnace.api.errors import Cause, internal, invalid
from pinnace.api.kinds.core import SERVICES
from pinnace.api.kinds.networking import IPADDRESSES
from pinnace.api.objects import Object, format_time
from pinnace.api.resources import Resource
from pinnace.apiserver.core import Core
from pinnace.apiserver.managers import tracked_as_own
from pinnace.apiserver.services.families import fill_families
from pinnace.apiserver.services.ranges import MISMATCH, containing, usable
from pinnace.apiserver.strategies.services import (
    needs_cluster_ip,
    needs_health_check_node_port,
    needs_node_ports,
)
from pinnace.apiserver.writes import Also
from pinnace.store.base import Compare

MANAGED_BY, MANAGER = "ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io"
# Returns a port that is not among these.
Free = Callable[[set[int]], int]
_BEYOND = 32768
PORTS = "/registry/ranges/servicenodeports/"


def is_service(row: Resource) -> bool:
    """Say whether a row is the Services'."""
    return row.plural == SERVICES.plural and row.group == SERVICES.group


def allocated(core: Core, row: Resource, new: Object, *, dry_run: bool = False) -> Also | None:
    """Fill in what a new Service needs; return what holds it."""
    return _allocate(core, new, None, dry_run=dry_run) if is_service(row) else None


def reallocate(
    core: Core, row: Resource, new: Object, old: Object, *, dry_run: bool = False
) -> Also | None:
    """Fill in what a changed Service needs; return what takes and gives back."""
    return _allocate(core, new, old, dry_run=dry_run) if is_service(row) else None


def released(core: Core, row: Resource, old: Object) -> Also | None:
    """Return what gives back all that a Service holds."""
    if not is_service(row):
        return None
    also = Also()
    also.deletes += [ip_key(ip) for ip in ips_of(old)]
    also.deletes += [f"{PORTS}{port}" for port in _ports(old)]
    return also


def _allocate(core: Core, new: Object, old: Object | None, *, dry_run: bool) -> Also:
    if old is not None:
        _carry_over(new, old)
    default = ipaddress.ip_network(core.config.service_cidr)
    fill_families(new, old, f"IPv{default.version}")
    also = Also()
    had_ips, had_ports = ips_of(old) if old else [], _ports(old) if old else set()
    if needs_cluster_ip(new):
        _give_ip(core, new, had_ips, dry_run=dry_run)
    _give_ports(core, new, had_ports, dry_run=dry_run)
    ips, ports = ips_of(new), _ports(new)
    for ip in ips:
        if ip not in had_ips:
            also.compares.append(Compare(ip_key(ip), 0))
            also.puts.append((ip_key(ip), canonical_bytes(address_of(core, new, ip))))
    for port in sorted(ports - had_ports):
        also.compares.append(Compare(f"{PORTS}{port}", 0))
        also.puts.append((f"{PORTS}{port}", new["metadata"]["uid"].encode()))
    also.deletes += [ip_key(ip) for ip in had_ips if ip not in ips]
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


def _give_ip(core: Core, new: Object, had: list[str], *, dry_run: bool) -> None:
    spec = new["spec"]
    asked = spec.get("clusterIP") or (spec.get("clusterIPs") or [""])[0]
    if asked == "None":
        spec["clusterIP"], spec["clusterIPs"] = "None", ["None"]
        return
    if not asked:
        asked = _free_ip(core, new, dry_run=dry_run)
    elif asked not in had:
        _check_ip(core, new, asked, dry_run=dry_run)
    spec["clusterIP"] = asked
    spec["clusterIPs"] = [asked, *(spec.get("clusterIPs") or [])[1:]]


def _check_ip(core: Core, new: Object, asked: str, *, dry_run: bool) -> None:
    found = containing(usable(core), asked)
    why = MISMATCH if found is None else found.refusal(asked)
    if not why and not dry_run and core.lookup.get(IPADDRESSES, "", asked) is not None:
        why = "provided IP is already allocated"
    if why:
        text = f'Invalid value: ["{asked}"]: failed to allocate IP {asked}: {why}'
        cause = Cause("FieldValueInvalid", "spec.clusterIPs", text)
        raise invalid("Service", "", new["metadata"]["name"], [cause])


def _free_ip(core: Core, new: Object, *, dry_run: bool) -> str:
    ranges = usable(core)
    if dry_run and ranges:
        # As upstream: what would be free then is not what is free now.
        return str(ranges[0].network.network_address)
    for one in ranges:
        ip = one.free(core)
        if ip:
            return ip
    raise internal(
        f'failed to allocate a serviceIP for Service "{new["metadata"]["name"]}": range is full'
    )


def _give_ports(core: Core, new: Object, had: set[int], *, dry_run: bool) -> None:
    spec = new["spec"]
    used = _used_ports(core) - had
    free = partial(_made_up_port, had) if dry_run else partial(_free_port, core, used)
    taken: set[int] = set()
    for index, port in enumerate(spec.get("ports") or ()):
        number = port.get("nodePort")
        if number and number not in had:
            why = _port_refusal(core, number, used)
            if why:
                where = f"spec.ports[{index}].nodePort"
                cause = Cause("FieldValueInvalid", where, f"Invalid value: {number}: {why}")
                raise invalid("Service", "", new["metadata"]["name"], [cause])
        if number:
            taken.add(number)
    if needs_node_ports(new):
        _fill_node_ports(spec.get("ports") or (), free, taken | had)
        taken |= _ports(new)
    if needs_health_check_node_port(new):
        spec["healthCheckNodePort"] = _health_check_port(core, spec, had, used, free, taken)


def _fill_node_ports(ports: Iterable[Object], free: Free, taken: set[int]) -> None:
    """Give node ports to those without; a port of two protocols gets the same for both."""
    given = {port["port"]: port["nodePort"] for port in ports if port.get("nodePort")}
    for port in ports:
        if not port.get("nodePort"):
            number = given.get(port["port"]) or free(taken)
            port["nodePort"] = given[port["port"]] = number
            taken.add(number)


def _health_check_port(
    core: Core, spec: Object, had: set[int], used: set[int], free: Free, taken: set[int]
) -> int:
    asked = spec.get("healthCheckNodePort")
    if not asked:
        return free(taken | had)
    why = "" if asked in had else _port_refusal(core, asked, used)
    if why:
        raise internal(f"failed to allocate requested HealthCheck NodePort {asked}: {why}")
    return int(asked)


def _port_refusal(core: Core, number: int, used: set[int]) -> str:
    low, high = core.config.node_ports
    if not low <= number <= high:
        return f"provided port is not in the valid range. The range of valid ports is {low}-{high}"
    return "provided port is already allocated" if number in used else ""


def _made_up_port(had: set[int], taken: set[int]) -> int:
    """Return what stands for a port in a dry run: as upstream, none that could be given out."""
    return max(taken - had, default=_BEYOND) + 1


def _free_port(core: Core, used: set[int], taken: set[int]) -> int:
    """Choose a port, from the upper part first: the lower is for those who ask by number."""
    low, high = core.config.node_ports
    size = high - low + 1
    band = min(max(16, size // 32), 128) if size > 16 else 0
    for first, last in ((low + band, high), (low, low + band - 1)):
        if last < first:
            continue
        start = random.randint(first, last)
        for number in (*range(start, last + 1), *range(first, start)):
            if number not in used and number not in taken:
                return int(number)
    raise internal("failed to allocate a nodePort: range is full")


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


def ips_of(service: Object) -> list[str]:
    """Return the cluster IPs of a Service."""
    spec = service.get("spec") or {}
    ips: Iterable[str] = spec.get("clusterIPs") or [spec.get("clusterIP") or ""]
    return [ip for ip in ips if ip and ip != "None"] if needs_cluster_ip(service) else []


def ip_key(ip: str) -> str:
    """Return the key of the object that holds an address."""
    return f"{IPADDRESSES.prefix}/{ip}"


def address_of(core: Core, service: Object, ip: str) -> Object:
    """Return the object that holds an address of a Service."""
    metadata = service["metadata"]
    family = f"IPv{ipaddress.ip_address(ip).version}"
    made: Object = {
        "kind": IPADDRESSES.kind,
        "apiVersion": IPADDRESSES.group_version,
        "metadata": {
            "name": ip,
            "uid": str(uuid.uuid4()),
            "creationTimestamp": format_time(core.clock.now()),
            "labels": {
                "ipaddress.kubernetes.io/ip-family": family,
                MANAGED_BY: MANAGER,
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
    return tracked_as_own(core, IPADDRESSES, made)
