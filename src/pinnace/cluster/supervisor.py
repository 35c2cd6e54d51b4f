"""Runs the processes of a cluster: starts them in order, restarts what dies, stops all of them.

The supervisor holds nothing of the cluster itself, so that it stays small. Each group of components
is a process of its own: the API's latency must not suffer from a busy scheduler or kubelet. A child
says that a component is up by a line on the pipe whose number is in PINNACE_READY_FD; it dies with
the supervisor (PR_SET_PDEATHSIG), so that a kill of the supervisor leaves nothing running but
containerd and the Pods' containers.
"""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pinnace.kit.backoff import Backoff
from pinnace.kit.clock import Clock

READY_FD = "PINNACE_READY_FD"
# Pods may take their grace period; the processes themselves need little.
STOP_SECONDS = 15.0
# A process that ran this long has recovered from whatever ended it before.
HEALTHY_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1


class StartFailed(Exception):
    """A process ended, or was not ready in time; the message is one line for the user."""


@dataclass(slots=True)
class Process:
    """One group of components in a process of its own."""

    name: str
    arguments: Sequence[str]
    expected: frozenset[str]
    log: Path
    ready: set[str] = field(default_factory=set)
    all_ready: asyncio.Event = field(default_factory=asyncio.Event)
    child: asyncio.subprocess.Process | None = None


def say_ready(component: str) -> None:
    """Tell the supervisor, if there is one, that a component is up."""
    number = os.environ.get(READY_FD)
    if number:
        with suppress(OSError):
            os.write(int(number), f"{component}\n".encode())


class Supervisor:
    """Use `async with`; leaving it stops every process."""

    def __init__(self, clock: Clock, report: Callable[[str], None]) -> None:
        self._clock = clock
        self._report = report
        self._processes: list[Process] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False

    async def __aenter__(self) -> "Supervisor":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, process: Process, *, within: float) -> None:
        """Start a process and wait until its components are up; raises StartFailed."""
        self._processes.append(process)
        await self._launch(process)
        assert process.child is not None
        exited = asyncio.create_task(process.child.wait())
        up = asyncio.create_task(process.all_ready.wait())
        try:
            await asyncio.wait((exited, up), timeout=within, return_when=asyncio.FIRST_COMPLETED)
            if not up.done():
                how = "ended" if exited.done() else f"was not ready within {within:.0f} s"
                told = last_line(process.log)
                if told.startswith("Error: "):
                    raise StartFailed(told.removeprefix("Error: "))
                raise StartFailed(f"{process.name} {how}: {told}")
        finally:
            for task in (exited, up):
                task.cancel()
            await asyncio.gather(exited, up, return_exceptions=True)
        self._keepers.append(asyncio.create_task(self._keep(process)))

    async def _launch(self, process: Process) -> None:
        reading, writing = os.pipe()
        process.ready.clear()
        process.all_ready.clear()
        try:
            with process.log.open("ab") as log:
                process.child = await asyncio.create_subprocess_exec(
                    *process.arguments,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, READY_FD: str(writing)},
                    pass_fds=(writing,),
                    start_new_session=True,  # Ctrl-C is for the supervisor only
                    preexec_fn=_die_with_parent,
                )
        finally:
            os.close(writing)
        self._listen(process, reading)

    def _listen(self, process: Process, reading: int) -> None:
        loop = asyncio.get_running_loop()
        os.set_blocking(reading, False)

        def readable() -> None:
            data = os.read(reading, 4096)
            if not data:
                loop.remove_reader(reading)
                os.close(reading)
                return
            process.ready.update(data.decode().split())
            if process.expected <= process.ready:
                process.all_ready.set()

        loop.add_reader(reading, readable)

    async def _keep(self, process: Process) -> None:
        """Start the process again whenever it ends, ever more slowly."""
        backoff = Backoff(initial=0.5, maximum=30.0)
        while True:
            assert process.child is not None
            began = self._clock.monotonic()
            code = await process.child.wait()
            if self._stopping:
                return
            if self._clock.monotonic() - began > HEALTHY_SECONDS:
                backoff.reset()
            wait = backoff.next()
            self._report(
                f"{process.name} ended ({_how(code)}), starting it again in {wait:.1f} s; "
                f"its log: {process.log}"
            )
            await self._clock.sleep(wait)
            await self._launch(process)

    async def stop(self) -> None:
        """Stop the processes in reverse order of their start."""
        self._stopping = True
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for process in reversed(self._processes):
            await _stop(process.child)
        self._processes.clear()
        self._keepers.clear()


async def _stop(child: asyncio.subprocess.Process | None) -> None:
    if child is None or child.returncode is not None:
        return
    with suppress(ProcessLookupError):
        child.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await child.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def last_line(log: Path) -> str:
    """Return the last line of a log that says something."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return "no log"
    told = [line.strip() for line in lines if line.strip()]
    return told[-1] if told else "it said nothing"


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
