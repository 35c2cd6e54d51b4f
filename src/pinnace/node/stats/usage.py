"""Reads what a control group uses, from either version of the kernel's interface.

Every figure means the same in both versions, as upstream's kubelet has it: the working set is the
memory in use without the file pages that the kernel would drop first.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_MICRO = 1_000
# Larger limits stand for none.
_UNLIMITED = 1 << 62
_RESOURCES = ("cpu", "memory", "io")


@dataclass(frozen=True, slots=True)
class Averages:
    """One line of a pressure file: shares of time in percent, and the total in microseconds."""

    total: int
    avg10: float
    avg60: float
    avg300: float


@dataclass(frozen=True, slots=True)
class Pressure:
    """How long some, or all, of a group's processes have waited for a resource."""

    some: Averages
    full: Averages


@dataclass(frozen=True, slots=True)
class DeviceIO:
    """What was read from and written to one block device, by `major:minor`."""

    device: str
    read_bytes: int = 0
    write_bytes: int = 0
    reads: int = 0
    writes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a group has used; None where the kernel does not tell. Times are nanoseconds."""

    cpu: int | None = None
    cpu_user: int | None = None
    cpu_system: int | None = None
    cpu_period: int | None = None
    cpu_quota: int | None = None
    cpu_shares: int | None = None
    periods: int = 0
    throttled_periods: int = 0
    throttled: int = 0
    memory: int | None = None
    working_set: int | None = None
    rss: int | None = None
    cache: int | None = None
    mapped: int | None = None
    kernel: int | None = None
    swap: int | None = None
    swap_limit: int | None = None
    memory_peak: int | None = None
    memory_limit: int | None = None
    memory_failures: int = 0
    page_faults: int | None = None
    major_faults: int | None = None
    active_file: int | None = None
    inactive_file: int | None = None
    oom_kills: int = 0
    processes: int | None = None
    threads: int | None = None
    threads_limit: int | None = None
    devices: tuple[DeviceIO, ...] = ()
    pressure: Mapping[str, Pressure] = field(default_factory=dict)


def words(text: str) -> dict[str, int]:
    """Read lines of a name and a number."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if value.strip().isdigit():
            found[name] = int(value)
    return found


def pressure_of(text: str) -> Pressure | None:
    """Read a pressure file; None if it is not one."""
    lines: dict[str, Averages] = {}
    for line in text.splitlines():
        kind, *pairs = line.split()
        facts = dict(pair.partition("=")[::2] for pair in pairs)
        if "total" in facts:
            averages = (float(facts.get(name, 0)) for name in ("avg10", "avg60", "avg300"))
            lines[kind] = Averages(int(facts["total"]), *averages)
    nothing = Averages(0, 0.0, 0.0, 0.0)
    return Pressure(lines["some"], lines.get("full", nothing)) if "some" in lines else None


