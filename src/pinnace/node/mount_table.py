"""Finds and removes what is mounted below a directory."""

import ctypes
import os
import re
from collections.abc import Mapping
from pathlib import Path

_DETACH = 2  # MNT_DETACH: gone from the tree now, freed when nobody uses it any more
_ESCAPE = re.compile(r"\\([0-7]{3})")


def mount_points(mountinfo: str) -> list[str]:
    """Return the mount points that /proc/self/mountinfo lists, in their order."""
    fields = (line.split(" ") for line in mountinfo.splitlines())
    return [_ESCAPE.sub(lambda m: chr(int(m[1], 8)), field[4]) for field in fields if field[4:]]


def below(directory: Path, points: list[str]) -> list[str]:
    """Return the mount points at or below a directory, the last mounted first."""
    prefix = str(directory)
    inside = [p for p in points if p == prefix or p.startswith(prefix.rstrip("/") + "/")]
    return inside[::-1]


def unmount_below(directory: Path) -> None:
    """Unmount everything at or below a directory; raises OSError if something stays."""
    points = mount_points(Path("/proc/self/mountinfo").read_text())
    for point in below(directory.resolve(), points):
        _system("umount2", point.encode(), _DETACH, about=point)


def overlay_works(directory: Path, scratch: Path) -> bool:
    """Answer whether an overlay can be mounted on the file system of `directory`.

    `scratch` is a directory of that file system which this function may fill; it is not removed.
    """
    places: Mapping[str, Path] = {
        name: scratch / name for name in ("lower", "upper", "work", "merged")
    }
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={places['lower']},upperdir={places['upper']},workdir={places['work']}"
    target = str(places["merged"])
    try:
        _system("mount", b"overlay", target.encode(), b"overlay", 0, options.encode(), about=target)
    except OSError:
        return False
    _system("umount2", target.encode(), _DETACH, about=target)
    return True


def _system(call: str, *arguments: bytes | int, about: str) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, call)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}", about)
