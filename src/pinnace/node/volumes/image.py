"""image: an OCI image or artifact, mounted read-only by the runtime."""

from pinnace.node.volumes.base import Mounted, Request, VolumeKind


async def set_up(request: Request) -> Mounted:
    """Have the image here; the runtime mounts it."""
    reference = str(request.source["reference"])
    policy = str(request.source.get("pullPolicy") or "IfNotPresent")
    await request.supply.ensure_image(request.pod, reference, policy)
    return Mounted(image=reference, readonly=True)


IMAGE = VolumeKind("image", set_up)
