"""`/metrics/resource`: what metrics-server reads, under upstream's names."""

from pinnace.node.stats.exposition import Family, rendered
from pinnace.node.stats.snapshot import PodUse, Snapshot

_STABLE, _ALPHA = "[STABLE]", "[ALPHA]"
_HERE = "Reported only on non-windows systems"


class _Families:
    """The families of one answer."""

    def __init__(self) -> None:
        self.node_cpu = _counter(
            "node_cpu_usage_seconds_total",
            f"{_STABLE} Cumulative cpu time consumed by the node in core-seconds",
        )
        self.node_memory = Family(
            "node_memory_working_set_bytes",
            f"{_STABLE} Current working set of the node in bytes",
        )
        self.node_swap = Family(
            "node_swap_usage_bytes",
            f"{_ALPHA} Current swap usage of the node in bytes. {_HERE}",
        )
        self.cpu = _counter(
            "container_cpu_usage_seconds_total",
            f"{_STABLE} Cumulative cpu time consumed by the container in core-seconds",
        )
        self.memory = Family(
            "container_memory_working_set_bytes",
            f"{_STABLE} Current working set of the container in bytes",
        )
        self.swap = Family(
            "container_swap_usage_bytes",
            f"{_ALPHA} Current amount of the container swap usage in bytes. {_HERE}",
        )
        self.swap_limit = Family(
            "container_swap_limit_bytes",
            f"{_ALPHA} Current amount of the container swap limit in bytes. {_HERE}",
        )
        self.started = Family(
            "container_start_time_seconds",
            f"{_STABLE} Start time of the container since unix epoch in seconds",
        )
        self.pod_cpu = _counter(
            "pod_cpu_usage_seconds_total",
            f"{_STABLE} Cumulative cpu time consumed by the pod in core-seconds",
        )
        self.pod_memory = Family(
            "pod_memory_working_set_bytes",
            f"{_STABLE} Current working set of the pod in bytes",
        )
        self.pod_swap = Family(
            "pod_swap_usage_bytes",
            f"{_ALPHA} Current amount of the pod swap usage in bytes. {_HERE}",
        )
        self.error = Family(
            "resource_scrape_error",
            f"{_STABLE} 1 if there was an error while getting container metrics, 0 otherwise",
        )
        self.old_error = Family(
            "scrape_error",
            f"{_ALPHA} (Deprecated since 1.29.0) 1 if there was an error while getting container "
            "metrics, 0 otherwise",
        )


def _counter(name: str, help: str) -> Family:
    return Family(name, help, "counter")


def seconds(nanoseconds: int | None) -> float | None:
    """Return a time in seconds."""
    return None if nanoseconds is None else nanoseconds / 1e9


def resource_metrics(snapshot: Snapshot) -> str:
    """Return a snapshot as the resource metrics."""
    families = _Families()
    node = snapshot.machine.usage
    families.node_cpu.add(seconds(node.cpu), at=snapshot.at)
    families.node_memory.add(node.working_set, at=snapshot.at)
    families.node_swap.add(snapshot.machine.swap - snapshot.machine.swap_free, at=snapshot.at)
    for pod in snapshot.pods:
        _add_pod(families, pod, snapshot)
    families.error.add(0)
    families.old_error.add(0)
    return rendered(vars(families).values())


def _add_pod(families: _Families, pod: PodUse, snapshot: Snapshot) -> None:
    # In the alphabetical order in which Go's library writes labels.
    labels = {"namespace": pod.namespace, "pod": pod.name}
    for each in pod.containers:
        mine, used = {"container": each.name, **labels}, each.usage
        families.started.add(each.started.timestamp(), mine)
        families.cpu.add(seconds(used.cpu), mine, each.at)
        families.memory.add(used.working_set, mine, each.at)
        families.swap.add(used.swap, mine, each.at)
        families.swap_limit.add(used.swap_limit, mine, each.at)
    total = pod.total()
    families.pod_cpu.add(seconds(total.cpu), labels, snapshot.at)
    families.pod_memory.add(total.working_set, labels, snapshot.at)
    families.pod_swap.add(total.swap, labels, snapshot.at)
