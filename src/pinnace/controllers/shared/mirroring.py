"""EndpointSlices that say what an Endpoints object of a Service without a selector says: pure."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pinnace.api.kinds.core import ENDPOINTS
from pinnace.api.objects import Object
from pinnace.controllers.shared import pods
from pinnace.controllers.shared.endpoints import (
    MANAGED_BY,
    SERVICE_NAME,
    PortKey,
    SlicePlan,
    port_key,
)

MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIPPED = "endpointslice.kubernetes.io/skip-mirror"
PER_SUBSET = 1000
_LEADER = "control-plane.alpha.kubernetes.io/leader"
_NOT_COPIED = (
    "endpoints.kubernetes.io/last-change-trigger-time",
    "kubectl.kubernetes.io/last-applied-configuration",
)
_FAMILIES = ("IPv4", "IPv6")


@dataclass(slots=True)
class Mirrored:
    """What to do to the slices, and what of the Endpoints could not be mirrored."""

    plan: SlicePlan = field(default_factory=SlicePlan)
    invalid: int = 0
    skipped: int = 0


def is_mirrored(endpoints: Object | None, service: Object | None) -> bool:
    """Whether an Endpoints object is its Service's users' own, and wants to be mirrored."""
    if endpoints is None or service is None or "selector" in service["spec"]:
        return False
    meta = endpoints["metadata"]
    if (meta.get("labels") or {}).get(SKIPPED) == "true":
        return False
    return _LEADER not in (meta.get("annotations") or {})


def plan_mirror(endpoints: Object, existing: Iterable[Object]) -> Mirrored:
    """Return how to make the slices say what the Endpoints say, a slice for each set of ports."""
    found = Mirrored()
    wanted: dict[tuple[str, PortKey], list[Object]] = {}
    listed: dict[PortKey, list[Object]] = {}
    for ports, addresses in _repacked(endpoints):
        key = port_key(ports)
        listed[key] = ports
        added = 0
        for address, ready in addresses:
            made = _endpoint(address, ready=ready)
            if added == PER_SUBSET:
                found.skipped += 1
            elif made is None:
                found.invalid += 1
            else:
                added += 1
                wanted.setdefault((made[0], key), []).append(made[1])
    held: dict[tuple[str, PortKey], list[Object]] = {}
    for entry in existing:
        where = entry["addressType"], port_key(entry.get("ports"))
        held.setdefault(where, []).append(entry)
    for where, entries in wanted.items():
        _plan_one(found.plan, endpoints, where, listed[where[1]], entries, held.pop(where, []))
    for left in held.values():
        found.plan.delete += left
    _recycle(found.plan)
    return found


def _repacked(endpoints: Object) -> Iterable[tuple[list[Object], list[tuple[Object, bool]]]]:
    """Return the addresses of each set of ports, ready ones first, each address once."""
    ports: dict[PortKey, list[Object]] = {}
    ready: dict[PortKey, dict[str, Object]] = {}
    waiting: dict[PortKey, dict[str, Object]] = {}
    for subset in endpoints.get("subsets") or ():
        listed = [_port(entry) for entry in subset.get("ports") or ()]
        key = port_key(listed)
        ports.setdefault(key, listed)
        for name, by_key in (("addresses", ready), ("notReadyAddresses", waiting)):
            for address in subset.get(name) or ():
                by_key.setdefault(key, {})[_identity(address)] = address
    for key, listed in ports.items():
        first = ready.get(key, {})
        rest = {k: v for k, v in waiting.get(key, {}).items() if k not in first}
        yield listed, [(a, True) for a in first.values()] + [(a, False) for a in rest.values()]


def _identity(address: Object) -> str:
    return f"{address.get('ip')} {(address.get('targetRef') or {}).get('uid', '')}"


def _port(entry: Object) -> Object:
    port: Object = {
        "name": entry.get("name", ""),
        "protocol": entry.get("protocol", "TCP"),
        "port": entry["port"],
    }
    if entry.get("appProtocol") is not None:
        port["appProtocol"] = entry["appProtocol"]
    return port


def _endpoint(address: Object, *, ready: bool) -> tuple[str, Object] | None:
    try:
        ip = ipaddress.ip_address(address.get("ip", ""))
    except ValueError:
        return None
    found: Object = {"addresses": [str(ip)], "conditions": {"ready": ready}}
    for name in ("hostname", "targetRef", "nodeName"):
        if address.get(name):
            found[name] = address[name]
    return f"IPv{ip.version}", found


def _plan_one(
    plan: SlicePlan,
    endpoints: Object,
    where: tuple[str, PortKey],
    ports: Sequence[Object],
    entries: list[Object],
    held: list[Object],
) -> None:
    family = where[0]
    plan.delete += held[1:]
    new = _slice(endpoints, family, ports, entries)
    if not held:
        plan.create.append(new)
        return
    old = held[0]
    if _says(old) != _says(new):
        plan.update.append(_renamed(new, old))


def _says(entry: Object) -> tuple[object, ...]:
    meta = entry["metadata"]
    owners = [ref["uid"] for ref in meta.get("ownerReferences") or ()]
    said = sorted(str(sorted(one.items(), key=str)) for one in entry.get("endpoints") or ())
    return said, meta.get("labels") or {}, meta.get("annotations") or {}, owners


def _renamed(new: Object, old: Object) -> Object:
    meta = {**new["metadata"], "name": old["metadata"]["name"]}
    del meta["generateName"]
    return {**new, "metadata": meta}


def _slice(
    endpoints: Object, family: str, ports: Sequence[Object], entries: Sequence[Object]
) -> Object:
    meta = endpoints["metadata"]
    given: Mapping[str, str] = meta.get("annotations") or {}
    made: Object = {
        "generateName": f"{meta['name']}-",
        "namespace": meta["namespace"],
        "labels": {
            **(meta.get("labels") or {}),
            SERVICE_NAME: meta["name"],
            MANAGED_BY: MANAGER,
        },
        "ownerReferences": [pods.controller_ref(endpoints, ENDPOINTS)],
    }
    annotations = {name: value for name, value in given.items() if name not in _NOT_COPIED}
    if annotations:
        made["annotations"] = annotations
    return {
        "metadata": made,
        "addressType": family,
        "ports": list(ports),
        "endpoints": list(entries),
    }


def _recycle(plan: SlicePlan) -> None:
    """Change slices that would be deleted into those that would be created."""
    for family in _FAMILIES:
        gone = [entry for entry in plan.delete if entry["addressType"] == family]
        for new in [entry for entry in plan.create if entry["addressType"] == family]:
            if not gone:
                break
            old = gone.pop(0)
            plan.create.remove(new)
            plan.delete.remove(old)
            plan.update.append(_renamed(new, old))
