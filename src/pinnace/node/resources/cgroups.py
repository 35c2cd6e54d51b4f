"""The control group of each Pod, below which the runtime puts its containers.

Layout: `/pinnace/<qos>/pod<uid>`, Guaranteed Pods directly below `/pinnace`. Both versions of the
kernel's interface are written; a controller that the machine does not have is left out.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pinnace.node import cgroup_tree
from pinnace.node.podspec import uid_of
from pinnace.node.resources.limits import pod_resources
from pinnace.node.resources.qos import qos_class
from pinnace.node.runtime import LinuxResources

_log = logging.getLogger(__name__)
_V1_CONTROLLERS = ("cpu", "memory", "pids", "cpuset", "cpuacct", "blkio", "devices", "freezer")
_V2_CONTROLLERS = ("cpu", "memory", "pids", "cpuset", "io")
# Where below the root the groups of a Pod may be, by its class of service.
_KINDS = ("", "/burstable", "/besteffort")


def pod_cgroup(pod: Mapping[str, Any], root: str) -> str:
    """Return the path of the Pod's group, as the runtime wants it."""
    kind = qos_class(pod)
    middle = "" if kind == "Guaranteed" else f"/{kind.lower()}"
    return f"{root}{middle}/pod{uid_of(pod)}"


def weight(shares: int) -> int:
    """Return the cgroup v2 weight that stands for v1 shares."""
    return 1 + ((shares - 2) * 9999) // 262142


class Cgroups:
    """Creates and removes the groups of Pods; with `enabled` false it does nothing at all."""

    def __init__(
        self,
        root: str = "/pinnace",
        *,
        mount: Path = Path("/sys/fs/cgroup"),
        enabled: bool = True,
    ) -> None:
        self._root = root
        self._mount = mount
        self._enabled = enabled
        self._v2 = (mount / "cgroup.controllers").exists()

    def parent(self, pod: Mapping[str, Any]) -> str:
        """Return the cgroup parent to tell the runtime, empty to leave it to the runtime."""
        return pod_cgroup(pod, self._root) if self._enabled else ""

    def ensure(self, pod: Mapping[str, Any]) -> None:
        """Make the Pod's group with its limits."""
        if not self._enabled:
            return
        path, limits = pod_cgroup(pod, self._root), pod_resources(pod)
        if self._v2:
            self._ensure_v2(path, limits)
        else:
            for controller in self._v1():
                self._make(self._mount / controller / path.lstrip("/"), controller, limits)

    def remove(self, uid: str) -> None:
        """Remove a Pod's group, also where only the runtime made one; a busy group stays."""
        if not self._enabled:
            return
        for kind in _KINDS:
            cgroup_tree.remove(f"{self._root}{kind}/pod{uid}", self._mount)

    def leftovers(self) -> set[str]:
        """Return the uids of all Pods that have a group in any hierarchy."""
        if not self._enabled:
            return set()
        return {
            group.name.removeprefix("pod")
            for hierarchy in cgroup_tree.hierarchies(self._mount)
            for kind in _KINDS
            for group in (hierarchy / f"{self._root}{kind}".lstrip("/")).glob("pod*")
        }

    def _v1(self) -> list[str]:
        return [each for each in _V1_CONTROLLERS if (self._mount / each).is_dir()]

    def _make(self, group: Path, controller: str, limits: LinuxResources) -> None:
        if controller == "cpuset":
            _make_cpuset(group, self._mount / controller)
        group.mkdir(parents=True, exist_ok=True)
        if controller == "cpu":
            _write(group / "cpu.shares", limits.cpu_shares)
            if limits.cpu_quota:
                _write(group / "cpu.cfs_period_us", limits.cpu_period)
                _write(group / "cpu.cfs_quota_us", limits.cpu_quota)
        if controller == "memory" and limits.memory_limit:
            _write(group / "memory.limit_in_bytes", limits.memory_limit)

    def _ensure_v2(self, path: str, limits: LinuxResources) -> None:
        group = self._mount
        for part in path.strip("/").split("/"):
            available = (group / "cgroup.controllers").read_text().split()
            for controller in _V2_CONTROLLERS:
                if controller in available:
                    _write(group / "cgroup.subtree_control", f"+{controller}")
            group = group / part
            group.mkdir(exist_ok=True)
        _write(group / "cpu.weight", weight(limits.cpu_shares))
        if limits.cpu_quota:
            _write(group / "cpu.max", f"{limits.cpu_quota} {limits.cpu_period}")
        if limits.memory_limit:
            _write(group / "memory.max", limits.memory_limit)


def _make_cpuset(group: Path, root: Path) -> None:
    """Make a v1 cpuset group: each level has to be told its cpus before anything may enter."""
    missing = [each for each in (group, *group.parents) if each.is_relative_to(root)]
    for level in reversed(missing[:-1]):
        level.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            file = level / name
            if file.exists() and not file.read_text().strip():
                _write(file, (level.parent / name).read_text().strip())


def _write(file: Path, value: int | str) -> None:
    """Write one setting; a file that the kernel does not have, or refuses, is said and skipped."""
    if not file.exists():
        return
    try:
        file.write_text(str(value))
    except OSError as error:
        _log.debug("cgroup setting %s=%s is not taken: %s", file, value, error)
