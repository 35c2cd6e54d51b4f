"""configMap: a file for each key."""

from pinnace.node.volumes.base import Mounted, Request, VolumeKind
from pinnace.node.volumes.payload import DEFAULT_MODE
from pinnace.node.volumes.sources import config_map_files
from pinnace.node.volumes.written import written


async def set_up(request: Request) -> Mounted:
    """Write the ConfigMap's keys."""
    mode = int(request.source.get("defaultMode", DEFAULT_MODE))
    files = await config_map_files(request, request.source, mode=mode)
    return await written(request, files, secret=False)


CONFIG_MAP = VolumeKind("configMap", set_up, live=True)
