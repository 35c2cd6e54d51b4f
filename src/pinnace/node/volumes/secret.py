"""secret: a file for each key, in memory."""

from pinnace.node.volumes.base import Mounted, Request, VolumeKind
from pinnace.node.volumes.payload import DEFAULT_MODE
from pinnace.node.volumes.sources import secret_files
from pinnace.node.volumes.written import written


async def set_up(request: Request) -> Mounted:
    """Write the Secret's keys."""
    mode = int(request.source.get("defaultMode", DEFAULT_MODE))
    name = str(request.source["secretName"])
    files = await secret_files(request, request.source, name, mode=mode)
    return await written(request, files, secret=True)


SECRET = VolumeKind("secret", set_up, live=True)
