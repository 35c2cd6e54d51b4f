"""The two images that Pinnace makes of the host's own programs: pause and busybox.

A cluster without a registry needs one to hold a pod's namespaces, and one to run something in.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from pinnace.node import command
from pinnace.node.images.elf import NotStatic, static_program
from pinnace.node.images.oci import File, ImageSpec, build

PAUSE = "pinnace.local/pause:stable"
BUSYBOX = "pinnace.local/busybox:stable"

_DIRECTORIES = ("bin", "dev", "etc", "home", "proc", "root", "sys", "usr", "usr/bin", "var")
_OPEN_DIRECTORIES = ("tmp", "var/tmp")
_PASSWD = """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
sys:x:3:3:sys:/dev:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
"""
_GROUP = """\
root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
tty:x:5:
www-data:x:33:
users:x:100:
nogroup:x:65534:
"""


def pause_spec(program: bytes, *, names: Sequence[str] = (PAUSE,)) -> ImageSpec:
    """Return the image that sleeps as a pod's first process and reaps what it inherits."""
    return ImageSpec(
        names=names,
        layers=[[File(path="catatonit", data=program, mode=0o755)]],
        entrypoint=["/catatonit", "-P"],
        user="65535:65535",
    )


def busybox_spec(
    program: bytes, applets: Sequence[str], *, names: Sequence[str] = (BUSYBOX,)
) -> ImageSpec:
    """Return an image with a shell and the usual small programs."""
    files = [File(path=path, kind="directory", mode=0o755) for path in _DIRECTORIES]
    files += [File(path=path, kind="directory", mode=0o1777) for path in _OPEN_DIRECTORIES]
    files += [
        File(path="etc/passwd", data=_PASSWD.encode()),
        File(path="etc/group", data=_GROUP.encode()),
        File(path="etc/nsswitch.conf", data=b"hosts: files dns\n"),
        File(path="bin/busybox", data=program, mode=0o755),
    ]
    files += [
        File(path=f"bin/{name}", kind="symlink", target="/bin/busybox", mode=0o777)
        for name in sorted(set(applets) - {"busybox"})
    ]
    # Scripts name these by their full path.
    files += [
        File(path=f"usr/bin/{name}", kind="symlink", target="/bin/busybox", mode=0o777)
        for name in ("env",)
    ]
    return ImageSpec(names=names, layers=[files], cmd=["sh"])


def applets_of(busybox: Path) -> list[str]:
    """Return the names under which this busybox can be called."""
    try:
        listed = subprocess.run(  # a program of root's own PATH, with fixed arguments
            [busybox, "--list"], capture_output=True, check=True, timeout=10
        ).stdout
    except (OSError, subprocess.SubprocessError) as failure:
        raise NotStatic(f"{busybox} --list fails; install the package busybox-static") from failure
    return listed.decode().split()


def _program(name: str, package: str) -> Path:
    found = command.which(name)
    if found is None:
        raise NotStatic(f"{name} is not installed; install the package {package}")
    return Path(found)


def build_pause(path: Path, *, names: Sequence[str] = (PAUSE,)) -> None:
    """Write the pause image's archive; raises NotStatic when the host cannot provide it."""
    program = static_program(_program("catatonit", "catatonit"), package="catatonit")
    build(pause_spec(program, names=names), path)


def build_busybox(path: Path, *, names: Sequence[str] = (BUSYBOX,)) -> None:
    """Write the busybox image's archive; raises NotStatic when the host cannot provide it."""
    busybox = _program("busybox", "busybox-static")
    program = static_program(busybox, package="busybox-static")
    build(busybox_spec(program, applets_of(busybox), names=names), path)
