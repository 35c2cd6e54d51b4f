"""Which Pods stand behind a Service, and how EndpointSlices and Endpoints say so: pure."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pinnace.api.kinds.core import SERVICES
from pinnace.api.objects import Key, Object, copied
from pinnace.api.pods import is_terminal
from pinnace.controllers.base import Context
from pinnace.controllers.shared import conditions, pods

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
HEADLESS = "service.kubernetes.io/headless"
_RESERVED = (SERVICE_NAME, MANAGED_BY, HEADLESS)
PER_SLICE = 100


def selects(service: Object, pod: Object) -> bool:
    """Whether the Service's selector matches the Pod; one without a selector matches none."""
    selector = service["spec"].get("selector")
    labels = pod["metadata"].get("labels") or {}
    return bool(selector) and selector.items() <= labels.items()


def to_services(pod: Object, ctx: Context) -> Iterable[Key]:
    """Route a Pod to the Services that select it."""
    namespace = pod["metadata"]["namespace"]
    for service in ctx.informers.informer(SERVICES).list(namespace):
        if selects(service, pod):
            yield Key(namespace, service["metadata"]["name"])


def belongs(pod: Object, *, include_terminating: bool) -> bool:
    """Whether a selected Pod is an endpoint at all, ready or not."""
    if is_terminal(pod) or not (pod.get("status") or {}).get("podIP"):
        return False
    return include_terminating or "deletionTimestamp" not in pod["metadata"]


def has_cluster_ip(service: Object) -> bool:
    """Whether the Service has an address of its own."""
    return service["spec"].get("clusterIP", "") not in ("", "None")


def address_types(service: Object) -> list[str]:
    """Return IPv4, IPv6 or both."""
    spec = service["spec"]
    if families := spec.get("ipFamilies"):
        return list(families)
    if has_cluster_ip(service):
        return ["IPv6" if ":" in spec["clusterIP"] else "IPv4"]
    return ["IPv4", "IPv6"]


def addresses(pod: Object, address_type: str) -> list[str]:
    """Return the Pod's addresses of a family."""
    status = pod.get("status") or {}
    listed = [entry["ip"] for entry in status.get("podIPs") or ()] or [status.get("podIP", "")]
    version = 6 if address_type == "IPv6" else 4
    parsed = [ipaddress.ip_address(text) for text in listed if text]
    return [str(address) for address in parsed if address.version == version]


def find_port(pod: Object, service_port: Object) -> int | None:
    """Return the Pod's port that a Service's port leads to, or None if it has none so named."""
    target = service_port.get("targetPort", service_port["port"])
    if isinstance(target, int):
        return target or int(service_port["port"])
    spec = pod["spec"]
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in [*spec["containers"], *sidecars]:
        for port in container.get("ports") or ():
            same = port.get("protocol", "TCP") == service_port.get("protocol", "TCP")
            if port.get("name") == target and same:
                return int(port["containerPort"])
    return None


def ports(service: Object, pod: Object) -> list[Object]:
    """Return the ports of an endpoint: the Service's, with the Pod's numbers."""
    found = []
    for entry in service["spec"].get("ports") or ():
        number = find_port(pod, entry)
        if number is None:
            continue
        port = {
            "name": entry.get("name", ""),
            "protocol": entry.get("protocol", "TCP"),
            "port": number,
        }
        if entry.get("appProtocol") is not None:
            port["appProtocol"] = entry["appProtocol"]
        found.append(port)
    return found


def hostname(service: Object, pod: Object) -> str:
    """Return the host name by which the Pod is known behind the Service, or an empty string."""
    spec = pod["spec"]
    named = spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"]
    return str(spec["hostname"]) if named else ""


def target(pod: Object) -> Object:
    """Return the reference to a Pod."""
    meta = pod["metadata"]
    return {
        "kind": "Pod",
        "namespace": meta["namespace"],
        "name": meta["name"],
        "uid": meta["uid"],
    }


