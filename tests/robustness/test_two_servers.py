"""Two API servers, processes of their own, on one etcd; one of them is killed amid writes."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from pinnace.api.errors import ApiError
from pinnace.api.kinds.core import CONFIGMAPS
from pinnace.client import kubeconfig as kubeconfigs
from pinnace.client.client import ApiClient
from pinnace.cluster.hostnet import free_port
from pinnace.testing.etcd import LocalEtcd, data_directory, installed

pytestmark = pytest.mark.skipif(installed() is None, reason="etcd is not installed")

# What a further server gets from the first one's data directory.
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
SHARED = ("ca.crt", "ca.key", "service-account.key")


class Server:
    """`pinnace apiserver` on a data directory of its own."""

    def __init__(self, directory: Path, etcd: LocalEtcd) -> None:
        self.directory = directory
        self._kubeconfig = directory / "kubeconfig"
        self._etcd = etcd
        self._port = free_port("127.0.0.1", 0)
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> ApiClient:
        """Start it, and return a client of its administrator when it is ready."""
        self._spawn()
        async with asyncio.timeout(60):
            while True:
                if self._kubeconfig.exists():
                    client = kubeconfigs.load(self._kubeconfig).client()
                    with suppress(ApiError):
                        await client.raw("GET", "/readyz")
                        return client
                    await client.close()
                await asyncio.sleep(0.05)

    def _spawn(self) -> None:
        arguments = [
            sys.executable, "-m", "pinnace.cli.main", "apiserver", "--bind", "127.0.0.1",
            "--data-dir", str(self.directory / "data"), "--port", str(self._port),
            "--kubeconfig", str(self._kubeconfig), "--etcd-servers", self._etcd.url,
            "--cluster-cidr", "10.244.0.0/16", "--service-cidr", "10.96.0.0/16",
        ]  # fmt: skip
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(arguments, stdout=log, stderr=log, env=ENVIRONMENT)

    def end(self, number: signal.Signals) -> None:
        """Send it a signal and wait for its end."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(20)
            self.process = None


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[list[Server]]:
    with data_directory() as directory:
        etcd = LocalEtcd(directory)
        await etcd.start()
        found = []
        for name in ("one", "other"):
            (tmp_path / name).mkdir()
            found.append(Server(tmp_path / name, etcd))
        try:
            yield found
        finally:
            for server in found:
                server.end(signal.SIGKILL)
            etcd.kill()


async def start_both(servers: list[Server]) -> tuple[ApiClient, ApiClient]:
    one, other = servers
    first = await one.start()
    target = other.directory / "data" / "pki"
    target.mkdir(parents=True)
    for name in SHARED:
        shutil.copyfile(one.directory / "data" / "pki" / name, target / name)
    return first, await other.start()


async def test_what_one_acknowledged_before_it_was_killed_is_there_for_the_other(
    servers: list[Server],
) -> None:
    first, second = await start_both(servers)
    acknowledged: dict[str, str] = {}
    halfway = asyncio.Event()

    async def write() -> None:
        for number in range(400):
            name = f"made-{number}"
            client = second if halfway.is_set() and number % 2 else first
            obj = {"metadata": {"name": name}, "data": {"n": str(number)}}
            with suppress(ApiError):
                made = await client.create(CONFIGMAPS, obj, namespace="default")
                acknowledged[name] = made["metadata"]["resourceVersion"]
            if number == 100:
                halfway.set()

    seen: dict[str, str] = {}
    more = asyncio.Event()

    async def follow() -> None:
        async for event in second.watch(CONFIGMAPS, namespace="default", resource_version="1"):
            metadata = event.object["metadata"]
            seen[metadata["name"]] = metadata["resourceVersion"]
            more.set()

    writing, following = asyncio.ensure_future(write()), asyncio.ensure_future(follow())
    await halfway.wait()
    servers[0].end(signal.SIGKILL)
    await writing
    assert len(acknowledged) > 200
    async with asyncio.timeout(60):
        while not acknowledged.keys() <= seen.keys():
            more.clear()
            await more.wait()
    assert {name: seen[name] for name in acknowledged} == acknowledged
    following.cancel()
    again = await servers[0].start()
    for client in (again, second):
        listed = await client.list(CONFIGMAPS, namespace="default")
        held = {
            item["metadata"]["name"]: item["metadata"]["resourceVersion"]
            for item in listed["items"]
        }
        assert acknowledged.items() <= held.items()
    for client in (first, second, again):
        await client.close()
