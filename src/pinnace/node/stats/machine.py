"""Reads what the machine as a whole has and uses: memory, network, file systems, processes."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from pinnace.node.facts.memory import parse as parse_sizes
from pinnace.node.stats.usage import Groups, Pressure, Usage, pressure_of, words

_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
# Ends of cables between Pods and the host are not the machine's own.
_NOT_OURS = ("lo", "veth", "docker", "nerdctl")


@dataclass(frozen=True, slots=True)
class Interface:
    """What one network interface has carried."""

    name: str
    rx_bytes: int
    rx_packets: int
    rx_errors: int
    rx_dropped: int
    tx_bytes: int
    tx_packets: int
    tx_errors: int
    tx_dropped: int


@dataclass(frozen=True, slots=True)
class Filesystem:
    """How full a file system is; `used` and `inodes_used` may be those of a part of it."""

    available: int
    capacity: int
    used: int
    inodes_free: int
    inodes: int
    inodes_used: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine at one moment."""

    usage: Usage
    boot: float
    memory: int
    swap: int
    swap_free: int
    processes: int
    most_processes: int
    interfaces: tuple[Interface, ...] = ()


def interfaces_of(text: str) -> tuple[Interface, ...]:
    """Read /proc/net/dev, without the loopback and the Pods' ends of cables."""
    found = []
    for line in text.splitlines():
        name, colon, rest = line.partition(":")
        figures = rest.split()
        if not colon or len(figures) < 12 or name.strip().startswith(_NOT_OURS):
            continue
        received, sent = figures[:4], figures[8:12]
        found.append(Interface(name.strip(), *(int(one) for one in (*received, *sent))))
    return tuple(found)


def filesystem_of(path: Path) -> Filesystem | None:
    """Return how full the file system at a path is, or None if it cannot be asked."""
    try:
        told = os.statvfs(path)
    except OSError:
        return None
    return Filesystem(
        available=told.f_bavail * told.f_frsize,
        capacity=told.f_blocks * told.f_frsize,
        used=(told.f_blocks - told.f_bfree) * told.f_frsize,
        inodes_free=told.f_ffree,
        inodes=told.f_files,
        inodes_used=told.f_files - told.f_ffree,
    )


def read(path: Path) -> str:
    """Return a file's text, empty if it cannot be read."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def look(groups: Groups, root: Path = Path("/")) -> Machine:
    """Read the machine below a root directory."""
    sizes = parse_sizes(read(root / "proc/meminfo"))
    stat = read(root / "proc/stat")
    threads = read(root / "proc/loadavg").partition("/")[2].split()
    most = read(root / "proc/sys/kernel/pid_max").strip()
    found = groups.usage("/") or Usage()
    if found.cpu is None:
        found = replace(found, cpu=_busy(stat))
    if found.memory is None:
        found = _memory_of(found, sizes)
    pressures = {
        name: told
        for name in ("cpu", "memory", "io")
        if (told := pressure_of(read(root / f"proc/pressure/{name}"))) is not None
    }
    return Machine(
        usage=replace(found, pressure=_pressures(found, pressures), memory_limit=None),
        boot=float(words(stat).get("btime", 0)),
        memory=sizes.get("MemTotal", 0),
        swap=sizes.get("SwapTotal", 0),
        swap_free=sizes.get("SwapFree", 0),
        processes=int(threads[0]) if threads else 0,
        most_processes=int(most) if most.isdigit() else 0,
        interfaces=interfaces_of(read(root / "proc/net/dev")),
    )


def _pressures(found: Usage, of_machine: dict[str, Pressure]) -> dict[str, Pressure]:
    return dict(found.pressure) or of_machine


def _busy(stat: str) -> int:
    """Return the time that processors were not idle, from /proc/stat."""
    user, nice, system, _, _, irq, soft, *_ = (int(one) for one in stat.split()[1:9])
    return (user + nice + system + irq + soft) * _TICK


def _memory_of(usage: Usage, sizes: dict[str, int]) -> Usage:
    """Fill in what version 2 does not tell of its root group."""
    used = sizes.get("MemTotal", 0) - sizes.get("MemFree", 0)
    inactive = usage.inactive_file
    if inactive is None:
        inactive = sizes.get("Inactive(file)", 0)
    return replace(
        usage,
        memory=used,
        working_set=max(used - inactive, 0),
        rss=usage.rss if usage.rss is not None else sizes.get("AnonPages", 0),
        cache=usage.cache if usage.cache is not None else sizes.get("Cached", 0),
    )
