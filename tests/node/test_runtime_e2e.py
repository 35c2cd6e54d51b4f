"""A private containerd from nothing to nothing: real containers, a real bridge, a real exec."""

import asyncio
import contextlib
import glob
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from pinnace.kit import spdy
from pinnace.node import cni, command, mount_table, processes
from pinnace.node.containerd import Containerd, ContainerdError, cni_bin_dir
from pinnace.node.cri.client import CriRuntime
from pinnace.node.images.builtin import BUSYBOX, PAUSE
from pinnace.node.private_runtime import PrivateRuntime, PrivateRuntimeConfig
from pinnace.node.runtime import (
    ContainerConfig,
    LinuxResources,
    NotSupported,
    PortMapping,
    RuntimeDeadline,
    RuntimeNotFound,
    SandboxConfig,
)

PROGRAMS = ("containerd", "ctr", "runc", "nft", "ip", "busybox", "catatonit")
MISSING = [program for program in PROGRAMS if command.which(program) is None]
try:
    cni_bin_dir()
except ContainerdError:
    MISSING.append("CNI plug-ins")

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root on Linux"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


@dataclass(frozen=True)
class Node:
    directory: Path
    private: PrivateRuntime
    runtime: CriRuntime
    network: cni.Network
    cgroup: str

    @property
    def containerd(self):
        return self.private.containerd

    def sandbox(self, name, **more):
        return SandboxConfig(
            name=name,
            namespace="default",
            uid=f"uid-{name}",
            hostname=name,
            log_directory=str(self.directory / "logs" / name),
            cgroup_parent=f"{self.cgroup}/{name}",
            **more,
        )

    async def run(self, sandbox, script, **more):
        """Run a shell script in a sandbox of its own; returns both ids."""
        sandbox_id = await self.runtime.run_sandbox(sandbox)
        config = ContainerConfig(
            name="main", image=BUSYBOX, command=["sh", "-c", script], log_path="main.log", **more
        )
        container_id = await self.runtime.create_container(sandbox_id, config, sandbox)
        await self.runtime.start_container(container_id)
        return sandbox_id, container_id

    async def exited(self, container_id):
        async with asyncio.timeout(10):
            while True:
                status = await self.runtime.container_status(container_id)
                if status.state == "exited":
                    return status
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def private_node():
    token = secrets.token_hex(3)
    # Not pytest's directory, whose path may be too long for a socket.
    with tempfile.TemporaryDirectory(prefix="pinnace-") as name:
        directory = Path(name)
        private = PrivateRuntime(
            PrivateRuntimeConfig(
                name=f"pinnace-{token}",
                data=directory / "data",
                run=directory / "run",
                bridge=f"pt{token}",
                pod_cidrs=[f"10.{200 + int(token[:2], 16) % 50}.{int(token[2:4], 16)}.0/24"],
                cgroup_parent=f"/pinnace-{token}",
                busybox_names=["docker.io/library/busybox:1.36"],
            )
        )
        try:
            runtime = await private.start()
            try:
                network = private.network()
                yield Node(directory, private, runtime, network, f"/pinnace-{token}")
            finally:
                await runtime.close()
        finally:
            await private.destroy()


def lines_of(path):
    return Path(path).read_text().splitlines()


async def exec_over_spdy(url, *, stdin, wants=("error", "stdin", "stdout", "stderr")):
    """Run an exec to its end as kubectl would; returns what came on each stream."""
    protocol = {"X-Stream-Protocol-Version": "v4.channel.k8s.io"}
    async with await spdy.connect(url, headers=protocol) as session:
        assert session.headers["x-stream-protocol-version"] == "v4.channel.k8s.io"
        streams = {kind: await session.open_stream({"streamType": kind}) for kind in wants}
        came = {}

        async def collect(kind):
            came[kind] = await streams[kind].read_all()

        async with asyncio.TaskGroup() as group:
            for kind in wants:
                if kind != "stdin":
                    group.create_task(collect(kind))
            await streams["stdin"].write(stdin)
            await streams["stdin"].close_write()
        return came


