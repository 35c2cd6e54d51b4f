"""What this machine's network already holds: addresses in use, ports that are free."""

import errno
import json
import shutil
import socket
import subprocess

from pinnace.cluster.config import ConfigError


def addresses() -> frozenset[str]:
    """Return the IPv4 addresses of all interfaces; empty where `ip` is not installed."""
    command = shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if command is None:
        return frozenset()
    done = subprocess.run(
        [command, "-4", "-json", "address"], capture_output=True, timeout=10, check=False
    )
    if done.returncode != 0:
        return frozenset()
    return frozenset(
        entry["local"]
        for interface in json.loads(done.stdout or b"[]")
        for entry in interface.get("addr_info", ())
        if "local" in entry
    )


def check_port(host: str, port: int) -> None:
    """Raise ConfigError, in one line, unless the port can be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    probe = socket.socket(family, socket.SOCK_STREAM)
    try:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(f"port {port} is in use: choose another with --port") from error
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    finally:
        probe.close()


def free_port(host: str, wanted: int) -> int:
    """Return the wanted TCP port if it is free on that address, else one that is."""
    for port in (wanted, 0):
        probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
        except OSError:
            continue
        finally:
            probe.close()
    raise ConfigError(f"no port can be had on {host}")
