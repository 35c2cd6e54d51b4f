"""Finds, starts and ends processes that outlive us: by number and start time, never by name.

A process number may be taken by another program after its owner's end; together with the start
time, which the kernel counts in ticks since boot, it names one process for as long as the
machine runs.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")

# posix_spawn cannot set a umask, and ours is the whole process's: a shell that execs does.
_USUAL_UMASK = ("/bin/sh", "-c", 'umask 022 && exec "$0" "$@"')


@dataclass(frozen=True, slots=True)
class Process:
    """One process, for ever."""

    pid: int
    started: int

    def is_alive(self) -> bool:
        """Answer whether it still runs; a zombie does not."""
        self._reap()
        stat = _stat(self.pid)
        return stat is not None and stat.started == self.started and stat.state not in "ZX"

    def send(self, number: signal.Signals) -> None:
        """Send a signal; that it has ended is no error."""
        if self.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _reap(self) -> None:
        """Collect it if it is our child and has ended, as its parent must."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)


@dataclass(frozen=True, slots=True)
class _Stat:
    state: str
    parent: int
    started: int


def _stat(pid: int) -> _Stat | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name, in parentheses, may itself hold spaces and parentheses.
    fields = text[text.rindex(")") + 2 :].split()
    return _Stat(state=fields[0], parent=int(fields[1]), started=int(fields[19]))


def find(pid: int) -> Process | None:
    """Return the process that has this number now, or None."""
    stat = _stat(pid)
    return Process(pid, stat.started) if stat else None


def running() -> Iterator[Process]:
    """Yield every process of the machine."""
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (process := find(int(entry.name))):
            yield process


def command_line(process: Process) -> list[str]:
    """Return a process's words; empty when it has ended or belongs to the kernel."""
    try:
        words = (_PROC / str(process.pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
    return [os.fsdecode(word) for word in words[:-1]]


def descendants(process: Process) -> list[Process]:
    """Return everything that a process started and that still hangs on it."""
    children: dict[int, list[Process]] = {}
    for other in running():
        stat = _stat(other.pid)
        if stat:
            children.setdefault(stat.parent, []).append(other)
    found: list[Process] = []
    todo = [process.pid]
    while todo:
        for child in children.get(todo.pop(), ()):
            found.append(child)
            todo.append(child.pid)
    return found


def start_detached(
    arguments: Sequence[str], *, log: Path, environment: Mapping[str, str]
) -> Process:
    """Start a program in a session of its own that outlives us, writing to `log`.

    Not through `subprocess`, which considers a child that is left running a mistake. It has the
    usual umask whatever ours is: containerd makes root directories and resolv.conf files that
    containers of any user must be able to read.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    words = [*_USUAL_UMASK, *arguments]
    pid = os.posix_spawn(words[0], words, environment, file_actions=actions, setsid=True)
    stat = _stat(pid)
    return Process(pid, stat.started if stat else 0)


def save(process: Process, path: Path) -> None:
    """Write down which process this is, for the next start."""
    path.write_text(f"{process.pid} {process.started}\n")


def load(path: Path) -> Process | None:
    """Return the process that was written down if it still runs, else None."""
    try:
        pid, started = path.read_text().split()
    except (OSError, ValueError):
        return None
    process = Process(int(pid), int(started))
    return process if process.is_alive() else None


def end(process: Process, *, grace: float) -> None:
    """Ask a process to end, and kill it after `grace` seconds; returns when it is gone."""
    process.send(signal.SIGTERM)
    if not wait(process, timeout=grace):
        process.send(signal.SIGKILL)
        wait(process, timeout=grace)


def wait(process: Process, *, timeout: float) -> bool:
    """Return True once the process has ended, False after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while process.is_alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
