"""From a question to records, by the Kubernetes DNS specification 1.1.0: pure.

What the cluster holds is asked of a `Lookup`, which informers answer. Everything under the cluster
domain is answered here, with authority; other names are for the forwarder (`None`).
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from pinnace.api.objects import Key, Object, key_of

TTL = 5
SPEC_VERSION = "1.1.0"
# Aliases of aliases are followed this far; some point at themselves.
MAX_ALIASES = 8


class Lookup(Protocol):
    """The part of the cluster that names come from."""

    def service(self, key: Key) -> Object | None: ...

    def slices(self, service: Key) -> Iterable[Object]: ...

    def has_namespace(self, name: str) -> bool: ...

    def service_at(self, ip: str) -> Object | None: ...

    def slices_at(self, ip: str) -> Iterable[Object]: ...


@dataclass(frozen=True, slots=True)
class Record:
    """One resource record; `data` is text as zone files have it."""

    name: str
    type: Literal["A", "AAAA", "CNAME", "PTR", "SRV", "TXT"]
    data: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of a name: `exists` with no records is "no data", else NXDOMAIN."""

    exists: bool
    records: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()


_NOTHING = Answer(exists=False)
_NO_DATA = Answer(exists=True)


@dataclass(frozen=True, slots=True)
class _Target:
    hostname: str
    ip: str
    ports: tuple[tuple[str, str, int], ...]


def answer(name: str, kind: str, lookup: Lookup, *, domain: str) -> Answer | None:
    """Return the answer to a question (lower-case name without the last dot, upper-case type)."""
    if name.endswith(".in-addr.arpa") or name.endswith(".ip6.arpa"):
        return _reverse(name, kind, lookup, domain)
    if name == domain:
        return _NO_DATA
    if not name.endswith(f".{domain}"):
        return None
    labels = name[: -len(domain) - 1].split(".")
    if labels == ["dns-version"]:
        return _only("TXT", kind, [Record(name, "TXT", SPEC_VERSION)])
    if labels[-1] == "svc":
        return _under_svc(name, labels[:-1], kind, lookup, domain)
    if labels[-1] == "pod":
        return _under_pod(name, labels[:-1], kind, lookup)
    return _NOTHING


def resolve(name: str, kind: str, lookup: Lookup, *, domain: str) -> Answer | None:
    """Return the answer, and after an alias what it stands for, as far as the cluster knows."""
    found = answer(name, kind, lookup, domain=domain)
    if found is None:
        return None
    records = list(found.records)
    for _ in range(MAX_ALIASES):
        target = alias(records, kind)
        further = answer(target, kind, lookup, domain=domain) if target else None
        if further is None or not further.records:
            break
        records += further.records
    return replace(found, records=tuple(records))


def alias(records: Sequence[Record], kind: str) -> str:
    """Return the name that is still to be looked up, if records end in an alias of it."""
    if not records or records[-1].type != "CNAME" or kind in ("CNAME", "ANY"):
        return ""
    return records[-1].data.rstrip(".").lower()


def _only(type_: str, asked: str, records: list[Record]) -> Answer:
    return Answer(exists=True, records=tuple(records)) if asked in (type_, "ANY") else _NO_DATA


def _under_svc(name: str, labels: list[str], kind: str, lookup: Lookup, domain: str) -> Answer:
    if not labels:
        return _NO_DATA
    namespace = labels[-1]
    if len(labels) == 1:
        return _NO_DATA if lookup.has_namespace(namespace) else _NOTHING
    service = lookup.service(Key(namespace, labels[-2]))
    if service is None:
        return _NOTHING
    rest = labels[:-2]
    if service["spec"].get("type") == "ExternalName":
        target = str(service["spec"].get("externalName", "")).rstrip(".") + "."
        return (
            Answer(exists=True, records=(Record(name, "CNAME", target),)) if not rest else _NOTHING
        )
    if not rest:
        return _addresses(name, kind, _ips(service, lookup))
    if len(rest) == 2 and rest[0].startswith("_") and rest[1].startswith("_"):
        return _srv(name, rest[0][1:], rest[1][1:], kind, service, lookup, domain)
    if len(rest) == 1 and _is_headless(service):
        found = [target.ip for target in _targets(service, lookup) if target.hostname == rest[0]]
        return _addresses(name, kind, found) if found else _NOTHING
    return _NOTHING


