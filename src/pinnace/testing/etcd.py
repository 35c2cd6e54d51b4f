"""A real etcd for tests, where one is installed: Debian's package etcd-server has it."""

import asyncio
import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pinnace.store.etcd.settings import PREFIX, EtcdSettings

_READY_SECONDS = 20.0


def installed() -> str | None:
    """Return where etcd is on this machine, or None."""
    return shutil.which("etcd")


@contextlib.contextmanager
def data_directory() -> Iterator[Path]:
    """Yield a directory that is gone afterwards, in memory where that is possible."""
    memory = Path("/dev/shm")
    where = memory if memory.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="pinnace-etcd-", dir=where) as directory:
        yield Path(directory)


class LocalEtcd:
    """One etcd on free ports of the loopback; `tls` is its certificate, key and clients' CA."""

    def __init__(self, directory: Path, *, tls: tuple[Path, Path, Path] | None = None) -> None:
        self._directory = directory
        self._tls = tls
        self._scheme = "https" if tls else "http"
        self._port, self._peer_port = _free_port(), _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"{self._scheme}://127.0.0.1:{self._port}"

    def settings(self, *, prefix: str = PREFIX) -> EtcdSettings:
        """Return how to reach it, without certificates."""
        return EtcdSettings(servers=(self.url,), prefix=prefix)

    async def start(self) -> None:
        """Start it, anew or on what it has, and wait until it listens."""
        peer = f"http://127.0.0.1:{self._peer_port}"
        command = [
            installed() or "etcd", "--name", "one", "--data-dir", str(self._directory / "data"),
            "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", f"one={peer}", "--heartbeat-interval", "10",
            "--election-timeout", "60", "--logger", "zap", "--log-level", "error",
        ]  # fmt: skip
        if self._tls:
            certificate, key, authority = map(str, self._tls)
            command += ["--cert-file", certificate, "--key-file", key, "--client-cert-auth",
                        "--trusted-ca-file", authority]  # fmt: skip
        self._process = self._spawn(command)
        async with asyncio.timeout(_READY_SECONDS):
            while not self._listens():
                if self._process.poll() is not None:
                    raise RuntimeError((self._directory / "etcd.log").read_text()[-2000:])
                await asyncio.sleep(0.01)

    def _spawn(self, command: list[str]) -> "subprocess.Popen[bytes]":
        # It ends with this process, whatever ends that; no code runs between fork and exec for it,
        # which gRPC's threads would not survive.
        setpriv = shutil.which("setpriv")
        if setpriv is not None:
            command = [setpriv, "--pdeathsig", "KILL", *command]
        with (self._directory / "etcd.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
