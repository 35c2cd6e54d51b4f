"""Logs as the CRI's runtimes write them, read as `kubectl logs` wants them.

A line of the file is `<time> <stdout|stderr> <F|P> <content>`; P marks a part of a long line that
goes on in the next one.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from pinnace.kit.clock import Clock

_POLL = 0.1
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a log; `content` ends with a newline unless the line goes on."""

    time: bytes
    stream: bytes
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOptions:
    """What part of a log is wanted, and how."""

    follow: bool = False
    timestamps: bool = False
    since: datetime | None = None
    tail_lines: int | None = None
    limit_bytes: int | None = None
    stream: str = "All"


def parse_line(raw: bytes) -> Line | None:
    """Read one line of the file, which only a newline ends; None if it is not of this format."""
    parts = raw.removesuffix(b"\n").split(b" ", 3)
    if len(parts) < 3 or parts[1] not in (b"stdout", b"stderr"):
        return None
    content = parts[3] if len(parts) == 4 else b""
    partial = parts[2].split(b":")[0] == b"P"
    return Line(parts[0], parts[1], content if partial else content + b"\n")


def _wanted(line: Line, options: LogOptions) -> bool:
    if options.stream != "All" and line.stream.decode() != options.stream.lower():
        return False
    if options.since is None:
        return True
    return datetime.fromisoformat(_micro(line.time.decode())) >= options.since


def _micro(text: str) -> str:
    """Cut a timestamp's nanoseconds to what Python reads."""
    head, dot, tail = text.partition(".")
    if not dot:
        return text
    end = next((at for at, char in enumerate(tail) if not char.isdigit()), len(tail))
    return f"{head}.{tail[:end][:6].ljust(6, '0')}{tail[end:]}"


def _rendered(line: Line, options: LogOptions) -> bytes:
    return line.time + b" " + line.content if options.timestamps else line.content


def tail_offset(file: Path, lines: int) -> int:
    """Return where the last so many lines of a file begin."""
    size = file.stat().st_size
    if lines <= 0:
        return size
    with file.open("rb") as source:
        at, found = size, 0
        while at > 0:
            begin = max(0, at - _CHUNK)
            source.seek(begin)
            block = source.read(at - begin)
            end = len(block)
            if at == size and block.endswith(b"\n"):
                end -= 1
            while (newline := block.rfind(b"\n", 0, end)) >= 0:
                found += 1
                if found == lines:
                    return begin + newline + 1
                end = newline
            at = begin
    return 0


class LogReader:
    """Reads one container's log file to its end, and on across rotations while following."""

    def __init__(self, path: Path, clock: Clock, options: LogOptions) -> None:
        self._path = path
        self._clock = clock
        self._options = options
        self._left = options.limit_bytes

    async def read(self, running: Callable[[], bool]) -> AsyncIterator[bytes]:
        """Yield what is wanted; with `follow`, until the container no longer runs."""
        start = 0
        if self._options.tail_lines is not None:
            start = await asyncio.to_thread(tail_offset, self._path, self._options.tail_lines)
        source = await asyncio.to_thread(self._open, start)
        rest = b""
        try:
            while self._left is None or self._left > 0:
                # Before what is read: what was written until then must not be missed.
                alive = running()
                moved = self._options.follow and await asyncio.to_thread(
                    self._rotated, source.fileno()
                )
                block = await asyncio.to_thread(source.read, _CHUNK)
                if block:
                    *lines, rest = (rest + block).split(b"\n")
                    out = b"".join(self._render(lines))
                    if out:
                        yield out
                    continue
                if not self._options.follow:
                    break
                if moved:
                    source.close()
                    source = await asyncio.to_thread(self._open, 0)
                    continue
                if not alive:
                    break
                await self._clock.sleep(_POLL)
        finally:
            source.close()

    def _open(self, start: int) -> BinaryIO:
        source = self._path.open("rb")
        source.seek(start)
        return source

    def _rotated(self, descriptor: int) -> bool:
        try:
            return self._path.stat().st_ino != os.fstat(descriptor).st_ino
        except FileNotFoundError:
            return False

    def _render(self, raw: list[bytes]) -> Iterator[bytes]:
        for each in raw:
            line = parse_line(each)
            if line is None or not _wanted(line, self._options):
                continue
            text = _rendered(line, self._options)
            if self._left is not None:
                text = text[: self._left]
                self._left -= len(text)
            yield text
