"""The kubelet on a private containerd: Pods really run, and are reached through its server."""

import asyncio
import contextlib
import os
import secrets
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from socket import socketpair

import aiohttp
import orjson
import pytest

from pinnace.api.kinds.core import CONFIGMAPS, NODES, PODS
from pinnace.api.objects import Key, format_time
from pinnace.kit import spdy, x509
from pinnace.kit.clock import SystemClock
from pinnace.node import command
from pinnace.node.config import KubeletConfig
from pinnace.node.cri.client import CriRuntime
from pinnace.node.images.builtin import BUSYBOX
from pinnace.node.private_runtime import PrivateRuntime, PrivateRuntimeConfig
from pinnace.node.service import run_kubelet
from pinnace.testing.kubelet_stage import make_container, make_pod
from pinnace.testing.memory_client import MemoryCluster

PROGRAMS = ("containerd", "ctr", "runc", "nft", "ip", "busybox", "catatonit")
MISSING = [program for program in PROGRAMS if command.which(program) is None]

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root on Linux"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {' '.join(MISSING)}"),
]


@dataclass
class World:
    cluster: MemoryCluster
    runtime: CriRuntime
    directory: Path
    cgroup: str
    session: aiohttp.ClientSession | None = None
    url: str = ""
    tls: ssl.SSLContext | None = None

    def pod(self, name):
        return self.cluster.informer(PODS).get(Key("default", name))

    def status(self, name):
        return (self.pod(name) or {}).get("status") or {}

    async def until(self, holds, seconds=20):
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110  # the runtime has no event for it
                await asyncio.sleep(0.05)

    async def run(self, pod):
        await self.cluster.create(PODS, pod)
        name = pod["metadata"]["name"]
        await self.until(lambda: self.status(name).get("phase") not in (None, "Pending"))

    def ended(self, name, container="main"):
        for each in self.status(name).get("containerStatuses") or ():
            if each["name"] == container:
                return each["state"].get("terminated")
        return None


@contextlib.asynccontextmanager
async def world():
    token = secrets.token_hex(3)
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
            )
        )
        clock = SystemClock()
        cluster = MemoryCluster(lambda: format_time(clock.now()))
        try:
            runtime = await private.start()
            try:
                yield World(cluster, runtime, directory, f"/pinnace-{token}")
            finally:
                await runtime.close()
        finally:
            await private.destroy()


@contextlib.asynccontextmanager
async def kubelet(made):
    now = SystemClock().now()
    authority = x509.make_authority("test-ca", now=now)
    serving = x509.issue(authority, x509.Subject("node-1"), now=now, ips=["127.0.0.1"], server=True)
    client = x509.issue(
        authority,
        x509.Subject("kube-apiserver-kubelet-client", ("system:masters",)),
        now=now,
        client=True,
    )
    ready = asyncio.Event()
    config = KubeletConfig(
        node_name="node-1",
        root_dir=made.directory / "kubelet",
        log_dir=made.directory / "logs",
        addresses=("127.0.0.1",),
        bind="127.0.0.1",
        tls=serving,
        client_ca=authority.pem,
        cluster_dns=("10.96.0.10",),
        cgroup_root=made.cgroup,
    )
    task = asyncio.create_task(
        run_kubelet(
            made.cluster, made.cluster, SystemClock(), config, made.runtime, ready=ready.set
        )
    )
    pair = made.directory / "client.pem"
    pair.write_bytes(client.certificate + client.key)
    context = ssl.create_default_context(cadata=authority.pem.decode())
    context.load_cert_chain(pair)
    made.tls = context
    try:
        async with asyncio.timeout(20):
            while not ready.is_set():
                if task.done():
                    task.result()
                await asyncio.sleep(0.02)
        node = made.cluster.informer(NODES).get(Key("", "node-1"))
        port = node["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"]
        made.url = f"https://127.0.0.1:{port}"
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(connector=connector) as session:
            made.session = session
            yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def shell(script, **more):
    return make_container(
        image=BUSYBOX, imagePullPolicy="Never", command=["sh", "-c", script], **more
    )


async def clean(made, *names):
    for name in names:
        await made.cluster.delete(PODS, name, namespace="default", grace_period=1)
    await made.until(lambda: all(made.pod(name) is None for name in names))


