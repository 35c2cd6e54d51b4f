"""The one Pinnace that runs on a data directory: its lock, its pid, how to stop it."""

import fcntl
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from pinnace.cluster.config import ConfigError


def claim(run_dir: Path) -> IO[str]:
    """Become the instance of a data directory for as long as the returned file is open.

    Raises ConfigError when there is one already, or the directory cannot be written.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        lock = (run_dir / "pinnace.pid").open("a+", encoding="ascii")
    except OSError as error:
        raise ConfigError(f"cannot write {run_dir}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise ConfigError(
            f"a cluster is running on {run_dir.parent} already (process {holder(run_dir)}): "
            "`pinnace down` stops it"
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def holder(run_dir: Path) -> int | None:
    """Return the pid of the running instance, or None when none runs."""
    path = run_dir / "pinnace.pid"
    try:
        with path.open("r+", encoding="ascii") as lock:
            text = lock.read().strip()
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(text) if text.isdecimal() else None
            return None
    except OSError:
        return None


def stop(run_dir: Path, *, within: float = 60.0) -> bool:
    """Stop the running instance and wait for its end; say whether there was one.

    Raises ConfigError when it does not end in time.
    """
    pid = holder(run_dir)
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + within
    while holder(run_dir) is not None:
        if time.monotonic() > deadline:
            raise ConfigError(f"process {pid} did not stop within {within:.0f} s")
        time.sleep(0.05)
    return True