def endpoint(service: Object, pod: Object, node: Object | None, address_type: str) -> Object:
    """Return an EndpointSlice's endpoint."""
    serving = pods.is_ready(pod)
    terminating = "deletionTimestamp" in pod["metadata"]
    published = bool(service["spec"].get("publishNotReadyAddresses"))
    found: Object = {
        "addresses": addresses(pod, address_type),
        "conditions": {
            "ready": published or (serving and not terminating),
            "serving": serving,
            "terminating": terminating,
        },
        "targetRef": target(pod),
    }
    if pod["spec"].get("nodeName"):
        found["nodeName"] = pod["spec"]["nodeName"]
    labels = (node["metadata"].get("labels") or {}) if node is not None else {}
    if zone := labels.get("topology.kubernetes.io/zone"):
        found["zone"] = zone
    if name := hostname(service, pod):
        found["hostname"] = name
    return found


PortKey = tuple[tuple[Any, ...], ...]


def port_key(listed: Sequence[Object] | None) -> PortKey:
    """Return what tells lists of ports apart, in any order."""
    names = ("name", "protocol", "port", "appProtocol")
    return tuple(sorted((tuple(map(str, map(p.get, names))) for p in listed or ()), key=str))


def _identity(entry: Object) -> tuple[Any, ...]:
    ref = entry.get("targetRef") or {}
    return (
        tuple(sorted(entry["addresses"])),
        entry.get("hostname", ""),
        ref.get("namespace"),
        ref.get("name"),
    )


@dataclass(slots=True)
class SlicePlan:
    """What to do to a Service's slices."""

    create: list[Object] = field(default_factory=list)
    update: list[Object] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)


def slice_labels(service: Object, manager: str) -> dict[str, str]:
    """Return the labels of a Service's slices: its own and those that say whose they are."""
    mine = service["metadata"].get("labels") or {}
    found = {name: value for name, value in mine.items() if name not in _RESERVED}
    if not has_cluster_ip(service):
        found[HEADLESS] = ""
    return {**found, SERVICE_NAME: service["metadata"]["name"], MANAGED_BY: manager}


def plan_slices(
    service: Object,
    selected: Iterable[Object],
    nodes: Mapping[str, Object],
    existing: Iterable[Object],
    *,
    manager: str,
) -> SlicePlan:
    """Return how to bring a Service's slices in line with its Pods, changing as few as can be."""
    plan = SlicePlan()
    members = [pod for pod in selected if belongs(pod, include_terminating=True)]
    wanted_types = address_types(service)
    by_type: dict[str, list[Object]] = {kind: [] for kind in wanted_types}
    for entry in existing:
        if entry["addressType"] in by_type and _is_owned(entry, service):
            by_type[entry["addressType"]].append(entry)
        else:
            plan.delete.append(entry)
    for kind, mine in by_type.items():
        _plan_family(plan, service, members, nodes, mine, kind, slice_labels(service, manager))
    return plan


def _is_owned(entry: Object, service: Object) -> bool:
    uid = service["metadata"]["uid"]
    return any(ref["uid"] == uid for ref in entry["metadata"].get("ownerReferences") or ())


def _plan_family(
    plan: SlicePlan,
    service: Object,
    members: Iterable[Object],
    nodes: Mapping[str, Object],
    existing: Sequence[Object],
    kind: str,
    labels: dict[str, str],
) -> None:
    wanted: dict[PortKey, dict[tuple[Any, ...], Object]] = {}
    port_lists: dict[PortKey, list[Object]] = {}
    for pod in members:
        listed = ports(service, pod)
        node = nodes.get(pod["spec"].get("nodeName", ""))
        made = endpoint(service, pod, node, kind)
        group = wanted.setdefault(port_key(listed), {})
        port_lists[port_key(listed)] = listed
        if made["addresses"]:
            group[_identity(made)] = made
    step = SlicePlan()
    by_ports: dict[PortKey, list[Object]] = {}
    for entry in existing:
        by_ports.setdefault(port_key(entry.get("ports")), []).append(entry)
    for key, group in wanted.items():
        for rest in _fit(step, by_ports.pop(key, []), group, labels):
            step.create.append(_new_slice(service, kind, port_lists[key], rest, labels))
    for entries in by_ports.values():
        step.delete += entries
    if len(step.delete) == len(existing) and not step.create:
        _keep_placeholder(step, service, kind, labels)
    _reuse(step)
    plan.create += step.create
    plan.update += step.update
    plan.delete += step.delete


