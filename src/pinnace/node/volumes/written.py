"""What the volumes made of written files share: the directory, ownership, atomic replacement."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from pinnace.node.volumes.atomic import File, write_atomically
from pinnace.node.volumes.base import Mounted, Request
from pinnace.node.volumes.ownership import fs_group, give_to_group


def _owned(file: File, group: int | None) -> File:
    if group is None:
        return file
    return replace(file, mode=file.mode | 0o440, gid=group)


def _write(request: Request, files: Mapping[str, File], *, secret: bool) -> None:
    directory = request.directory
    if not directory.exists():
        directory.mkdir(parents=True)
        directory.chmod(0o777)
    if secret:
        request.supply.mounts.tmpfs(directory)
        directory.chmod(0o777)
    group = fs_group(request.pod)
    owned = {name: _owned(file, group) for name, file in files.items()}
    fresh = write_atomically(directory, owned, request.supply.now())
    if fresh and group is not None:
        give_to_group(directory, group, readonly=True)


async def written(request: Request, files: Mapping[str, File], *, secret: bool) -> Mounted:
    """Write the files, those that hold secrets into memory; containers see them read-only."""
    await asyncio.to_thread(_write, request, files, secret=secret)
    return Mounted(str(request.directory), readonly=True)
