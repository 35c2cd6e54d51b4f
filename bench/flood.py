"""Small requests beside one client that floods: python -m bench.flood [--pods N]; see README.md.

A process of its own asks as a service account, over 200 connections and without a pause: for lists
of all Pods, for creates, or for one object. Meanwhile this one reads an object as another service
account, renews a Lease as the controller manager and patches a Node's status as its kubelet, and
notes how long each takes: alone, with priority and fairness, and without.
"""

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import uvloop

from bench.api import COMMAND, PODS, api_server, cpu
from bench.load import Connection, Target, message
from bench.tails import fill
from pinnace.cluster.hostnet import free_port

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
ELECTION = "kube-controller-manager"
RBAC = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
Times = tuple[float, ...]
WHAT = ("list", "create", "get")
_ACCOUNTS = ("system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated")


def as_user(name: str, groups: Sequence[str]) -> tuple[str, ...]:
    """Return the headers that make the administrator somebody else."""
    return (f"Impersonate-User: {name}", *(f"Impersonate-Group: {group}" for group in groups))


FLOOD = as_user("system:serviceaccount:default:flood", _ACCOUNTS)
READER = as_user("system:serviceaccount:default:reader", _ACCOUNTS)
MANAGER = as_user("system:kube-controller-manager", ("system:authenticated",))
NODE = as_user("system:node:n", ("system:nodes", "system:authenticated"))


def asked(
    user: Sequence[str], method: str, path: str, body: object = None, kind: str = "json"
) -> bytes:
    """Return the bytes of a request of a user."""
    data = b"" if body is None else orjson.dumps(body)
    plain = message(method, path, data, kind=f"application/{kind}")
    return plain.replace(b"\r\n", "".join(f"\r\n{line}" for line in user).encode() + b"\r\n", 1)


async def flood(target: Target, what: str, connections: int) -> None:
    """Ask for ever."""
    numbers = itertools.count(1)

    async def again(connection: Connection) -> None:
        while True:
            if what == "list":
                await connection.skim(asked(FLOOD, "GET", "/api/v1/pods"))
            elif what == "get":
                await connection.call(asked(FLOOD, "GET", f"{PODS}/pod-000000"))
            else:
                name = f"flood-{next(numbers)}"
                body = {"metadata": {"name": name}, "data": {"a": "b" * 500}}
                await connection.call(asked(FLOOD, "POST", CONFIGMAPS, body))
                await connection.call(asked(FLOOD, "DELETE", f"{CONFIGMAPS}/{name}"))

    opened = [await Connection.open(target) for _ in range(connections)]
    await asyncio.gather(*(again(each) for each in opened))


