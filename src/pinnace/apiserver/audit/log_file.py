"""The audit log as a file that begins anew when it is full.

Names and rules of old files are those of lumberjack, which upstream uses: `NAME-TIMESTAMP.EXT`
beside the file, gzipped if that is wanted, and removed by number and age.

An event is handed to the kernel before `take` returns, so that it survives a kill of this process
as upstream's does; it is not flushed to the disk.
"""

import gzip
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pinnace.apiserver.audit.config import LogConfig
from pinnace.apiserver.audit.events import Event
from pinnace.apiserver.audit.sinks import Lost

_MIB = 1024 * 1024
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}")
_STAMP_FORMAT = "%Y-%m-%dT%H-%M-%S.%f"
_GZ = ".gz"


def ensure_file(path: str) -> None:
    """Make the file and its directory if they are not there; raises OSError."""
    if path != "-":
        Path(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600))


class LogFile:
    """Writes events to a file, a line for each. May be used from one thread at a time."""

    def __init__(self, config: LogConfig, lost: Lost, now: Callable[[], datetime]) -> None:
        self._config = config
        self._lost = lost
        self._now = now
        self._path = Path(config.path)
        self._file = sys.stdout.fileno() if config.path == "-" else -1
        self._rotates = config.path != "-" and config.max_size > 0
        self._most = config.max_size * _MIB
        self._size = 0
        self._tidying: threading.Thread | None = None

    def take(self, events: Sequence[Event]) -> bool:
        """Write events; those that cannot be written are said to be lost."""
        good = True
        for event in events:
            legacy = self._config.format == "legacy"
            line = (event.line().encode() if legacy else event.encoded()) + b"\n"
            try:
                self._write(line)
            except OSError as error:
                self._lost("log", error.strerror or str(error), (event,))
                good = False
        return good

    def start(self) -> None:
        """Do nothing: the file is opened by the first event."""

    async def close(self) -> None:
        """Close the file, and wait for old ones being compressed."""
        if self._file >= 0 and self._config.path != "-":
            os.close(self._file)
            self._file = -1
        if self._tidying is not None:
            self._tidying.join()

    def _write(self, line: bytes) -> None:
        if self._rotates and len(line) > self._most:
            why = f"write length {len(line)} exceeds maximum file size {self._most}"
            raise OSError(0, why)
        if self._file < 0:
            self._open(len(line))
        if self._rotates and self._size + len(line) > self._most:
            self._rotate()
        self._size += len(line)
        while line:
            # A disk that becomes full takes a part of the line first, and then says so.
            line = line[os.write(self._file, line) :]

    def _open(self, coming: int) -> None:
        """Go on with the file that is there, if it has room."""
        if self._rotates:
            self._tidy()
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC
        self._file = os.open(self._path, flags, 0o600)
        self._size = os.fstat(self._file).st_size
        if self._rotates and self._size + coming >= self._most:
            self._rotate()

    def _rotate(self) -> None:
        """Put the file aside under the time that it is, and begin a new one."""
        mode = os.fstat(self._file).st_mode & 0o777
        os.close(self._file)
        self._file = -1
        stamp = self._now().astimezone(UTC).strftime(_STAMP_FORMAT)[:-3]
        self._path.rename(self._path.with_name(f"{self._path.stem}-{stamp}{self._path.suffix}"))
        flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self._path, flags, mode)
        self._size = 0
        self._tidy()

    def _tidy(self) -> None:
        """Remove and compress old files, in a thread: it may take long."""
        config = self._config
        if not (config.max_backups or config.max_age or config.compress):
            return
        if self._tidying is not None and self._tidying.is_alive():
            return
        self._tidying = threading.Thread(target=self._tidied, name="audit-log")
        self._tidying.start()

    def _tidied(self) -> None:
        with suppress(OSError):
            keep = self._removed(self._old())
            for path in keep if self._config.compress else ():
                if path.suffix != _GZ:
                    _compress(path)

    def _old(self) -> list[tuple[datetime, Path]]:
        """Return the old files, newest first."""
        found = []
        prefix, ending = f"{self._path.stem}-", self._path.suffix
        for path in self._path.parent.iterdir():
            rest = path.name.removesuffix(_GZ)
            if not rest.startswith(prefix) or not rest.endswith(ending):
                continue
            stamp = rest[len(prefix) : len(rest) - len(ending)]
            if _STAMP.fullmatch(stamp):
                when = datetime.strptime(stamp, _STAMP_FORMAT).replace(tzinfo=UTC)
                found.append((when, path))
        return sorted(found, key=lambda each: each[0], reverse=True)

    def _removed(self, old: list[tuple[datetime, Path]]) -> list[Path]:
        """Remove what is too much or too old; return what stays."""
        config, kept, stay = self._config, set[str](), []
        oldest = self._now() - timedelta(days=config.max_age)
        for when, path in old:
            kept.add(path.name.removesuffix(_GZ))
            too_many = config.max_backups and len(kept) > config.max_backups
            if too_many or (config.max_age and when < oldest):
                with suppress(OSError):
                    path.unlink()
            else:
                stay.append(path)
        return stay


def _compress(path: Path) -> None:
    packed = path.with_name(path.name + _GZ)
    try:
        with path.open("rb") as source, packed.open("wb") as target:
            os.fchmod(target.fileno(), path.stat().st_mode & 0o777)
            with gzip.GzipFile(fileobj=target, mode="wb") as packer:
                shutil.copyfileobj(source, packer)
    except OSError:
        packed.unlink(missing_ok=True)
        raise
    path.unlink()
