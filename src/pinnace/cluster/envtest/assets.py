"""The directory that test suites are pointed to, with programs under upstream's names in it."""

import shlex
import shutil
import sys
import sysconfig
from pathlib import Path

import pinnace
from pinnace.cluster.config import ConfigError
from pinnace.cluster.envtest import etcd

_OURS = "# Written by `pinnace envtest-assets`."


def write(directory: Path) -> list[Path]:
    """Write `kube-apiserver` and `etcd`, link `kubectl` if there is one; return what is there.

    Raises ConfigError rather than replacing a program that is not ours.
    """
    programs = {
        "kube-apiserver": [sys.executable, "-P", "-m", "pinnace.cli.main", "kube-apiserver"],
        # Run by its path, without the site's packages: it needs none, and starts at once.
        "etcd": [sys.executable, "-I", "-S", str(Path(etcd.__file__).absolute())],
    }
    for name in programs:
        if not _may_write(directory / name):
            raise ConfigError(
                f"{directory / name} is not Pinnace's and is left alone: name another directory"
            )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, command in programs.items():
            _write(directory / name, script(command))
        written = [directory / name for name in programs]
        return written + _link(directory / "kubectl")
    except OSError as error:
        raise ConfigError(f"cannot write {directory}: {error.strerror}") from error


def script(command: list[str]) -> str:
    """Return a shell script that becomes the command, with the script's own arguments added."""
    lines = ["#!/bin/sh", _OURS]
    home = str(Path(pinnace.__file__).absolute().parent.parent)
    if "-I" not in command and home not in sysconfig.get_paths().values():
        # Run from a source tree: the interpreter alone would not find it.
        lines.append(f'export PYTHONPATH={shlex.quote(home)}"${{PYTHONPATH:+:$PYTHONPATH}}"')
    return "\n".join([*lines, f'exec {shlex.join(command)} "$@"', ""])


def _may_write(path: Path) -> bool:
    try:
        return _OURS.encode() in path.read_bytes()
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _write(path: Path, text: str) -> None:
    # At once: a suite may be starting the old one.
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    fresh.chmod(0o755)
    fresh.replace(path)


def _link(path: Path) -> list[Path]:
    if path.exists():
        return [path]
    found = shutil.which("kubectl")
    if found is None:
        return []
    path.unlink(missing_ok=True)
    path.symlink_to(Path(found).absolute())
    return [path]