@asynccontextmanager
async def flooding(kubeconfig: Path, what: str, connections: int) -> AsyncIterator[None]:
    """Flood from a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.flood", "--as", what, "--kubeconfig", str(kubeconfig),
        "--connections", str(connections),
    )  # fmt: skip
    try:
        await asyncio.sleep(4.0)
        yield
    finally:
        process.kill()
        await process.wait()


async def prepare(target: Target) -> None:
    """Make what is asked for, and let everybody ask for it."""
    admin = await Connection.open(target)
    lease = {"metadata": {"name": ELECTION}, "spec": {"holderIdentity": "me"}}
    await admin.call(message("POST", LEASE, orjson.dumps(lease)))
    await admin.call(message("POST", "/api/v1/nodes", orjson.dumps({"metadata": {"name": "n"}})))
    binding = {
        "metadata": {"name": "bench-flood"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin",
        },
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}
                     for name in ("flood", "reader")],
    }  # fmt: skip
    await admin.call(message("POST", RBAC, orjson.dumps(binding)))
    admin.close()


def victims() -> dict[str, bytes]:
    """Return the requests that are timed."""
    renewed = {"spec": {"renewTime": "2026-01-01T00:00:00.000000Z"}}
    seen = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    merge, strategic = "merge-patch+json", "strategic-merge-patch+json"
    lease = asked(MANAGER, "GET", f"{LEASE}/{ELECTION}")
    return {
        "read of another account": asked(READER, "GET", f"{PODS}/pod-000000"),
        "Lease read for election": lease,
        "Lease renewed": asked(READER, "PATCH", f"{LEASE}/{ELECTION}", renewed, merge),
        "Node status": asked(NODE, "PATCH", "/api/v1/nodes/n/status", seen, strategic),
    }


async def timed(target: Target, server: int, seconds: float) -> dict[str, Times]:
    """Ask for each in turn; returns the median and the 99th percentile, in milliseconds.

    First of what the server's process has worked from the question to the answer, which is what was
    done for others before; then of the time that passed, which depends on what else runs.
    """
    requests = victims()
    times: dict[str, list[float]] = {name: [] for name in requests}
    walls: dict[str, list[float]] = {name: [] for name in requests}
    refused = dict.fromkeys(requests, 0)
    connections = {name: await Connection.open(target) for name in requests}
    spent, began = cpu(server), time.perf_counter()

    async def ask(name: str) -> None:
        while (start := time.perf_counter()) < began + seconds:
            used = cpu(server)
            status, body = await connections[name].call(requests[name])
            assert status in (200, 429), (name, status, body)
            refused[name] += status == 429
            times[name].append((cpu(server) - used) * 1000)
            walls[name].append((time.perf_counter() - start) * 1000)
            await asyncio.sleep(0.01)

    await asyncio.gather(*map(ask, requests))
    busy = (cpu(server) - spent) / (time.perf_counter() - began)
    found = {}
    for name, each in times.items():
        connections[name].close()
        wall = sorted(walls[name])
        each.sort()
        found[name] = tuple(
            part[int(len(part) * at)] for part in (each, wall) for at in (0.5, 0.99)
        )
    sent_away = sum(refused.values())
    print(f"    (server {busy:.0%} of a core, {sent_away} sent away with 429)", flush=True)
    return found


async def started(here: Path, *options: str) -> None:
    """Make a cluster whose server has these settings."""
    arguments = ["up", "--nodes", "none", "--data-dir", f"{here}/data", *options]
    arguments += ["--port", str(free_port("127.0.0.1", 0)), "--kubeconfig", f"{here}/kubeconfig"]
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async for line in process.stdout:
        if b"ready:" in line:
            break
    process.terminate()
    await process.wait()


async def run(pods: int, connections: int, only: str, seconds: float) -> None:
    print(f"{'':34} {'p50':>8} {'p99':>8} {'wall p50':>8} {'p99':>8} ms")
    for fair in (True, False):
        with tempfile.TemporaryDirectory() as name:
            here = Path(name)
            switch = "--enable-priority-and-fairness"
            await started(here, switch if fair else f"--no-{switch[2:]}")
            how = "with" if fair else "without"
            async with api_server(here) as (target, server):
                await prepare(target)
                await fill(target, pods)
                alone = await timed(target, server, seconds / 2)
                report("alone", alone, alone)
                for what in WHAT:
                    if only in what:
                        async with flooding(here / "kubeconfig", what, connections):
                            found = await timed(target, server, seconds)
                        report(f"{what} flood, {how} fairness", found, alone)


def report(what: str, found: dict[str, Times], alone: dict[str, Times]) -> None:
    """Print the times, and how many times those of a quiet server they are."""
    print(what)
    for name, times in found.items():
        ratio = times[1] / alone[name][1]
        told = " ".join(f"{one:8.1f}" for one in times)
        print(f"    {name:30} {told}   {ratio:6.1f} times", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pods", type=int, default=10_000)
    options.add_argument("--connections", type=int, default=200)
    options.add_argument("--seconds", type=float, default=10.0)
    options.add_argument("--only", default="", help="floods that have this in their name")
    options.add_argument("--as", dest="role", default="", help=argparse.SUPPRESS)
    options.add_argument("--kubeconfig", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.role:
        # Who floods sits on another machine; here it must not take the server's processor.
        os.nice(15)
        target = Target.from_kubeconfig(Path(given.kubeconfig))
        uvloop.run(flood(target, given.role, given.connections))
    else:
        uvloop.run(run(given.pods, given.connections, given.only, given.seconds))


if __name__ == "__main__":
    main()
