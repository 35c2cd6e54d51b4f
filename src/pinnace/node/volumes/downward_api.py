"""downwardAPI: the Pod's own fields as files."""

from pinnace.node.volumes.base import Mounted, Request, VolumeKind
from pinnace.node.volumes.payload import DEFAULT_MODE, downward_files
from pinnace.node.volumes.written import written


async def set_up(request: Request) -> Mounted:
    """Write the named fields; labels and annotations follow the Pod."""
    mode = int(request.source.get("defaultMode", DEFAULT_MODE))
    facts = request.supply.facts(request.pod)
    files = downward_files(request.pod, request.source.get("items"), mode=mode, facts=facts)
    return await written(request, files, secret=False)


DOWNWARD_API = VolumeKind("downwardAPI", set_up, live=True)
