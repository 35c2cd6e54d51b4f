"""Brings image archives into a containerd, through its `ctr`, and waits until the CRI has them."""

import asyncio
from pathlib import Path

from pinnace.node import command
from pinnace.node.runtime import Runtime, RuntimeDeadline

_IMPORT = 300.0
_SEEN = 10.0


async def import_archive(
    archive: Path, *, socket: Path, snapshotter: str, namespace: str = "k8s.io"
) -> None:
    """Import an image archive; raises CommandError. Importing twice changes nothing."""
    arguments = ["--address", str(socket), "--namespace", namespace, "images", "import"]
    # Platforms other than the host's are not unpacked; the archive may hold them.
    arguments += ["--snapshotter", snapshotter, str(archive)]
    await command.run("ctr", arguments, deadline=_IMPORT)


async def wait_for_image(runtime: Runtime, name: str) -> None:
    """Return once the CRI lists an image; it learns of imports by events, a little later."""
    try:
        async with asyncio.timeout(_SEEN):
            while True:
                if await runtime.image_status(name) is not None:
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise RuntimeDeadline(f"the runtime does not list the imported image {name}") from None
