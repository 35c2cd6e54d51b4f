"""Termination messages: what a container left in its file, or at the end of its log."""

import asyncio
from pathlib import Path

from pinnace.node.labels import MESSAGE_POLICY, RESTART_COUNT
from pinnace.node.logs import parse_line
from pinnace.node.runtime import ContainerStatus
from pinnace.node.starting import message_path

_MAX_MESSAGE = 4096
_MAX_LOG_BYTES, _MAX_LOG_LINES = 2048, 80


class Messages:
    """Reads termination messages of this node's containers."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def read(self, uid: str, status: ContainerStatus) -> str:
        """Return the message of a container that ended, empty if it left none."""
        return await asyncio.to_thread(self._read, uid, status)

    def _read(self, uid: str, status: ContainerStatus) -> str:
        count = int(status.annotations.get(RESTART_COUNT, status.attempt))
        file = message_path(self._root, uid, status.name, count)
        text = _head(file, _MAX_MESSAGE)
        fall_back = status.annotations.get(MESSAGE_POLICY) == "FallbackToLogsOnError"
        if text or not fall_back or status.exit_code == 0:
            return text
        return log_tail(Path(status.log_path)) if status.log_path else ""


def _head(file: Path, limit: int) -> str:
    try:
        with file.open("rb") as source:
            return source.read(limit).decode("utf-8", "replace")
    except OSError:
        return ""


def log_tail(log: Path) -> str:
    """Return the last lines of a log, within the bounds of a termination message."""
    try:
        with log.open("rb") as file:
            # Lines may be long and headers add to them; what is far from the end is not wanted.
            file.seek(max(0, log.stat().st_size - 8 * _MAX_LOG_BYTES))
            raw = file.read()
    except OSError:
        return ""
    lines = [parsed for line in raw.split(b"\n") if (parsed := parse_line(line))]
    content = b"".join(each.content for each in lines[-_MAX_LOG_LINES:])
    return content[-_MAX_LOG_BYTES:].decode("utf-8", "replace")
