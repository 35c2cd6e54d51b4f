"""hostPath: a file or directory of the node, checked against the declared type."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from pinnace.node.volumes.base import Mounted, Request, VolumeError, VolumeKind

_CHECKS: dict[str, tuple[Callable[[Path], bool], str]] = {
    "Directory": (Path.is_dir, "is not a directory"),
    "DirectoryOrCreate": (Path.is_dir, "is not a directory"),
    "File": (Path.is_file, "is not a file"),
    "FileOrCreate": (Path.is_file, "is not a file"),
    "Socket": (Path.is_socket, "is not a socket file"),
    "CharDevice": (Path.is_char_device, "is not a character device"),
    "BlockDevice": (Path.is_block_device, "is not a block device"),
}


def check(path: Path, kind: str) -> None:
    """Create or check a path by its type; raises VolumeError with upstream's text."""
    if not kind:
        return
    if kind not in _CHECKS:
        raise VolumeError(f"{kind} is an invalid volume type")
    if kind == "DirectoryOrCreate" and not path.exists():
        _make_directory(path)
    if kind == "FileOrCreate" and not path.exists():
        try:
            path.touch()
            path.chmod(0o644)
        except FileNotFoundError as error:
            raise VolumeError(f"open {path}: no such file or directory") from error
    holds, text = _CHECKS[kind]
    if not holds(path):
        raise VolumeError(f"hostPath type check failed: {path} {text}")


def _make_directory(path: Path) -> None:
    """Make a directory and its parents for everybody to read, whatever our umask is."""
    if not path.parent.exists():
        _make_directory(path.parent)
    path.mkdir(exist_ok=True)
    path.chmod(0o755)


async def set_up(request: Request) -> Mounted:
    """Check the path; nothing is mounted or owned."""
    path = Path(request.source["path"])
    await asyncio.to_thread(check, path, str(request.source.get("type") or ""))
    return Mounted(str(path))


HOST_PATH = VolumeKind("hostPath", set_up)
