"""Cluster IPs and node ports: chosen here, and held by keys of the same commit as the Service.

An IP is held by its IPAddress object, a port by a key of its own. They are created under the
condition that they are absent, together with the Service, and deleted together with it: nothing
leaks when a write fails or is a dry run, and two servers cannot give out the same one.
"""

import ipaddress
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from pinnace.api.codec.canonical import canonical_bytes
from pinnace.api.errors import internal, invalid
from pinnace.api.kinds.core import SERVICES
from pinnace.api.kinds.networking import IPADDRESSES
from pinnace.api.objects import Object, format_time
from pinnace.api.resources import Resource
from pinnace.api.validation.base import invalid as bad
from pinnace.apiserver.core import Core
from pinnace.apiserver.managers import tracked_as_own
from pinnace.apiserver.services.families import fill_families
from pinnace.apiserver.services.nodeports import fill_ports, ports_of
from pinnace.apiserver.services.ranges import MISMATCH, containing, usable
from pinnace.apiserver.services.unsaid import fill_unsaid
from pinnace.apiserver.strategies.services import needs_cluster_ip
from pinnace.apiserver.writes import Also
from pinnace.store.base import Compare

MANAGED_BY, MANAGER = "ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io"
PORTS = "/registry/ranges/servicenodeports/"


@dataclass(frozen=True, slots=True)
class Allocation:
    """What a write of a Service is given, and what holds it.

    As upstream, addresses and ports come before the Service is prepared and validated: what cannot
    be had is told alone.
    """

    core: Core
    dry_run: bool = False

    def fill(self, new: Object, old: Object | None = None) -> None:
        """Fill in what a new or a changed Service needs; raises if it cannot have that."""
        fill_unsaid(new, old)
        default = ipaddress.ip_network(self.core.config.service_cidr)
        fill_families(new, old, f"IPv{default.version}")
        if old is None or old["spec"].get("type") == "ExternalName":
            self._give_ips(new)
        fill_ports(self.core, new, old, dry_run=self.dry_run)

    def also(self, new: Object, old: Object | None = None) -> Also:
        """Return what takes and frees addresses and ports in the commit of the Service."""
        also = Also()
        had_ips, had_ports = (ips_of(old), ports_of(old)) if old else ([], set())
        ips, ports = ips_of(new), ports_of(new)
        for ip in ips:
            if ip not in had_ips:
                also.compares.append(Compare(ip_key(ip), 0))
                also.puts.append((ip_key(ip), canonical_bytes(address_of(self.core, new, ip))))
        for port in sorted(ports - had_ports):
            also.compares.append(Compare(f"{PORTS}{port}", 0))
            also.puts.append((f"{PORTS}{port}", new["metadata"]["uid"].encode()))
        also.deletes += [ip_key(ip) for ip in had_ips if ip not in ips]
        also.deletes += [f"{PORTS}{port}" for port in sorted(had_ports - ports)]
        return also

    def _give_ips(self, new: Object) -> None:
        spec = new["spec"]
        listed = list(spec.get("clusterIPs") or ())
        if spec.get("type") == "ExternalName" or listed[:1] == ["None"]:
            return
        for index, _ in enumerate(spec["ipFamilies"]):
            asked = listed[index] if index < len(listed) else ""
            listed[index:] = [asked or self._free_ip(new), *listed[index + 1 :]]
            if asked:
                self._check_ip(new, asked, listed)
        spec["clusterIP"], spec["clusterIPs"] = listed[0], listed

    def _check_ip(self, new: Object, asked: str, listed: list[str]) -> None:
        found = containing(usable(self.core), asked)
        why = MISMATCH if found is None else found.refusal(asked)
        held = None if why or self.dry_run else self.core.lookup.get(IPADDRESSES, "", asked)
        if why or held is not None:
            why = why or "provided IP is already allocated"
            said = f"failed to allocate IP {asked}: {why}"
            cause = bad("spec.clusterIPs", listed, said)
            raise invalid("Service", "", new["metadata"].get("name") or "", [cause])

    def _free_ip(self, new: Object) -> str:
        ranges = usable(self.core)
        if self.dry_run and ranges:
            # As upstream: what would be free then is not what is free now.
            return str(ranges[0].network.network_address)
        for one in ranges:
            ip = one.free(self.core)
            if ip:
                return ip
        name = new["metadata"].get("name") or ""
        raise internal(f'failed to allocate a serviceIP for Service "{name}": range is full')


def is_service(row: Resource) -> bool:
    """Say whether a row is the Services'."""
    return row.plural == SERVICES.plural and row.group == SERVICES.group


def allocation(core: Core, row: Resource, *, dry_run: bool = False) -> Allocation | None:
    """Return what allocates for a kind; None if the kind is given nothing."""
    return Allocation(core, dry_run) if is_service(row) else None


def released(row: Resource, old: Object) -> Also | None:
    """Return what gives back all that a Service holds."""
    if not is_service(row):
        return None
    also = Also()
    also.deletes += [ip_key(ip) for ip in ips_of(old)]
    also.deletes += [f"{PORTS}{port}" for port in sorted(ports_of(old))]
    return also


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
