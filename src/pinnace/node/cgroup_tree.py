"""Removes a tree of control groups, in whatever hierarchies the host has."""

import contextlib
import os
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


def hierarchies(root: Path = _ROOT) -> list[Path]:
    """Return the mounted hierarchies: one on version 2, one a controller on version 1."""
    if (root / "cgroup.controllers").exists():
        return [root]
    # Some controllers are links to the one they are mounted with.
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())


def remove(parent: str, root: Path = _ROOT) -> None:
    """Remove a group and the groups in it everywhere; one that still has processes stays."""
    if not parent.strip("/"):
        raise ValueError("the root group cannot be removed")
    for hierarchy in hierarchies(root):
        top = hierarchy / parent.strip("/")
        # A group goes after those in it; others may remove some of them meanwhile.
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
