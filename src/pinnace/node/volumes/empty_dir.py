"""emptyDir: a directory that lives as long as the Pod, on disk or in memory."""

import asyncio

from pinnace.api import quantity
from pinnace.node.volumes.base import Mounted, Request, VolumeError, VolumeKind
from pinnace.node.volumes.ownership import fs_group, give_to_group


def _make(request: Request) -> None:
    directory, medium = request.directory, request.source.get("medium") or ""
    if medium not in ("", "Memory"):
        raise VolumeError(f'unknown storage medium "{medium}"')
    fresh = not directory.exists()
    directory.mkdir(parents=True, exist_ok=True)
    if medium == "Memory":
        limit = request.source.get("sizeLimit")
        size = quantity.parse(limit).value() if limit else 0
        request.supply.mounts.tmpfs(directory, size=size)
    if fresh:
        directory.chmod(0o777)
        group = fs_group(request.pod)
        if group is not None:
            give_to_group(directory, group, readonly=False)


async def set_up(request: Request) -> Mounted:
    """Make the directory, writable for everybody as upstream does."""
    await asyncio.to_thread(_make, request)
    return Mounted(str(request.directory))


EMPTY_DIR = VolumeKind("emptyDir", set_up)
