"""Removes what a Pod leaves behind: dead containers, sandboxes, logs, directories."""

import asyncio
import shutil
from pathlib import Path

from pinnace.node.ground import Ground, PodState
from pinnace.node.podspec import uid_of
from pinnace.node.sandboxconfig import log_directory

# Dead containers kept for each name, for `kubectl logs --previous`.
_KEPT = 1


class Remains:
    """Clears up after one Pod."""

    def __init__(self, ground: Ground, state: PodState) -> None:
        self._ground = ground
        self._state = state

    async def collect(self) -> None:
        """Remove dead containers but the last of each name, and sandboxes that were replaced."""
        seen, runtime = self._state.seen, self._ground.runtime
        kept: dict[str, int] = {}
        for container in seen.containers:
            if container.state != "exited":
                continue
            kept[container.name] = kept.get(container.name, 0) + 1
            if kept[container.name] > _KEPT:
                await runtime.remove_container(container.id)
                await asyncio.to_thread(_remove_log, container.log_path)
        in_use = {container.sandbox_id for container in seen.containers}
        for sandbox in seen.sandboxes[1:]:
            if not sandbox.ready and sandbox.id not in in_use:
                await runtime.remove_sandbox(sandbox.id)

    async def release(self) -> None:
        """Give back what only a running Pod needs: volumes and the control group."""
        uid = uid_of(self._state.pod)
        await self._ground.volumes.tear_down(uid)
        await asyncio.to_thread(self._ground.cgroups.remove, self._state.pod)
        self._ground.lookups.forget(uid)

    async def remove_all(self) -> None:
        """Remove every trace of the Pod from the node."""
        for sandbox in self._state.seen.sandboxes:
            await self._ground.runtime.stop_sandbox(sandbox.id)
            await self._ground.runtime.remove_sandbox(sandbox.id)
        await self._ground.volumes.remove(uid_of(self._state.pod))
        logs = log_directory(self._ground.settings.log_dir, self._state.pod)
        await asyncio.to_thread(shutil.rmtree, logs, ignore_errors=True)


def _remove_log(path: str) -> None:
    """Remove a container's log and its rotated parts."""
    log = Path(path)
    if path and log.parent.is_dir():
        for part in log.parent.glob(f"{log.name}*"):
            part.unlink(missing_ok=True)
