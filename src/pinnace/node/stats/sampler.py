"""Takes snapshots of what the node runs, when somebody asks and at most once a second.

The figures come from the control groups' files. For a container whose group is not where this
kubelet would have put it (another runtime with a layout of its own) the runtime is asked.
"""

import asyncio
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pinnace.api.objects import Object
from pinnace.kit.clock import Clock
from pinnace.node.observed import PodRuntime, SeenContainer
from pinnace.node.podspec import is_host_network, name_of, namespace_of, uid_of
from pinnace.node.runtime import ContainerStats, Runtime, RuntimeCallError
from pinnace.node.stats.machine import Interface, filesystem_of, interfaces_of, look, read
from pinnace.node.stats.snapshot import (
    ContainerUse,
    GroupUse,
    PodUse,
    Rates,
    Snapshot,
    rates,
)
from pinnace.node.stats.usage import Groups, Usage

_FRESH = timedelta(seconds=1)
# A rate is taken over at least this, and not over what lies before a long silence.
_RATE_OVER = timedelta(seconds=10)
_SILENCE = timedelta(minutes=5)
_CLASSES = ("", "/burstable", "/besteffort")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A Pod to look at: its object, what the runtime has of it, the group it was given."""

    pod: Object
    seen: PodRuntime
    group: str


class Sampler:
    """The snapshots of one node."""

    def __init__(
        self,
        node: str,
        root_dir: Path,
        cgroup_root: str,
        clock: Clock,
        runtime: Runtime,
        *,
        groups: Groups | None = None,
        root: Path = Path("/"),
    ) -> None:
        self._node = node
        self._root_dir = root_dir
        self._cgroup_root = cgroup_root
        self._clock = clock
        self._runtime = runtime
        self._groups = groups or Groups()
        self._root = root
        self._lock = asyncio.Lock()
        self._last: Snapshot | None = None
        self._older: Snapshot | None = None
        self._began = clock.now()

    async def take(self, wanted: Iterable[Wanted]) -> tuple[Snapshot, Rates]:
        """Return a snapshot that is fresh, and the rates since an earlier one."""
        async with self._lock:
            now = self._clock.now()
            if self._last is None or now - self._last.at >= _FRESH:
                new = await asyncio.to_thread(self._read, tuple(wanted), now)
                new = await self._completed(new)
                self._older = _base(self._older, self._last, now)
                self._last = new
            return self._last, rates(self._last, self._older)

    def _read(self, wanted: tuple[Wanted, ...], now: datetime) -> Snapshot:
        paths = [f"{self._cgroup_root}{each}" for each in _CLASSES] if self._cgroup_root else []
        found = [(path, self._groups.usage(path)) for path in paths]
        return Snapshot(
            node=self._node,
            at=now,
            machine=look(self._groups, self._root),
            pods=tuple(use for each in wanted if (use := self._pod(each, now)) is not None),
            groups=tuple(GroupUse(path=path, usage=use) for path, use in found if use is not None),
            kubelet=self._own(),
            kubelet_started=self._began,
            filesystem=filesystem_of(self._root_dir),
        )

    def _pod(self, wanted: Wanted, now: datetime) -> PodUse | None:
        pod, seen = wanted.pod, wanted.seen
        sandbox = seen.ready_sandbox()
        running = _latest(seen)
        if sandbox is None:
            return None
        group = f"{wanted.group}/{sandbox.id}" if wanted.group else ""
        usage = self._groups.usage(group) if group else None
        pause = ContainerUse(
            id=sandbox.id,
            name="",
            image="",
            started=sandbox.created_at,
            group=group,
            usage=usage or Usage(),
            at=now,
        )
        return PodUse(
            namespace=namespace_of(pod),
            name=name_of(pod),
            uid=uid_of(pod),
            started=sandbox.created_at,
            group=wanted.group,
            containers=tuple(self._container(each, wanted.group, now) for each in running),
            usage=self._groups.usage(wanted.group) if wanted.group else None,
            sandbox=pause if usage is not None else None,
            host_network=is_host_network(pod),
            interfaces=() if is_host_network(pod) else self._network(group),
        )

    def _container(self, seen: SeenContainer, parent: str, now: datetime) -> ContainerUse:
        group = f"{parent}/{seen.id}" if parent else ""
        return ContainerUse(
            id=seen.id,
            name=seen.name,
            image=seen.image,
            started=seen.created_at,
            group=group,
            usage=(self._groups.usage(group) if group else None) or Usage(),
            at=now,
            log_path=seen.log_path,
        )

    def _network(self, group: str) -> tuple[Interface, ...]:
        """Return what the Pod's interfaces carried, as a process in its network sees them."""
        for process in self._groups.processes(group)[:1] if group else ():
            return interfaces_of(read(self._root / f"proc/{process}/net/dev"))
        return ()

    def _own(self) -> Usage:
        """Return what this process uses, of which there is no group in general."""
        times = os.times()
        pages = read(self._root / "proc/self/statm").split()
        size = int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if len(pages) > 1 else None
        cpu = int((times.user + times.system) * 1e9)
        return Usage(cpu=cpu, memory=size, working_set=size, rss=size)

    async def _completed(self, snapshot: Snapshot) -> Snapshot:
        """Ask the runtime for the containers whose groups are not to be found."""
        if all(each.usage.cpu is not None for pod in snapshot.pods for each in pod.containers):
            return snapshot
        try:
            told = {each.id: each for each in await self._runtime.container_stats()}
        except RuntimeCallError:
            return snapshot
        pods = tuple(
            replace(pod, containers=tuple(_told(each, told) for each in pod.containers))
            for pod in snapshot.pods
        )
        return replace(snapshot, pods=pods)


def _base(older: Snapshot | None, last: Snapshot | None, now: datetime) -> Snapshot | None:
    """Choose what the next rates are taken against."""
    if older is None or now - older.at >= _RATE_OVER:
        older = last
    return older if older is not None and now - older.at < _SILENCE else None


def _latest(seen: PodRuntime) -> list[SeenContainer]:
    """Return the containers that run, one of each name."""
    names: dict[str, SeenContainer] = {}
    for each in seen.containers:
        if each.state == "running":
            names.setdefault(each.name, each)
    return sorted(names.values(), key=lambda one: one.name)


def _told(container: ContainerUse, told: dict[str, ContainerStats]) -> ContainerUse:
    stats = told.get(container.id)
    if container.usage.cpu is not None or stats is None or stats.cpu_nanoseconds is None:
        return container
    usage = Usage(
        cpu=stats.cpu_nanoseconds,
        memory=stats.memory_usage,
        working_set=stats.memory_working_set,
        rss=stats.memory_rss,
        page_faults=stats.page_faults,
        major_faults=stats.major_page_faults,
    )
    at = stats.when.astimezone(UTC) if stats.when is not None else container.at
    return replace(container, usage=usage, at=at)