async def test_a_container_runs_logs_answers_and_tells_how_it_ended():
    async with private_node() as node:
        runtime = node.runtime
        status = await runtime.status()
        assert status.is_ready("RuntimeReady")
        assert status.is_ready("NetworkReady")
        here = await runtime.image_status(BUSYBOX)
        assert here is not None
        other = await runtime.image_status("busybox:1.36")
        assert other is not None
        assert other.id == here.id

        sandbox = node.sandbox("a")
        script = "echo out; echo err >&2; read line < /proc/1/cmdline; exec sleep 600"
        sandbox_id, container_id = await node.run(
            sandbox, script, env=[("GREETING", "hello")], resources=LinuxResources(cpu_shares=200)
        )
        found = await runtime.sandbox_status(sandbox_id)
        assert (found.state, found.name, found.uid) == ("ready", "a", "uid-a")
        assert found.ip.startswith(node.network.pod_cidrs[0].rpartition(".")[0] + ".")

        result = await runtime.exec_sync(
            container_id, ["sh", "-c", "echo $GREETING; hostname; exit 3"], timeout=10
        )
        assert (result.stdout, result.exit_code) == (b"hello\na\n", 3)
        with pytest.raises(RuntimeDeadline):
            await runtime.exec_sync(container_id, ["sleep", "30"], timeout=1)

        url = await runtime.exec_url(
            container_id,
            ["sh", "-c", "cat; echo done >&2; exit 7"],
            stdin=True,
            stdout=True,
            stderr=True,
            tty=False,
        )
        text = b"a line\n" * 100_000
        came = await exec_over_spdy(url, stdin=text)
        assert came["stdout"] == text
        assert came["stderr"] == b"done\n"
        assert b'"ExitCode","message":"7"' in came["error"]
        with pytest.raises(spdy.UpgradeRefused) as refused:
            await spdy.connect(url)
        assert refused.value.status == 404

        await runtime.stop_container(container_id, timeout=0)
        ended = await node.exited(container_id)
        assert ended.exit_code == 137
        lines = lines_of(ended.log_path)
        assert sorted(line.split(" ", 1)[1] for line in lines) == ["stderr F err", "stdout F out"]

        await runtime.remove_container(container_id)
        await runtime.remove_container(container_id)
        with pytest.raises(RuntimeNotFound):
            await runtime.container_status(container_id)
        await runtime.stop_sandbox(sandbox_id)
        await runtime.remove_sandbox(sandbox_id)
        assert await runtime.sandboxes() == []
        assert await runtime.image_status("pinnace.local/none:here") is None
        with pytest.raises(NotSupported):
            await anext(runtime.container_events())


async def test_pods_and_host_ports_reach_pods_and_destroy_leaves_nothing_of_them():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with private_node() as node:
        ports = [PortMapping(container_port=80, host_port=port)]
        serve = "mkdir -p /www; echo page > /www/index.html; exec httpd -f -p 80 -h /www"
        server, _ = await node.run(node.sandbox("server", ports=ports), serve)
        address = (await node.runtime.sandbox_status(server)).ip
        fetch = f"until wget -q -O- http://{address}/; do sleep 0.1; done"
        _, client = await node.run(node.sandbox("client"), fetch)
        assert (await node.exited(client)).exit_code == 0
        if node.network.host_ports:
            # The first page has shown that the server listens.
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            async with asyncio.timeout(5):
                assert (await reader.read()).endswith(b"page\n")
            writer.close()
            await writer.wait_closed()
    assert_nothing_left(node)


