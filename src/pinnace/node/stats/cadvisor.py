"""`/metrics/cadvisor`: the families that dashboards of containers are made of.

Every control group is told of: the machine ("/"), the groups of all Pods and of their classes, each
Pod's, and each container's. The sandbox stands for the Pod's network.
"""

import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from pinnace.node.stats.cadvisor_families import DEVICE_ROWS, NETWORK_ROWS, ROWS, SPECS
from pinnace.node.stats.exposition import Family, rendered
from pinnace.node.stats.machine import Interface
from pinnace.node.stats.snapshot import PodUse, Snapshot
from pinnace.node.stats.usage import Usage

_CPU = "container_cpu_usage_seconds_total"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """One group as cAdvisor knows it; what it is not of is an empty label."""

    id: str
    usage: Usage
    at: datetime
    started: float
    name: str = ""
    image: str = ""
    pod: str = ""
    namespace: str = ""
    container: str = ""
    interfaces: tuple[Interface, ...] = ()

    def labels(self, **more: str) -> Mapping[str, str]:
        """Return the labels in the order in which Go writes them."""
        names = ("container", "id", "image", "name", "namespace", "pod")
        found = {name: str(getattr(self, name)) for name in names} | more
        return {name: found[name] for name in sorted(found)}


def cadvisor_metrics(snapshot: Snapshot, devices: Mapping[str, str]) -> str:
    """Return a snapshot as cAdvisor's metrics; `devices` has the names of block devices."""
    rows = (*ROWS, *SPECS)
    families = {row.name: Family(row.name, row.help, row.type) for row in rows}
    counters = [(row.name, row.help) for row in NETWORK_ROWS]
    counters += [(row.name, row.help) for row in DEVICE_ROWS]
    for name, help in counters:
        families[name] = Family(name, help, "counter")
    families[_CPU] = Family(_CPU, "Cumulative cpu time consumed in seconds.", "counter")
    seen = families["seen"] = Family(
        "container_last_seen", "Last time a container was seen by the exporter"
    )
    started = families["started"] = Family(
        "container_start_time_seconds",
        "Start time of the container since unix epoch in seconds.",
    )
    for group in _groups(snapshot):
        labels = group.labels()
        seen.add(int(group.at.timestamp()), labels, group.at)
        started.add(int(group.started), labels)
        _add_usage(families, group, labels)
        _add_parts(families, group, devices)
    return rendered([*families.values(), *_machine(snapshot)])


def _add_usage(families: dict[str, Family], group: _Group, labels: Mapping[str, str]) -> None:
    usage = group.usage
    if usage.cpu is not None:
        total = group.labels(cpu="total")
        families[_CPU].add(usage.cpu / 1e9, total, group.at)
    limited = bool(usage.cpu_quota and usage.cpu_quota > 0)
    for row in ROWS:
        if limited or not row.limited:
            families[row.name].add(row.value(usage), labels, group.at)
    for row in SPECS:
        if limited or not row.limited:
            families[row.name].add(row.value(usage), labels)


def _add_parts(families: dict[str, Family], group: _Group, devices: Mapping[str, str]) -> None:
    for interface in group.interfaces:
        labels = group.labels(interface=interface.name)
        for row in NETWORK_ROWS:
            families[row.name].add(row.value(interface), labels, group.at)
    for device in group.usage.devices:
        labels = group.labels(device=devices.get(device.device, ""))
        for each in DEVICE_ROWS:
            families[each.name].add(each.value(device), labels, group.at)


def _groups(snapshot: Snapshot) -> Iterator[_Group]:
    machine, at, boot = snapshot.machine, snapshot.at, snapshot.machine.boot
    usage = machine.usage
    yield _Group(id="/", usage=usage, at=at, started=boot, interfaces=machine.interfaces)
    began = (snapshot.kubelet_started or at).timestamp()
    for group in snapshot.groups:
        yield _Group(id=group.path, usage=group.usage, at=at, started=began)
    for pod in snapshot.pods:
        yield from _of_pod(pod, at)


def _of_pod(pod: PodUse, at: datetime) -> Iterator[_Group]:
    began = pod.started.timestamp()
    if pod.usage is not None:
        yield _Group(
            id=pod.group,
            usage=pod.usage,
            at=at,
            started=began,
            pod=pod.name,
            namespace=pod.namespace,
        )
    containers = (pod.sandbox, *pod.containers) if pod.sandbox is not None else pod.containers
    for each in containers:
        yield _Group(
            id=each.group or f"/{each.id}",
            usage=each.usage,
            at=each.at,
            started=each.started.timestamp(),
            name=each.id,
            image=each.image,
            pod=pod.name,
            namespace=pod.namespace,
            container=each.name,
            interfaces=pod.interfaces if each is pod.sandbox else (),
        )


def _machine(snapshot: Snapshot) -> list[Family]:
    machine = snapshot.machine
    cores = Family("machine_cpu_cores", "Number of logical CPU cores.")
    cores.add(os.cpu_count() or 0)
    memory = Family("machine_memory_bytes", "Amount of memory installed on the machine.")
    memory.add(machine.memory)
    swap = Family("machine_swap_bytes", "Amount of swap memory available on the machine.")
    swap.add(machine.swap)
    error = Family(
        "container_scrape_error", "1 if there was an error while getting container metrics, 0 "
        "otherwise"
    )  # fmt: skip
    error.add(0)
    version = Family(
        "cadvisor_version_info",
        "A metric with a constant '1' value labeled by kernel version, OS version, docker version, "
        "cadvisor version & cadvisor revision.",
    )
    empty = dict.fromkeys(("cadvisorRevision", "cadvisorVersion", "dockerVersion"), "")
    version.add(1, {**empty, "kernelVersion": platform.release(), "osVersion": platform.system()})
    used = _filesystem(snapshot)
    return [cores, memory, swap, error, version, *used]


def _filesystem(snapshot: Snapshot) -> list[Family]:
    """Return how full the kubelet's file system is, under the machine's group."""
    found = snapshot.filesystem
    if found is None:
        return []
    root = _Group(id="/", usage=snapshot.machine.usage, at=snapshot.at, started=0)
    labels = root.labels(device="")
    figures = (
        ("container_fs_inodes_free", "Number of available Inodes", found.inodes_free),
        ("container_fs_inodes_total", "Number of Inodes", found.inodes),
        (
            "container_fs_limit_bytes",
            "Number of bytes that can be consumed by the container on this filesystem.",
            found.capacity,
        ),
        (
            "container_fs_usage_bytes",
            "Number of bytes that are consumed by the container on this filesystem.",
            found.used,
        ),
    )
    families = []
    for name, help, value in figures:
        family = Family(name, help)
        family.add(value, labels, snapshot.at)
        families.append(family)
    return families
