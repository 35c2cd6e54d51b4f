"""Several components in one process, until a signal ends them."""

import asyncio
import importlib
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pinnace.cluster.components.base import Component, Place, Run
from pinnace.cluster.components.table import COMPONENTS
from pinnace.cluster.config import ClusterConfig, ConfigError
from pinnace.cluster.credentials import write_for_user
from pinnace.cluster.pki import ensure
from pinnace.cluster.supervisor import say_ready
from pinnace.cluster.surroundings import Surroundings, surroundings
from pinnace.kit import cycles

# The store's thread asks for the interpreter after every statement; at Python's own 5 ms a commit
# would wait longer for a busy event loop than for the disk.
_SWITCH = 0.0005


async def run(
    config: ClusterConfig, names: tuple[str, ...], *, kubeconfig: Path | None = None
) -> None:
    """Run components of a data directory in this process until SIGTERM or SIGINT.

    With `kubeconfig` the administrator's is written there first.

    Should one of them fail, all end, and the process with them: its supervisor starts it anew.
    """
    chosen = [row for row in COMPONENTS if row.name in names]
    if len(chosen) != len(names):
        raise ConfigError(f"there is no such component: {' '.join(names)}")
    os.umask(0o077)
    tune()
    place = Place(config, ensure(config.data_dir / "pki", config, datetime.now(UTC)), names)
    if kubeconfig is not None:
        write_for_user(kubeconfig, config, place.pki)
        (config.run_dir / "kubeconfig-path").write_text(str(kubeconfig))

    async def start(around: Surroundings) -> None:
        async with asyncio.TaskGroup() as group:
            for row in chosen:
                group.create_task(_named(row)(place, around, partial(_ready, row.name)))

    await until_signal(start)


def tune() -> None:
    """Prepare this process for a component: its connections, its collector, its threads."""
    _open_many()
    cycles.look_seldom()
    sys.setswitchinterval(_SWITCH)


def _open_many() -> None:
    """Allow as many open files as the system lets us: each watch is a connection."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _ready(name: str) -> None:
    say_ready(name)
    cycles.freeze()


def _named(row: Component) -> Run:
    """Import a component: a process holds only what it runs."""
    found: Run = importlib.import_module(row.module).run
    return found


async def until_signal(start: Callable[[Surroundings], Awaitable[None]]) -> None:
    """Run something in its surroundings until SIGINT or SIGTERM cancels it, or it fails."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with surroundings() as around:
        running = asyncio.ensure_future(start(around))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended = running.done()
            for task in (running, stopping):
                task.cancel()
            await asyncio.gather(running, stopping, return_exceptions=True)
        if ended:
            _raise_first(running)


def _raise_first(task: "asyncio.Future[None]") -> None:
    """Raise what ended a component; of a group of failures, the first that a user can mend."""
    error = task.exception()
    while isinstance(error, BaseExceptionGroup):
        mendable = error.subgroup(ConfigError)
        error = (mendable or error).exceptions[0]
    if error is not None:
        raise error
