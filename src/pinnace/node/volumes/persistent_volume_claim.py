"""persistentVolumeClaim: a claim that is bound to a volume on this node's own disk."""

import asyncio
from pathlib import Path

from pinnace.api.kinds.core import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES
from pinnace.node.podspec import name_of, namespace_of
from pinnace.node.volumes.base import Mounted, Request, VolumeError, VolumeKind
from pinnace.node.volumes.host_path import check
from pinnace.node.volumes.ownership import fs_group, give_to_group


async def _claimed(request: Request, claim_name: str, *, readonly: bool) -> Mounted:
    namespace, supply = namespace_of(request.pod), request.supply
    claim = await supply.find(PERSISTENTVOLUMECLAIMS, namespace, claim_name)
    if claim is None:
        raise VolumeError(f'persistentvolumeclaim "{claim_name}" not found')
    volume_name = claim["spec"].get("volumeName") or ""
    if (claim.get("status") or {}).get("phase") != "Bound" or not volume_name:
        raise VolumeError("PVC is not bound")
    volume = await supply.find(PERSISTENTVOLUMES, "", volume_name)
    if volume is None:
        raise VolumeError(f'persistentvolume "{volume_name}" not found')
    spec = volume["spec"]
    if "hostPath" in spec:
        path, kind = Path(spec["hostPath"]["path"]), str(spec["hostPath"].get("type") or "")
        await asyncio.to_thread(check, path, kind)
    elif "local" in spec:
        path = Path(spec["local"]["path"])
        await asyncio.to_thread(check, path, "Directory" if path.is_dir() else "BlockDevice")
        group = fs_group(request.pod)
        if group is not None and not readonly:
            await asyncio.to_thread(give_to_group, path, group, readonly=False)
    else:
        raise VolumeError(
            f'failed to get Plugin from volumeSpec for volume "{volume_name}" '
            "err=no volume plugin matched"
        )
    return Mounted(str(path), readonly=readonly)


async def set_up(request: Request) -> Mounted:
    """Find the volume behind the claim."""
    readonly = bool(request.source.get("readOnly"))
    return await _claimed(request, str(request.source["claimName"]), readonly=readonly)


async def set_up_ephemeral(request: Request) -> Mounted:
    """Find the volume behind the claim that was made for this Pod."""
    return await _claimed(request, f"{name_of(request.pod)}-{request.name}", readonly=False)


PERSISTENT_VOLUME_CLAIM = VolumeKind("persistentVolumeClaim", set_up)
EPHEMERAL = VolumeKind("ephemeral", set_up_ephemeral)