def _addresses(name: str, kind: str, ips: Iterable[str]) -> Answer:
    by_type: dict[str, list[Record]] = {"A": [], "AAAA": []}
    for ip in dict.fromkeys(ips):
        version: Literal["A", "AAAA"] = "AAAA" if ":" in ip else "A"
        by_type[version].append(Record(name, version, ip))
    everything = by_type["A"] + by_type["AAAA"]
    if not everything:
        return _NOTHING
    return Answer(
        exists=True, records=tuple(by_type.get(kind, everything if kind == "ANY" else []))
    )


def _is_headless(service: Mapping[str, Any]) -> bool:
    return bool(service["spec"].get("clusterIP") == "None")


def _ips(service: Object, lookup: Lookup) -> list[str]:
    if _is_headless(service):
        return [target.ip for target in _targets(service, lookup)]
    spec = service["spec"]
    return [ip for ip in spec.get("clusterIPs") or [spec.get("clusterIP")] if ip]


def _targets(service: Object, lookup: Lookup) -> list[_Target]:
    """Return the endpoints of a headless Service that may be published."""
    all_of_them = service["spec"].get("publishNotReadyAddresses", False)
    found = []
    for piece in lookup.slices(key_of(service)):
        ports = tuple(
            (port.get("name") or "", port.get("protocol", "TCP").lower(), port["port"])
            for port in piece.get("ports") or ()
            if port.get("port")
        )
        for entry in piece.get("endpoints") or ():
            if (entry.get("conditions") or {}).get("ready") is False and not all_of_them:
                continue
            found += [
                _Target(entry.get("hostname") or _hash_name(ip), ip, ports)
                for ip in entry.get("addresses") or ()
            ]
    return found


def _hash_name(ip: str) -> str:
    """Return the label of an endpoint that has no hostname: stable, and nothing to rely on."""
    return ip.replace(".", "-") if ":" not in ip else hashlib.sha256(ip.encode()).hexdigest()[:16]


def _srv(
    name: str, port: str, protocol: str, kind: str, service: Object, lookup: Lookup, domain: str
) -> Answer:
    base = f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc.{domain}"
    records: list[Record] = []
    additional: list[Record] = []
    if _is_headless(service):
        for target in _targets(service, lookup):
            for port_name, port_protocol, number in target.ports:
                if (port_name, port_protocol) == (port, protocol):
                    host = f"{target.hostname}.{base}"
                    records.append(Record(name, "SRV", f"0 100 {number} {host}."))
                    additional.append(_address_record(host, target.ip))
    else:
        records = [
            Record(name, "SRV", f"0 100 {entry['port']} {base}.")
            for entry in service["spec"].get("ports") or ()
            if (entry.get("name"), entry.get("protocol", "TCP").lower()) == (port, protocol)
        ]
        additional = [_address_record(base, ip) for ip in _ips(service, lookup)] if records else []
    if not records:
        return _NOTHING
    if kind not in ("SRV", "ANY"):
        return _NO_DATA
    return Answer(exists=True, records=tuple(records), additional=tuple(additional))


def _address_record(name: str, ip: str) -> Record:
    return Record(name, "AAAA" if ":" in ip else "A", ip)


def _under_pod(name: str, labels: list[str], kind: str, lookup: Lookup) -> Answer:
    """1-2-3-4.namespace.pod: the address in the name itself, as CoreDNS's "insecure" does."""
    if len(labels) != 2 or not lookup.has_namespace(labels[1]):
        return _NOTHING
    try:
        ip = str(ipaddress.IPv4Address(labels[0].replace("-", ".")))
    except ValueError:
        return _NOTHING
    return _addresses(name, kind, [ip])


def _reverse(name: str, kind: str, lookup: Lookup, domain: str) -> Answer | None:
    octets = name.removesuffix(".in-addr.arpa").split(".")
    if not name.endswith(".in-addr.arpa") or len(octets) != 4:
        return None
    ip = ".".join(reversed(octets))
    service = lookup.service_at(ip)
    if service is not None:
        key = key_of(service)
        return _only(
            "PTR", kind, [Record(name, "PTR", f"{key.name}.{key.namespace}.svc.{domain}.")]
        )
    records = []
    for piece in lookup.slices_at(ip):
        meta = piece["metadata"]
        owner = (meta.get("labels") or {}).get("kubernetes.io/service-name")
        base = f"{owner}.{meta['namespace']}.svc.{domain}."
        records += [
            Record(name, "PTR", f"{entry['hostname']}.{base}")
            for entry in piece.get("endpoints") or ()
            if owner and ip in (entry.get("addresses") or ()) and entry.get("hostname")
        ]
    return _only("PTR", kind, records) if records else None
