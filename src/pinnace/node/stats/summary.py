"""`/stats/summary`: a snapshot as upstream's Summary API tells it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pinnace.api.objects import Object, format_time
from pinnace.node.stats.disks import Disks, Taken
from pinnace.node.stats.machine import Filesystem, Interface
from pinnace.node.stats.snapshot import ContainerUse, PodUse, Rates, Snapshot
from pinnace.node.stats.usage import Averages, Usage

_MAIN = "eth0"
# What of a Pod's volumes is on the node's own disk and goes with the Pod.
_EPHEMERAL = ("emptydir", "configmap", "secret", "projected", "downward-api")


def summary(snapshot: Snapshot, rates: Rates, disks: Disks | None) -> Object:
    """Return the summary; without `disks` only processor and memory are told."""
    return {
        "node": _node(snapshot, rates, disks),
        "pods": [_pod(pod, snapshot, rates, disks) for pod in snapshot.pods],
    }


def _told(**fields: Any) -> Object:
    """Return the fields that are known."""
    return {name: value for name, value in fields.items() if value is not None}


def _node(snapshot: Snapshot, rates: Rates, disks: Disks | None) -> Object:
    machine, at = snapshot.machine, format_time(snapshot.at)
    memory = _memory(machine.usage, at)
    if memory is not None and machine.usage.working_set is not None:
        memory["availableBytes"] = max(machine.memory - machine.usage.working_set, 0)
    node = _told(
        nodeName=snapshot.node,
        systemContainers=_system(snapshot, rates),
        startTime=format_time(datetime.fromtimestamp(machine.boot, UTC)),
        cpu=_cpu(machine.usage, rates.get("node"), at),
        memory=memory,
        io=_io(machine.usage, at),
        swap={
            "time": at,
            "swapAvailableBytes": machine.swap_free,
            "swapUsageBytes": machine.swap - machine.swap_free,
        },
    )
    if disks is None:
        return node
    images = disks.images
    of_images = Taken(images.used_bytes, images.inodes_used) if images else None
    node["network"] = _network(machine.interfaces, at)
    return node | _told(
        fs=_filesystem(snapshot.filesystem, at),
        runtime=_told(
            imageFs=_filesystem(disks.image_filesystem, at, of_images),
            containerFs=_filesystem(disks.image_filesystem, at, _sum(disks.layers.values())),
        ),
        rlimit={"time": at, "maxpid": machine.most_processes, "curproc": machine.processes},
    )


def _system(snapshot: Snapshot, rates: Rates) -> list[Object]:
    """Return the kubelet's own use, and that of all Pods together."""
    at = format_time(snapshot.at)
    began = snapshot.kubelet_started or snapshot.at
    found = [
        _told(
            name="kubelet",
            startTime=format_time(began),
            cpu=_cpu(snapshot.kubelet, rates.get("kubelet"), at),
            memory=_memory(snapshot.kubelet, at),
        )
    ]
    for group in snapshot.groups[:1]:
        pods = _memory(group.usage, at)
        if pods is not None and group.usage.working_set is not None:
            limit = group.usage.memory_limit or snapshot.machine.memory
            pods["availableBytes"] = max(limit - group.usage.working_set, 0)
        rate = rates.get(f"group {group.path}")
        cpu = _cpu(group.usage, rate, at)
        found.append(_told(name="pods", startTime=format_time(began), cpu=cpu, memory=pods))
    return found


