"""The kernel's mounts, as far as the kubelet makes any: memory-backed directories."""

import ctypes
import os
import shutil
from pathlib import Path
from typing import Protocol

_MS_NOSUID_NODEV = 2 | 4
_UMOUNT_NOFOLLOW = 8
_MNT_DETACH = 2


class Mounts(Protocol):
    """Makes and takes away mounts; plain blocking calls, to be made in a thread."""

    def tmpfs(self, target: Path, *, size: int = 0) -> None:
        """Mount memory at `target`, bounded by `size` bytes if given; done twice is done once."""
        ...

    def remove_tree(self, target: Path) -> None:
        """Unmount what is mounted at or below `target`, then remove it all."""
        ...


class LinuxMounts:
    """Mounts by the kernel's own calls; wants root."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def tmpfs(self, target: Path, *, size: int = 0) -> None:
        if target.is_mount():
            return
        options = f"size={size}" if size else ""
        done = self._libc.mount(
            b"tmpfs", bytes(target), b"tmpfs", _MS_NOSUID_NODEV, options.encode() or None
        )
        self._check(done, f"mount tmpfs at {target}")

    def remove_tree(self, target: Path) -> None:
        for point in _mounts_below(target):
            flags = _MNT_DETACH | _UMOUNT_NOFOLLOW
            self._check(self._libc.umount2(os.fsencode(point), flags), f"unmount {point}")
        if target.exists():
            shutil.rmtree(target)

    def _check(self, done: int, what: str) -> None:
        if done != 0:
            code = ctypes.get_errno()
            raise OSError(code, f"{what}: {os.strerror(code)}")


class PlainMounts:
    """Stands in where mounting is not allowed: memory-backed volumes are refused by name."""

    def tmpfs(self, target: Path, *, size: int = 0) -> None:
        raise OSError(f"cannot mount tmpfs at {target}: the kubelet does not run as root")

    def remove_tree(self, target: Path) -> None:
        if target.exists():
            shutil.rmtree(target)


def _mounts_below(target: Path) -> list[str]:
    """Return the mount points at or below a directory, deepest first."""
    wanted = os.fspath(target)
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        for line in table:
            point = line.split(" ", 5)[4].replace("\\040", " ")
            if point == wanted or point.startswith(wanted + "/"):
                found.append(point)
    return sorted(found, key=len, reverse=True)
