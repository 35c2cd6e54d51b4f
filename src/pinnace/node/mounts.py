"""The kernel's mounts, as far as the kubelet makes any: memory, and what subPaths mean."""

import ctypes
import os
import shutil
import stat
from pathlib import Path
from typing import Protocol

from pinnace.node.mount_table import unmount_below

_MS_NOSUID_NODEV = 2 | 4
_MS_BIND = 4096


class Mounts(Protocol):
    """Makes and takes away mounts; plain blocking calls, to be made in a thread."""

    def tmpfs(self, target: Path, *, size: int = 0) -> None:
        """Mount memory at `target`, bounded by `size` bytes if given; done twice is done once."""
        ...

    def bind(self, source: int, target: Path) -> None:
        """Mount what a descriptor stands for at `target`, in place of what was there before."""
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

    def bind(self, source: int, target: Path) -> None:
        unmount_below(target)
        _replace(target, folder=stat.S_ISDIR(os.fstat(source).st_mode))
        path = f"/proc/self/fd/{source}".encode()
        done = self._libc.mount(path, bytes(target), None, _MS_BIND, None)
        self._check(done, f"bind mount at {target}")

    def remove_tree(self, target: Path) -> None:
        # All of it first: below a mount that stayed, the removal would be somebody's data's.
        unmount_below(target)
        if target.exists():
            shutil.rmtree(target)

    def _check(self, done: int, what: str) -> None:
        if done != 0:
            code = ctypes.get_errno()
            raise OSError(code, f"{what}: {os.strerror(code)}")


class PlainMounts:
    """Stands in where mounting is not allowed: what needs a mount is refused by name."""

    def tmpfs(self, target: Path, *, size: int = 0) -> None:
        raise OSError(f"cannot mount tmpfs at {target}: the kubelet does not run as root")

    def bind(self, source: int, target: Path) -> None:
        raise OSError(f"cannot bind mount at {target}: the kubelet does not run as root")

    def remove_tree(self, target: Path) -> None:
        if target.exists():
            shutil.rmtree(target)


def _replace(target: Path, *, folder: bool) -> None:
    """Make an empty directory or file to mount on."""
    if target.is_dir():
        target.rmdir()
    target.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    if folder:
        target.mkdir()
    else:
        target.touch()