def _pod(pod: PodUse, snapshot: Snapshot, rates: Rates, disks: Disks | None) -> Object:
    at, total = format_time(snapshot.at), pod.total()
    found = _told(
        podRef={"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
        startTime=format_time(pod.started),
        containers=[_container(each, snapshot, rates, disks) for each in pod.containers],
        cpu=_cpu(total, rates.get(f"pod {pod.uid}"), at),
        memory=_memory(total, at),
        io=_io(total, at),
        swap=_swap(total, at),
    )
    if disks is None:
        return found
    if pod.interfaces:
        found["network"] = _network(pod.interfaces, at)
    volumes = disks.volumes.get(pod.uid, ())
    if volumes:
        found["volume"] = [
            {**(_filesystem(each.filesystem, at, each.taken) or {}), "name": each.name}
            for each in volumes
        ]
    parts = [disks.layers[each.id] for each in pod.containers if each.id in disks.layers]
    parts += [disks.logs[each.id] for each in pod.containers if each.id in disks.logs]
    parts += [each.taken for each in volumes if each.kind in _EPHEMERAL]
    taken = _filesystem(snapshot.filesystem, at, _sum(parts))
    processes = {"process_count": total.threads} if total.threads is not None else None
    return found | _told(**{"ephemeral-storage": taken}, process_stats=processes)


def _container(each: ContainerUse, snapshot: Snapshot, rates: Rates, disks: Disks | None) -> Object:
    at = format_time(each.at)
    found = _told(
        name=each.name,
        startTime=format_time(each.started),
        cpu=_cpu(each.usage, rates.get(each.id), at),
        memory=_memory(each.usage, at),
        io=_io(each.usage, at),
        swap=_swap(each.usage, at),
    )
    if disks is None:
        return found
    layer, log = disks.layers.get(each.id), disks.logs.get(each.id)
    return found | _told(
        rootfs=_filesystem(disks.image_filesystem, at, layer) if layer is not None else None,
        logs=_filesystem(snapshot.filesystem, at, log) if log is not None else None,
    )


def _cpu(usage: Usage, rate: int | None, at: str) -> Object | None:
    if usage.cpu is None:
        return None
    psi = _pressure(usage, "cpu")
    return _told(time=at, usageNanoCores=rate, usageCoreNanoSeconds=usage.cpu, psi=psi)


def _memory(usage: Usage, at: str) -> Object | None:
    if usage.memory is None and usage.working_set is None:
        return None
    available = None
    if usage.memory_limit is not None and usage.working_set is not None:
        available = max(usage.memory_limit - usage.working_set, 0)
    return _told(
        time=at,
        availableBytes=available,
        usageBytes=usage.memory,
        workingSetBytes=usage.working_set,
        rssBytes=usage.rss,
        pageFaults=usage.page_faults,
        majorPageFaults=usage.major_faults,
        psi=_pressure(usage, "memory"),
    )


def _io(usage: Usage, at: str) -> Object | None:
    psi = _pressure(usage, "io")
    return {"time": at, "psi": psi} if psi is not None else None


def _swap(usage: Usage, at: str) -> Object | None:
    if usage.swap is None:
        return None
    free = None if usage.swap_limit is None else max(usage.swap_limit - usage.swap, 0)
    return _told(time=at, swapAvailableBytes=free, swapUsageBytes=usage.swap)


def _pressure(usage: Usage, resource: str) -> Object | None:
    found = usage.pressure.get(resource)

    def averages(one: Averages) -> Mapping[str, float]:
        # The kernel counts microseconds, the API nanoseconds.
        return {
            "total": one.total * 1000,
            "avg10": one.avg10,
            "avg60": one.avg60,
            "avg300": one.avg300,
        }

    return {"full": averages(found.full), "some": averages(found.some)} if found else None


def _network(interfaces: tuple[Interface, ...], at: str) -> Object:
    told = [
        {
            "name": each.name,
            "rxBytes": each.rx_bytes,
            "rxErrors": each.rx_errors,
            "txBytes": each.tx_bytes,
            "txErrors": each.tx_errors,
        }
        for each in interfaces
    ]
    # The main one stands for the whole as well.
    main = next((each for each in told if each["name"] == _MAIN), {"name": ""})
    return {"time": at, **main, "interfaces": told}


def _filesystem(found: Filesystem | None, at: str, part: Taken | None = None) -> Object | None:
    if found is None:
        return None
    return {
        "time": at,
        "availableBytes": found.available,
        "capacityBytes": found.capacity,
        "usedBytes": found.used if part is None else part.size,
        "inodesFree": found.inodes_free,
        "inodes": found.inodes,
        "inodesUsed": found.inodes_used if part is None else part.files,
    }


def _sum(parts: Iterable[Taken]) -> Taken:
    listed = list(parts)
    return Taken(sum(each.size for each in listed), sum(each.files for each in listed))
