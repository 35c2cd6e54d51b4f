"""projected: several sources in one directory, among them service account tokens."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pinnace.node.volumes.atomic import File
from pinnace.node.volumes.base import Mounted, Request, VolumeError, VolumeKind
from pinnace.node.volumes.ownership import common_user, fs_group
from pinnace.node.volumes.payload import DEFAULT_MODE, downward_files
from pinnace.node.volumes.sources import config_map_files, secret_files
from pinnace.node.volumes.written import written

_TOKEN_SECONDS = 3600


async def _token_file(request: Request, source: Mapping[str, Any], mode: int) -> dict[str, File]:
    token = await request.supply.token(
        request.pod,
        audience=str(source.get("audience") or ""),
        seconds=int(source.get("expirationSeconds") or _TOKEN_SECONDS),
    )
    user = common_user(request.pod)
    # A token that belongs to one user (or to a group) is nobody else's business.
    if user is not None or fs_group(request.pod) is not None:
        mode = 0o600
    file = File(token.text.encode(), mode)
    return {str(source["path"]): replace(file, uid=user) if user is not None else file}


async def _files(request: Request, source: Mapping[str, Any], mode: int) -> dict[str, File]:
    if "configMap" in source:
        return await config_map_files(request, source["configMap"], mode=mode)
    if "secret" in source:
        inner = source["secret"]
        return await secret_files(request, inner, str(inner["name"]), mode=mode)
    if "downwardAPI" in source:
        facts = request.supply.facts(request.pod)
        items = source["downwardAPI"].get("items")
        return downward_files(request.pod, items, mode=mode, facts=facts)
    if "serviceAccountToken" in source:
        return await _token_file(request, source["serviceAccountToken"], mode)
    raise VolumeError(f"unsupported projected source: {', '.join(source)}")


async def set_up(request: Request) -> Mounted:
    """Write all sources; tokens are asked for anew once most of their life is over."""
    mode = int(request.source.get("defaultMode", DEFAULT_MODE))
    files: dict[str, File] = {}
    for source in request.source.get("sources") or ():
        files |= await _files(request, source, mode)
    return await written(request, files, secret=True)


PROJECTED = VolumeKind("projected", set_up, live=True)