def _keep_placeholder(step: SlicePlan, service: Object, kind: str, labels: dict[str, str]) -> None:
    """A Service without endpoints has one empty slice."""
    for entry in step.delete:
        same_labels = entry["metadata"].get("labels") == labels
        if same_labels and not entry.get("endpoints") and not entry.get("ports"):
            step.delete.remove(entry)
            return
    step.create.append(_new_slice(service, kind, [], [], labels))


def _reuse(step: SlicePlan) -> None:
    """Write a new slice over one that is to go, rather than create and delete."""
    while step.create and step.delete:
        new, old = step.create.pop(), step.delete.pop()
        old = copied(old)
        old["metadata"]["labels"] = new["metadata"]["labels"]
        step.update.append({**old, "ports": new["ports"], "endpoints": new["endpoints"]})


def _fit(
    step: SlicePlan,
    existing: Sequence[Object],
    group: dict[tuple[Any, ...], Object],
    labels: dict[str, str],
) -> list[list[Object]]:
    """Fit endpoints into existing slices; return the endpoints of each slice yet to create."""
    left = dict(group)
    kept: list[tuple[Object, list[Object], bool]] = []
    for entry in existing:
        old = entry.get("endpoints") or []
        new = [left.pop(_identity(e)) for e in old if _identity(e) in left]
        if old and not new:
            step.delete.append(entry)
            continue
        changed = conditions.pruned(new) != conditions.pruned(old)
        changed |= (entry["metadata"].get("labels") or {}) != labels
        kept.append((entry, new, changed))
    rest = list(left.values())
    # Those that change anyway are filled first, the fullest of them first.
    kept.sort(key=lambda item: (not item[2], -len(item[1])))
    for number, (entry, new, changed) in enumerate(kept):
        room = PER_SLICE - len(new)
        if rest and room > 0 and (changed or len(rest) <= room):
            taken, rest = rest[:room], rest[room:]
            kept[number] = (entry, new + taken, True)
    for entry, new, changed in kept:
        if changed:
            updated = copied(entry)
            updated["endpoints"] = new
            updated["metadata"]["labels"] = labels
            step.update.append(updated)
    return [rest[start : start + PER_SLICE] for start in range(0, len(rest), PER_SLICE)]


def _new_slice(
    service: Object,
    kind: str,
    listed: Sequence[Object],
    entries: Sequence[Object],
    labels: dict[str, str],
) -> Object:
    meta = service["metadata"]
    return {
        "metadata": {
            "generateName": f"{meta['name']}-",
            "namespace": meta["namespace"],
            "labels": labels,
            "ownerReferences": [pods.controller_ref(service, SERVICES)],
        },
        "addressType": kind,
        "ports": list(listed),
        "endpoints": list(entries),
    }


def subsets(service: Object, selected: Iterable[Object]) -> list[Object]:
    """Return the subsets of a Service's Endpoints: addresses with the same ports together."""
    published = bool(service["spec"].get("publishNotReadyAddresses"))
    family = address_types(service)[0]
    grouped: dict[PortKey, Object] = {}
    for pod in sorted(selected, key=lambda pod: str(pod["metadata"]["name"])):
        if not belongs(pod, include_terminating=published):
            continue
        found = addresses(pod, family)
        listed = ports(service, pod)
        if not found or (service["spec"].get("ports") and not listed):
            continue
        address: Object = {"ip": found[0], "targetRef": target(pod)}
        if pod["spec"].get("nodeName"):
            address["nodeName"] = pod["spec"]["nodeName"]
        if name := hostname(service, pod):
            address["hostname"] = name
        subset = grouped.setdefault(port_key(listed), {"ports": listed})
        ready = published or pods.is_ready(pod)
        subset.setdefault("addresses" if ready else "notReadyAddresses", []).append(address)
    return [_ordered(subset) for _, subset in sorted(grouped.items(), key=str)]


def _ordered(subset: Object) -> Object:
    for name in ("addresses", "notReadyAddresses"):
        if name in subset:
            subset[name].sort(key=lambda a: (a["ip"], a["targetRef"]["uid"]))
    if not subset["ports"]:
        del subset["ports"]
    return subset
