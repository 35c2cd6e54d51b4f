"""Finds what a volumeMount's subPath means, without ever leaving the volume."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pinnace.node.expansion import expand
from pinnace.node.volumes.base import VolumeError

_WALK = os.O_PATH | os.O_NOFOLLOW


def sub_path(mount: Mapping[str, Any], env: Mapping[str, str]) -> str:
    """Return the subPath, or the expanded subPathExpr; raises VolumeError for a bad one."""
    text = str(mount.get("subPath") or "")
    if mount.get("subPathExpr"):
        missing: list[str] = []

        def lookup(name: str) -> str | None:
            if name not in env:
                missing.append(name)
            return env.get(name)

        text = expand(str(mount["subPathExpr"]), lookup)
        if missing:
            raise VolumeError("missing value for " + ", ".join(f'"{name}"' for name in missing))
    if text.startswith("/"):
        raise VolumeError(f"error SubPath `{text}` must not be an absolute path")
    if ".." in text.split("/"):
        raise VolumeError(f"unable to provision SubPath `{text}`: must not contain '..'")
    return text


def open_below(volume: Path, text: str, *, mount: str, container: str) -> int:
    """Return a descriptor of the path below the volume, made as a directory if nothing is there.

    Symlinks are followed to their end, which has to lie in the volume. A container may write to
    the volume meanwhile and turn a directory into a symlink: the path that was found is walked
    again without following any, and what is mounted is the descriptor and never a path.
    """
    failed = f'failed to prepare subPath for volumeMount "{mount}" of container "{container}"'
    base = Path(os.path.realpath(volume))
    target = Path(os.path.realpath(base / text))
    if target != base and not target.is_relative_to(base):
        raise VolumeError(failed)
    current = os.open(base, _WALK)
    try:
        mode = stat.S_IMODE(os.fstat(current).st_mode)
        for part in target.relative_to(base).parts:
            below = _step(current, part, mode)
            os.close(current)
            current = below
            if stat.S_ISLNK(os.fstat(current).st_mode):
                raise VolumeError(failed)
    except OSError as error:
        os.close(current)
        raise VolumeError(
            f'failed to create subPath directory for volumeMount "{mount}" '
            f'of container "{container}"'
        ) from error
    except VolumeError:
        os.close(current)
        raise
    return current


def _step(folder: int, name: str, mode: int) -> int:
    """Open one entry of a directory as it is, or make a directory with this mode."""
    try:
        return os.open(name, _WALK, dir_fd=folder)
    except FileNotFoundError:
        os.mkdir(name, dir_fd=folder)
    made = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    os.fchmod(made, mode)
    return made
