"""Removes a tree of control groups, in whatever hierarchies the host has."""

import contextlib
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
        groups = [path for path in top.rglob("*") if path.is_dir()] if top.is_dir() else []
        # A group goes after those in it, which have longer paths.
        for group in [*sorted(groups, key=lambda path: -len(path.parts)), top]:
            with contextlib.suppress(OSError):
                group.rmdir()
