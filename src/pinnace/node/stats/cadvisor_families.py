"""The families of `/metrics/cadvisor`: their names, and how each is read from a group's usage."""

from collections.abc import Callable
from dataclasses import dataclass

from pinnace.node.stats.machine import Interface
from pinnace.node.stats.usage import DeviceIO, Usage

Number = float | None


@dataclass(frozen=True, slots=True)
class Row:
    """A family with one sample for each group; `limited` ones are for groups with a quota."""

    name: str
    help: str
    value: Callable[[Usage], Number]
    type: str = "gauge"
    limited: bool = False


def _seconds(nanoseconds: int | None) -> Number:
    return None if nanoseconds is None else nanoseconds / 1e9


def _stalled(usage: Usage, resource: str, *, full: bool) -> Number:
    found = usage.pressure.get(resource)
    return None if found is None else (found.full if full else found.some).total / 1e6


def _waits(resource: str, cause: str) -> tuple[Row, Row]:
    """Return the two families of one resource's pressure."""
    middle = f"tasks in the container{{}} due to {cause} congestion."
    none = f"no {middle.format(' could make progress')}"
    have = middle.format(" have waited")
    prefix = f"container_pressure_{resource}"
    return (
        Row(
            f"{prefix}_stalled_seconds_total",
            f"Total time duration {none}",
            lambda one: _stalled(one, resource, full=True),
            "counter",
        ),
        Row(
            f"{prefix}_waiting_seconds_total",
            f"Total time duration {have}",
            lambda one: _stalled(one, resource, full=False),
            "counter",
        ),
    )


ROWS: tuple[Row, ...] = (
    Row("container_cpu_user_seconds_total", "Cumulative user cpu time consumed in seconds.",
        lambda one: _seconds(one.cpu_user), "counter"),
    Row("container_cpu_system_seconds_total", "Cumulative system cpu time consumed in seconds.",
        lambda one: _seconds(one.cpu_system), "counter"),
    Row("container_cpu_cfs_periods_total", "Number of elapsed enforcement period intervals.",
        lambda one: one.periods, "counter", limited=True),
    Row("container_cpu_cfs_throttled_periods_total", "Number of throttled period intervals.",
        lambda one: one.throttled_periods, "counter", limited=True),
    Row("container_cpu_cfs_throttled_seconds_total",
        "Total time duration the container has been throttled.",
        lambda one: one.throttled / 1e9, "counter", limited=True),
    Row("container_memory_cache", "Number of bytes of page cache memory.",
        lambda one: one.cache),
    Row("container_memory_rss", "Size of RSS in bytes.", lambda one: one.rss),
    Row("container_memory_kernel_usage", "Size of kernel memory allocated in bytes.",
        lambda one: one.kernel),
    Row("container_memory_mapped_file", "Size of memory mapped files in bytes.",
        lambda one: one.mapped),
    Row("container_memory_swap", "Container swap usage in bytes.", lambda one: one.swap),
    Row("container_memory_failcnt", "Number of memory usage hits limits",
        lambda one: one.memory_failures, "counter"),
    Row("container_memory_usage_bytes",
        "Current memory usage in bytes, including all memory regardless of when it was accessed",
        lambda one: one.memory),
    Row("container_memory_max_usage_bytes", "Maximum memory usage recorded in bytes",
        lambda one: one.memory_peak),
    Row("container_memory_working_set_bytes", "Current working set in bytes.",
        lambda one: one.working_set),
    Row("container_memory_total_active_file_bytes", "Current total active file in bytes.",
        lambda one: one.active_file),
    Row("container_memory_total_inactive_file_bytes", "Current total inactive file in bytes.",
        lambda one: one.inactive_file),
    Row("container_oom_events_total", "Count of out of memory events observed for the container",
        lambda one: one.oom_kills, "counter"),
    Row("container_processes", "Number of processes running inside the container.",
        lambda one: one.processes),
    Row("container_threads", "Number of threads running inside the container",
        lambda one: one.threads),
    Row("container_threads_max",
        "Maximum number of threads allowed inside the container, infinity if value is zero",
        lambda one: None if one.threads is None else one.threads_limit or 0),
    *_waits("cpu", "CPU"),
    *_waits("memory", "memory"),
    *_waits("io", "IO"),
)  # fmt: skip

# What the group was given: without a time, as it is no measurement.
SPECS: tuple[Row, ...] = (
    Row("container_spec_cpu_period", "CPU period of the container.", lambda one: one.cpu_period),
    Row("container_spec_cpu_quota", "CPU quota of the container.", lambda one: one.cpu_quota,
        limited=True),
    Row("container_spec_cpu_shares", "CPU share of the container.", lambda one: one.cpu_shares),
    Row("container_spec_memory_limit_bytes", "Memory limit for the container.",
        lambda one: None if one.memory is None else one.memory_limit or 0),
    Row("container_spec_memory_swap_limit_bytes", "Memory swap limit for the container.",
        lambda one: None if one.memory is None else one.swap_limit or 0),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """A family with a sample for each interface."""

    name: str
    help: str
    value: Callable[[Interface], int]


def _network_rows() -> tuple[NetworkRow, ...]:
    return (
        NetworkRow("container_network_receive_bytes_total",
                   "Cumulative count of bytes received", lambda one: one.rx_bytes),
        NetworkRow("container_network_receive_errors_total",
                   "Cumulative count of errors encountered while receiving",
                   lambda one: one.rx_errors),
        NetworkRow("container_network_receive_packets_dropped_total",
                   "Cumulative count of packets dropped while receiving",
                   lambda one: one.rx_dropped),
        NetworkRow("container_network_receive_packets_total",
                   "Cumulative count of packets received", lambda one: one.rx_packets),
        NetworkRow("container_network_transmit_bytes_total",
                   "Cumulative count of bytes transmitted", lambda one: one.tx_bytes),
        NetworkRow("container_network_transmit_errors_total",
                   "Cumulative count of errors encountered while transmitting",
                   lambda one: one.tx_errors),
        NetworkRow("container_network_transmit_packets_dropped_total",
                   "Cumulative count of packets dropped while transmitting",
                   lambda one: one.tx_dropped),
        NetworkRow("container_network_transmit_packets_total",
                   "Cumulative count of packets transmitted", lambda one: one.tx_packets),
    )  # fmt: skip


NETWORK_ROWS = _network_rows()


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A family with a sample for each block device."""

    name: str
    help: str
    value: Callable[[DeviceIO], int]


DEVICE_ROWS: tuple[DeviceRow, ...] = (
    DeviceRow("container_fs_reads_bytes_total", "Cumulative count of bytes read",
              lambda one: one.read_bytes),
    DeviceRow("container_fs_reads_total", "Cumulative count of reads completed",
              lambda one: one.reads),
    DeviceRow("container_fs_writes_bytes_total", "Cumulative count of bytes written",
              lambda one: one.write_bytes),
    DeviceRow("container_fs_writes_total", "Cumulative count of writes completed",
              lambda one: one.writes),
)  # fmt: skip