class Groups:
    """The control groups of the machine, below where they are mounted."""

    def __init__(self, mount: Path = Path("/sys/fs/cgroup")) -> None:
        self._mount = mount
        self.v2 = (mount / "cgroup.controllers").exists()

    def usage(self, path: str) -> Usage | None:
        """Return what a group uses, or None if there is no such group."""
        return self._v2(path) if self.v2 else self._v1(path)

    def processes(self, path: str) -> list[int]:
        """Return the processes that are in a group itself."""
        for controller in ("",) if self.v2 else ("pids", "memory", "cpuacct"):
            text = _text(self._folder(controller, path) / "cgroup.procs")
            if text:
                return [int(line) for line in text.split()]
        return []

    def _folder(self, controller: str, path: str) -> Path:
        return self._mount / controller / path.strip("/")

    def _v2(self, path: str) -> Usage | None:
        group = self._folder("", path)
        cpu = words(_text(group / "cpu.stat"))
        if not cpu:
            return None
        stat = words(_text(group / "memory.stat"))
        memory = _number(group / "memory.current")
        quota, _, period = _text(group / "cpu.max").strip().partition(" ")
        pressures = {name: pressure_of(_text(group / f"{name}.pressure")) for name in _RESOURCES}
        return Usage(
            cpu=cpu.get("usage_usec", 0) * _MICRO,
            cpu_user=cpu.get("user_usec", 0) * _MICRO,
            cpu_system=cpu.get("system_usec", 0) * _MICRO,
            cpu_period=int(period) if period.isdigit() else None,
            cpu_quota=int(quota) if quota.isdigit() else None,
            cpu_shares=_shares(_number(group / "cpu.weight")),
            periods=cpu.get("nr_periods", 0),
            throttled_periods=cpu.get("nr_throttled", 0),
            throttled=cpu.get("throttled_usec", 0) * _MICRO,
            memory=memory,
            working_set=_working_set(memory, stat.get("inactive_file", 0)),
            rss=stat.get("anon"),
            cache=stat.get("file"),
            mapped=stat.get("file_mapped"),
            kernel=stat.get("kernel"),
            swap=_number(group / "memory.swap.current"),
            swap_limit=_limit(group / "memory.swap.max"),
            memory_peak=_number(group / "memory.peak"),
            memory_limit=_limit(group / "memory.max"),
            page_faults=stat.get("pgfault"),
            major_faults=stat.get("pgmajfault"),
            active_file=stat.get("active_file"),
            inactive_file=stat.get("inactive_file"),
            oom_kills=words(_text(group / "memory.events")).get("oom_kill", 0),
            processes=len(self.processes(path)),
            threads=_number(group / "pids.current"),
            threads_limit=_limit(group / "pids.max"),
            devices=_devices_v2(_text(group / "io.stat")),
            pressure={name: found for name, found in pressures.items() if found is not None},
        )

    def _v1(self, path: str) -> Usage | None:
        cpuacct, cpu = self._folder("cpuacct", path), self._folder("cpu", path)
        used = _number(cpuacct / "cpuacct.usage")
        if used is None:
            return None
        ticks, quotas = words(_text(cpuacct / "cpuacct.stat")), words(_text(cpu / "cpu.stat"))
        group, pids = self._folder("memory", path), self._folder("pids", path)
        # The kernel's "total_" figures include the groups below.
        stat = words(_text(group / "memory.stat"))
        memory = _number(group / "memory.usage_in_bytes")
        both, kills = _limit(group / "memory.memsw.limit_in_bytes"), group / "memory.oom_control"
        return Usage(
            cpu=used,
            cpu_user=ticks.get("user", 0) * _TICK,
            cpu_system=ticks.get("system", 0) * _TICK,
            cpu_period=_number(cpu / "cpu.cfs_period_us"),
            cpu_quota=_number(cpu / "cpu.cfs_quota_us"),
            cpu_shares=_number(cpu / "cpu.shares"),
            periods=quotas.get("nr_periods", 0),
            throttled_periods=quotas.get("nr_throttled", 0),
            throttled=quotas.get("throttled_time", 0),
            memory=memory,
            working_set=_working_set(memory, stat.get("total_inactive_file", 0)),
            rss=stat.get("total_rss"),
            cache=stat.get("total_cache"),
            mapped=stat.get("total_mapped_file"),
            kernel=_number(group / "memory.kmem.usage_in_bytes"),
            swap=stat.get("total_swap"),
            swap_limit=both,
            memory_peak=_number(group / "memory.max_usage_in_bytes"),
            memory_limit=_limit(group / "memory.limit_in_bytes"),
            memory_failures=_number(group / "memory.failcnt") or 0,
            page_faults=stat.get("total_pgfault"),
            major_faults=stat.get("total_pgmajfault"),
            active_file=stat.get("total_active_file"),
            inactive_file=stat.get("total_inactive_file"),
            oom_kills=words(_text(kills)).get("oom_kill", 0),
            processes=len(self.processes(path)),
            threads=_number(pids / "pids.current"),
            threads_limit=_limit(pids / "pids.max"),
            devices=_devices_v1(self._folder("blkio", path)),
        )


def _text(file: Path) -> str:
    # The path is short-lived and there are hundreds: plain calls cost half of what a Path does.
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(descriptor, 65536).decode(errors="replace")
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def _number(file: Path) -> int | None:
    text = _text(file).strip()
    return int(text) if text.isdigit() else None


def _limit(file: Path) -> int | None:
    found = _number(file)
    return None if found is None or found >= _UNLIMITED else found


def _working_set(memory: int | None, inactive: int) -> int | None:
    return None if memory is None else max(memory - inactive, 0)


def _shares(weight: int | None) -> int | None:
    """Return the v1 shares that a v2 weight stands for."""
    return None if weight is None else 2 + (weight - 1) * 262142 // 9999


def _devices_v2(text: str) -> tuple[DeviceIO, ...]:
    found = []
    for line in text.splitlines():
        device, *pairs = line.split()
        facts = dict(pair.partition("=")[::2] for pair in pairs)
        keys = ("rbytes", "wbytes", "rios", "wios")
        found.append(DeviceIO(device, *(int(facts.get(key, 0)) for key in keys)))
    return tuple(found)


def _devices_v1(folder: Path) -> tuple[DeviceIO, ...]:
    amounts: dict[str, dict[str, int]] = {}
    for name, kind in (("io_service_bytes", "bytes"), ("io_serviced", "count")):
        for each in (f"blkio.throttle.{name}_recursive", f"blkio.throttle.{name}"):
            text = _text(folder / each)
            if not text:
                continue
            for line in text.splitlines():
                parts = line.split()
                if len(parts) == 3 and parts[2].isdigit():
                    amounts.setdefault(parts[0], {})[f"{parts[1]} {kind}"] = int(parts[2])
            break
    return tuple(
        DeviceIO(
            device,
            told.get("Read bytes", 0),
            told.get("Write bytes", 0),
            told.get("Read count", 0),
            told.get("Write count", 0),
        )
        for device, told in amounts.items()
    )
