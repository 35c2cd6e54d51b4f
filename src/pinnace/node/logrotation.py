"""Keeps container logs from growing: a full one is renamed and the runtime opens a new one."""

import asyncio
import logging
from datetime import datetime
from pathlib import Path

from pinnace.kit.clock import Clock
from pinnace.node.kubelet import Kubelet
from pinnace.node.runtime import Runtime, RuntimeCallError

_log = logging.getLogger(__name__)

MAX_BYTES = 10 * 1024 * 1024
MAX_FILES = 5
_PERIOD = 10.0


def is_full(log: Path, limit: int = MAX_BYTES) -> bool:
    """Say whether a log has reached its size."""
    try:
        return log.stat().st_size >= limit
    except OSError:
        return False


def rotate(log: Path, now: datetime, *, files: int = MAX_FILES) -> Path:
    """Rename a log by the time, and remove the oldest so that at most `files` are there."""
    old = sorted(log.parent.glob(f"{log.name}.*"))
    for extra in old[: max(0, len(old) - (files - 2))]:
        extra.unlink(missing_ok=True)
    renamed = log.with_name(f"{log.name}.{now.strftime('%Y%m%d-%H%M%S')}")
    log.rename(renamed)
    return renamed


async def rotate_once(kubelet: Kubelet, runtime: Runtime, clock: Clock) -> None:
    """Rotate every running container's log that is full."""
    for worker in list(kubelet.workers.values()):
        for container in worker.state.seen.running():
            log = Path(container.log_path)
            if not container.log_path or not await asyncio.to_thread(is_full, log):
                continue
            renamed = await asyncio.to_thread(rotate, log, clock.now())
            try:
                await runtime.reopen_log(container.id)
            except RuntimeCallError as error:
                # Without a new file the container's output would be lost: take the old one back.
                await asyncio.to_thread(renamed.rename, log)
                _log.warning("the log of %s is not rotated: %s", container.name, error)


async def keep_rotating(kubelet: Kubelet, runtime: Runtime, clock: Clock) -> None:
    """Rotate logs until cancelled."""
    while True:
        await clock.sleep(_PERIOD)
        await rotate_once(kubelet, runtime, clock)