async def test_attach_and_port_forward_go_over_the_runtimes_own_streams():
    async with private_node() as node:
        sandbox_id, container_id = await node.run(
            node.sandbox("a"),
            "mkdir /www; echo page > /www/index.html; httpd -p 8080 -h /www; cat; exit 4",
            stdin=True,
        )
        listens = "until wget -q -O /dev/null http://127.0.0.1:8080/; do sleep 0.05; done"
        await node.runtime.exec_sync(container_id, ["sh", "-c", listens], timeout=10)
        url = await node.runtime.port_forward_url(sandbox_id, [8080])
        protocol = {"X-Stream-Protocol-Version": "portforward.k8s.io"}
        async with await spdy.connect(url, headers=protocol) as session:
            both = {"port": "8080", "requestID": "0"}
            error = await session.open_stream({"streamType": "error", **both})
            data = await session.open_stream({"streamType": "data", **both})
            await data.write(b"GET /index.html HTTP/1.0\r\n\r\n")
            assert (await data.read_all()).endswith(b"page\n")
            assert await error.read_all() == b""

        url = await node.runtime.attach_url(
            container_id, stdin=True, stdout=True, stderr=True, tty=False
        )
        protocol = {"X-Stream-Protocol-Version": "v4.channel.k8s.io"}
        async with await spdy.connect(url, headers=protocol) as session:
            streams = {
                kind: await session.open_stream({"streamType": kind})
                for kind in ("error", "stdin", "stdout", "stderr")
            }
            await streams["stdin"].write(b"echoed\n")
            assert await streams["stdout"].read() == b"echoed\n"

        sized = "until stty size | grep '40 100'; do sleep 0.05; done"
        url = await node.runtime.exec_url(
            container_id, ["sh", "-c", sized], stdin=True, stdout=True, stderr=False, tty=True
        )
        async with await spdy.connect(url, headers=protocol) as session:
            streams = {
                kind: await session.open_stream({"streamType": kind})
                for kind in ("error", "stdin", "stdout", "resize")
            }
            await streams["resize"].write(b'{"Width":100,"Height":40}')
            assert b"40 100" in await streams["stdout"].read_all()


async def test_containers_survive_the_death_of_containerd_and_are_found_again():
    async with private_node() as node:
        _, container_id = await node.run(node.sandbox("a"), "exec sleep 600")
        before = processes.load(node.containerd.paths.pid)
        before.send(signal.SIGKILL)
        assert processes.wait(before, timeout=5)
        await node.containerd.start()
        assert processes.load(node.containerd.paths.pid) != before
        status = await node.runtime.container_status(container_id)
        assert status.state == "running"

        # Another Pinnace on the same directories takes over what runs, even if the first one died
        # before it wrote the number down.
        found = Containerd(node.containerd.paths, sandbox_image=PAUSE)
        now = processes.load(node.containerd.paths.pid)
        node.containerd.paths.pid.unlink()
        await found.start()
        assert now.is_alive()
        assert processes.load(node.containerd.paths.pid) == now


STARTER = """
import asyncio, os, signal, sys
from pathlib import Path
from pinnace.node.containerd import Containerd, ContainerdPaths
paths = ContainerdPaths(data=Path(sys.argv[1]), run=Path(sys.argv[2]))
asyncio.run(Containerd(paths, sandbox_image=sys.argv[3]).start())
os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_containerd_survives_the_death_of_who_started_it():
    async with private_node() as node:
        paths = node.containerd.paths
        await node.containerd.stop()
        starter = await asyncio.create_subprocess_exec(
            sys.executable, "-c", STARTER, str(paths.data), str(paths.run), PAUSE,
            env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
        )  # fmt: skip
        assert await starter.wait() == -signal.SIGKILL
        process = processes.load(paths.pid)
        assert process is not None
        assert (await node.runtime.version()).name == "containerd"
        await node.containerd.start()
        assert processes.load(paths.pid) == process


async def test_destroy_leaves_nothing_even_when_containerd_is_gone_for_good():
    async with private_node() as node:
        ports = [PortMapping(container_port=80, host_port=1)]
        sandbox_id, _ = await node.run(node.sandbox("a", ports=ports), "exec sleep 600")
        await node.containerd.stop()
        # It cannot be started again to take the pods down.
        node.containerd.paths.config.unlink()
        await node.private.destroy()
        assert_nothing_left(node)
        results = glob.glob("/var/lib/cni/results/*")
        assert [result for result in results if sandbox_id in result] == []
        if command.which("iptables-save"):
            assert node.network.name.encode() not in await command.run("iptables-save", [])


def assert_nothing_left(node):
    directory = str(node.directory)
    lines = [" ".join(processes.command_line(process)) for process in processes.running()]
    assert [line for line in lines if directory in line] == []
    points = mount_table.mount_points(Path("/proc/self/mountinfo").read_text())
    assert mount_table.below(node.directory, points) == []
    assert node.network.bridge not in [name for _, name in socket.if_nameindex()]
    assert not node.containerd.paths.data.exists()
    assert not node.containerd.paths.run.exists()
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True)
    assert cni.table_name(node.network) not in tables.stdout
    assert not list(Path("/sys/fs/cgroup").glob(f"**{node.cgroup}"))
