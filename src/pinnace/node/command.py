"""Runs a program of the host to its end: found or refused by name, with a deadline."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Sequence

# What a distribution leaves out of an unprivileged PATH, but root's programs live in.
_MORE_PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PACKAGES = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "nft": "nftables",
    "ip": "iproute2",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "busybox": "busybox-static",
    "catatonit": "catatonit",
}


class CommandError(Exception):
    """A program of the host is missing or has failed; the text is one line for people."""


def which(program: str, *, path: str | None = None) -> str | None:
    """Return where a program lies, looking into the system directories as well."""
    return shutil.which(program, path=path) or shutil.which(program, path=_MORE_PATHS)


def environment() -> dict[str, str]:
    """Return our environment for a program that stays: with root's programs in its PATH.

    What belongs to our own service manager is left out: the program would answer in our place.
    """
    path = ":".join(filter(None, [os.environ.get("PATH", ""), _MORE_PATHS]))
    private = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID"}
    return {**{k: v for k, v in os.environ.items() if k not in private}, "PATH": path}


def package_of(program: str) -> str:
    """Return what to install on Debian or Ubuntu to have a program."""
    return _PACKAGES.get(program, program)


def required(program: str) -> str:
    """Return where a program lies; raises CommandError that says what to install."""
    found = which(program)
    if found is None:
        raise CommandError(
            f"{program} is not installed; on Debian or Ubuntu: apt install {package_of(program)}"
        )
    return found


async def run(
    program: str, arguments: Sequence[str], *, given: bytes = b"", deadline: float = 30.0
) -> bytes:
    """Return what a program prints; raises CommandError with what it complains of."""
    # A file and not a pipe: what is written into a pipe whose reader has ended fails in ways that
    # differ between event loops.
    with tempfile.TemporaryFile() as source:
        source.write(given)
        source.seek(0)
        process = await asyncio.create_subprocess_exec(
            required(program),
            *arguments,
            env=environment(),
            stdin=source,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    try:
        async with asyncio.timeout(deadline):
            output, errors = await process.communicate()
    except BaseException as failure:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if isinstance(failure, TimeoutError):
            raise CommandError(f"{program} did not end within {deadline:.0f} s") from failure
        raise
    if process.returncode:
        said = " ".join(errors.decode(errors="replace").split()) or f"code {process.returncode}"
        raise CommandError(f"{program} {' '.join(arguments)}: {said}")
    return output
