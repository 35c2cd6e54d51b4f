"""Finds what a volumeMount's subPath means, without ever leaving the volume."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pinnace.node.expansion import expand
from pinnace.node.volumes.base import VolumeError


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


def resolve(volume: Path, text: str, *, mount: str, container: str) -> Path:
    """Return the path below the volume, created as a directory if nothing is there.

    Symlinks are followed to their end, which has to lie in the volume.
    """
    base = Path(os.path.realpath(volume))
    target = Path(os.path.realpath(base / text))
    if target != base and not target.is_relative_to(base):
        raise VolumeError(
            f'failed to prepare subPath for volumeMount "{mount}" of container "{container}"'
        )
    if not target.exists():
        mode = base.stat().st_mode & 0o7777
        try:
            target.mkdir(parents=True)
            target.chmod(mode)
        except OSError as error:
            raise VolumeError(
                f'failed to create subPath directory for volumeMount "{mount}" '
                f'of container "{container}"'
            ) from error
    return target
