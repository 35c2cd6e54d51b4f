"""How much containers, their logs and their volumes take on disk: for `/stats/summary` only.

Walking through volumes is dear, so what was found counts for a minute, as upstream's does.
"""

import asyncio
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from pinnace.kit.clock import Clock
from pinnace.node.runtime import FilesystemUsage, Runtime, RuntimeCallError
from pinnace.node.stats.machine import Filesystem, filesystem_of
from pinnace.node.stats.snapshot import Snapshot

_FRESH = timedelta(minutes=1)
_VOLUMES = "volumes"


@dataclass(frozen=True, slots=True)
class Taken:
    """Bytes and files that something takes."""

    size: int = 0
    files: int = 0


@dataclass(frozen=True, slots=True)
class VolumeUse:
    """One volume of a Pod: what it takes, and the file system that it is on."""

    name: str
    kind: str
    taken: Taken
    filesystem: Filesystem


@dataclass(frozen=True, slots=True)
class Disks:
    """What was found: container layers and logs by container, volumes by the Pod's uid."""

    at: datetime
    layers: dict[str, Taken] = field(default_factory=dict)
    logs: dict[str, Taken] = field(default_factory=dict)
    volumes: dict[str, tuple[VolumeUse, ...]] = field(default_factory=dict)
    images: FilesystemUsage | None = None
    image_filesystem: Filesystem | None = None


def taken_by(folder: Path) -> Taken:
    """Add up what is below a directory; what goes meanwhile is not counted."""
    size = files = 0
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    told = entry.stat(follow_symlinks=False)
                    size, files = size + told.st_blocks * 512, files + 1
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
        except OSError:
            continue
    return Taken(size, files)


class DiskUse:
    """Looks at the disk for a node's Pods."""

    def __init__(self, root_dir: Path, clock: Clock, runtime: Runtime) -> None:
        self._root_dir = root_dir
        self._clock = clock
        self._runtime = runtime
        self._lock = asyncio.Lock()
        self._last: Disks | None = None

    async def take(self, snapshot: Snapshot) -> Disks:
        """Return what is taken, at most a minute old; of new Pods nothing is known before."""
        async with self._lock:
            now = self._clock.now()
            if self._last is None or now - self._last.at >= _FRESH:
                self._last = await self._look(snapshot, now)
            return self._last

    async def _look(self, snapshot: Snapshot, now: datetime) -> Disks:
        layers: dict[str, Taken] = {}
        images: list[FilesystemUsage] = []
        try:
            for each in await self._runtime.container_stats():
                if (layer := each.writable_layer) is not None:
                    layers[each.id] = Taken(layer.used_bytes, layer.inodes_used)
            images = await self._runtime.image_filesystems()
        except RuntimeCallError:
            # A runtime that does not tell leaves the figures out.
            images = []
        return await asyncio.to_thread(self._walk, snapshot, now, layers, images[:1])

    def _walk(
        self,
        snapshot: Snapshot,
        now: datetime,
        layers: dict[str, Taken],
        images: list[FilesystemUsage],
    ) -> Disks:
        logs = {
            each.id: taken_by(Path(each.log_path).parent)
            for pod in snapshot.pods
            for each in pod.containers
            if each.log_path
        }
        where = filesystem_of(Path(images[0].mountpoint)) if images else None
        return Disks(
            at=now,
            layers=layers,
            logs=logs,
            volumes={pod.uid: self._volumes(pod.uid) for pod in snapshot.pods},
            images=images[0] if images else None,
            image_filesystem=where or snapshot.filesystem,
        )

    def _volumes(self, uid: str) -> tuple[VolumeUse, ...]:
        found = []
        for folder in sorted((self._root_dir / "pods" / uid / _VOLUMES).glob("*/*")):
            whole = filesystem_of(folder)
            if whole is not None and folder.is_dir():
                kind = folder.parent.name.rpartition("~")[2]
                found.append(VolumeUse(folder.name, kind, taken_by(folder), whole))
        return tuple(found)