async def test_pods_run_end_and_are_reached_through_the_server():
    async with world() as made, kubelet(made):
        await made.cluster.create(
            CONFIGMAPS,
            {
                "kind": "ConfigMap",
                "metadata": {"name": "conf", "namespace": "default"},
                "data": {"greeting": "hello"},
            },
        )
        await made.run(
            make_pod(
                "job",
                restartPolicy="Never",
                volumes=[
                    {"name": "conf", "configMap": {"name": "conf"}},
                    {"name": "memory", "emptyDir": {"medium": "Memory"}},
                ],
                containers=[
                    shell(
                        "cat /conf/greeting; hostname; cat /etc/hosts /etc/resolv.conf;"
                        " grep /memory /proc/mounts; echo -n bye > /dev/termination-log; exit 3",
                        volumeMounts=[
                            {"name": "conf", "mountPath": "/conf"},
                            {"name": "memory", "mountPath": "/memory"},
                        ],
                        resources={"limits": {"memory": "64Mi", "cpu": "500m"}},
                    )
                ],
            )
        )
        await made.until(lambda: made.status("job")["phase"] == "Failed")
        ended = made.ended("job")
        assert (ended["exitCode"], ended["message"], ended["reason"]) == (3, "bye", "Error")
        async with made.session.get(f"{made.url}/containerLogs/default/job/main") as answer:
            text = await answer.text()
        assert text.startswith("hellojob\n")
        assert "nameserver 10.96.0.10" in text
        assert "tmpfs" in text
        assert "\tjob\n" in text

        await made.run(
            make_pod("server", containers=[shell("echo up; nc -ll -p 8080 -e echo served")])
        )
        await check_exec(made)
        await check_refusals(made)
        await check_spdy(made)
        await check_port_forward(made)
        await clean(made, "job", "server")
        pods = made.directory / "kubelet" / "pods"
        await made.until(lambda: not list(pods.iterdir()))
        assert await made.runtime.containers() == []


async def check_exec(made):
    query = [("command", "sh"), ("command", "-c"), ("command", "cat; echo no >&2; exit 3")]
    query += [("input", "1"), ("output", "1"), ("error", "1")]
    url = f"{made.url}/exec/default/server/main"
    came = {1: b"", 2: b"", 3: b""}
    async with made.session.ws_connect(
        url, params=query, protocols=["v5.channel.k8s.io"]
    ) as socket:
        assert socket.protocol == "v5.channel.k8s.io"
        await socket.send_bytes(b"\x00input")
        await socket.send_bytes(b"\xff\x00")
        async for message in socket:
            came[message.data[0]] += message.data[1:]
    assert came[1] == b"input"
    assert came[2] == b"no\n"
    status = orjson.loads(came[3])
    assert status["reason"] == "NonZeroExitCode"
    assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]


async def check_spdy(made):
    """A client that upgrades to SPDY itself is joined with the runtime."""
    url = f"{made.url}/exec/default/server/main?command=cat&input=1&output=1&error=1"
    headers = {"X-Stream-Protocol-Version": "v4.channel.k8s.io"}
    async with await spdy.connect(url, headers=headers, tls=made.tls) as session:
        kinds = ("error", "stdin", "stdout", "stderr")
        streams = {kind: await session.open_stream({"streamType": kind}) for kind in kinds}
        await streams["stdin"].write(b"through")
        await streams["stdin"].close_write()
        assert await streams["stdout"].read_all() == b"through"
        assert orjson.loads(await streams["error"].read_all())["status"] == "Success"


async def check_port_forward(made):
    """A plain TCP client reaches the Pod through SPDY inside of a WebSocket."""
    url = f"{made.url}/portForward/default/server"
    async with made.session.ws_connect(url, protocols=["SPDY/3.1+portforward.k8s.io"]) as socket:
        here, there = socketpair()
        reader, writer = await asyncio.open_connection(sock=here)
        far_reader, far_writer = await asyncio.open_connection(sock=there)

        async def outwards():
            while data := await far_reader.read(65536):
                await socket.send_bytes(data)

        async def inwards():
            async for message in socket:
                far_writer.write(message.data)

        pumps = [asyncio.create_task(outwards()), asyncio.create_task(inwards())]
        async with spdy.Session(reader, writer, headers={}) as session:
            ports = {"port": "8080", "requestID": "0"}
            error = await session.open_stream({"streamType": "error", **ports})
            data = await session.open_stream({"streamType": "data", **ports})
            await error.close_write()
            assert await data.read() == b"served\n"
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        far_writer.close()


async def check_refusals(made):
    async with made.session.post(
        f"{made.url}/exec/default/gone/main", params={"output": "1"}
    ) as answer:
        assert answer.status == 404


async def test_containers_outlive_the_kubelet_and_hooks_are_run():
    async with world() as made:
        async with kubelet(made):
            hooks = {"preStop": {"exec": {"command": ["sh", "-c", "echo stopping > /proc/1/fd/1"]}}}
            await made.run(
                make_pod(
                    containers=[
                        shell("trap 'exit 0' TERM; while :; do sleep 0.1; done", lifecycle=hooks)
                    ],
                )
            )
            await made.until(lambda: made.status("web").get("containerStatuses"))
            before = made.status("web")["containerStatuses"][0]["containerID"]
        async with kubelet(made):
            await asyncio.sleep(1.5)
            after = made.status("web")["containerStatuses"][0]
            assert (after["containerID"], after["restartCount"]) == (before, 0)
            await clean(made, "web")


async def test_a_client_without_the_api_servers_identity_is_turned_away():
    async with (
        world() as made,
        kubelet(made),
        aiohttp.ClientSession() as session,
        session.get(f"{made.url}/pods", ssl=False) as answer,
    ):
        assert (answer.status, await answer.text()) == (401, "Unauthorized")
