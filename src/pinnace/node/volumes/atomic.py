"""Writes many files so that a reader sees all of the old ones or all of the new ones.

The files live in a directory with a new name each time; `..data` is a symlink to the current one,
swapped by a rename, and what the user sees are symlinks through `..data`:

    ..2030_01_01_00_00_00.1/key     the content
    ..data -> ..2030_01_01_00_00_00.1
    key    -> ..data/key
"""

import itertools
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pinnace.node.volumes.base import VolumeError

_DATA = "..data"
_DATA_NEW = "..data_tmp"


@dataclass(frozen=True, slots=True)
class File:
    """One file to write; owner and group -1 leave them."""

    content: bytes
    mode: int
    uid: int = -1
    gid: int = -1


def write_atomically(directory: Path, files: Mapping[str, File], now: datetime) -> bool:
    """Make the directory hold exactly these files; False when it already did."""
    for name in files:
        _parts(name)
    directory.mkdir(parents=True, exist_ok=True)
    current = directory / _DATA
    old = directory / os.readlink(current) if current.is_symlink() else None
    if old is not None and _holds(old, files):
        return False
    fresh = _fresh(directory, now)
    for name, file in files.items():
        _write(fresh, name, file)
    swap = directory / _DATA_NEW
    swap.unlink(missing_ok=True)
    swap.symlink_to(fresh.name)
    swap.rename(current)
    _link(directory, {name.split("/", 1)[0] for name in files})
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
    return True


def _fresh(directory: Path, now: datetime) -> Path:
    stamp = now.strftime("..%Y_%m_%d_%H_%M_%S.")
    for number in itertools.count():
        path = directory / f"{stamp}{number}"
        try:
            path.mkdir(mode=0o755)
        except FileExistsError:
            continue
        path.chmod(0o755)
        return path
    raise AssertionError("itertools.count ended")


def _write(top: Path, name: str, file: File) -> None:
    path = top
    *folders, last = _parts(name)
    for folder in folders:
        path /= folder
        path.mkdir(exist_ok=True)
        # Whatever our umask is: containers of any user come through here.
        path.chmod(0o755)
    path /= last
    # Nobody reads it before it has its owner and mode.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as written:
        written.write(file.content)
    if file.uid >= 0 or file.gid >= 0:
        os.chown(path, file.uid, file.gid)
    path.chmod(file.mode)


def _parts(name: str) -> list[str]:
    """Split a file's path; one that could lead out of the volume is refused."""
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise VolumeError(f"invalid payload: path {name!r} leads out of the volume")
    return parts


def _holds(old: Path, files: Mapping[str, File]) -> bool:
    there = {os.fspath(each.relative_to(old)): each for each in old.rglob("*") if each.is_file()}
    return there.keys() == files.keys() and all(
        there[name].read_bytes() == file.content
        and there[name].stat().st_mode & 0o7777 == file.mode
        for name, file in files.items()
    )


def _link(directory: Path, names: set[str]) -> None:
    for name in names:
        link = directory / name
        if not link.is_symlink():
            link.symlink_to(f"{_DATA}/{name}")
    for link in directory.iterdir():
        if not link.name.startswith("..") and link.name not in names:
            link.unlink()
