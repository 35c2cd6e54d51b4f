"""Removes what a Pod leaves behind: dead containers, sandboxes, logs, directories."""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from pinnace.node.ground import Ground, PodState
from pinnace.node.podspec import uid_of
from pinnace.node.sandboxconfig import log_directory

_log = logging.getLogger(__name__)

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
        await asyncio.to_thread(self._ground.cgroups.remove, uid)
        self._ground.lookups.forget(uid)

    async def remove_all(self) -> None:
        """Remove every trace of the Pod from the node."""
        for sandbox in self._state.seen.sandboxes:
            await self._ground.runtime.stop_sandbox(sandbox.id)
            await self._ground.runtime.remove_sandbox(sandbox.id)
        for container in self._state.seen.containers:
            await self._ground.runtime.remove_container(container.id)
        await self._ground.volumes.remove(uid_of(self._state.pod))
        logs = log_directory(self._ground.settings.log_dir, self._state.pod)
        await asyncio.to_thread(shutil.rmtree, logs, ignore_errors=True)


class Leftovers:
    """What Pods left behind that nobody looks after, as they ended while the kubelet was away."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def sweep(self, alive: Callable[[str], bool]) -> None:
        """Remove directories, logs and control groups of Pods that are not alive.

        `alive` is asked just before something is removed: a Pod may have come meanwhile.
        """
        ground = self._ground
        for uid in await asyncio.to_thread(ground.volumes.leftovers):
            if not alive(uid):
                await self._try(uid, ground.volumes.remove(uid))
        for uid, logs in await asyncio.to_thread(_all_logs, ground.settings.log_dir):
            if not alive(uid):
                await asyncio.to_thread(shutil.rmtree, logs, ignore_errors=True)
        for uid in await asyncio.to_thread(ground.cgroups.leftovers):
            if not alive(uid):
                await asyncio.to_thread(ground.cgroups.remove, uid)

    async def _try(self, uid: str, removal: Awaitable[None]) -> None:
        try:
            await removal
        except OSError as error:
            _log.warning("the directory of Pod %s cannot be removed: %s", uid, error)


def _all_logs(log_dir: Path) -> list[tuple[str, Path]]:
    """Return the directories of Pods' logs, each with its Pod's uid."""
    found = log_dir.glob("*_*_*")
    return [(path.name.rpartition("_")[2], path) for path in found if path.is_dir()]


def _remove_log(path: str) -> None:
    """Remove a container's log and its rotated parts."""
    log = Path(path)
    if path and log.parent.is_dir():
        for part in log.parent.glob(f"{log.name}*"):
            part.unlink(missing_ok=True)
