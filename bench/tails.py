"""Small reads beside heavy work: python -m bench.tails [--pods N] [--lists N]; see README.md.

A process of its own lists all Pods over 16 connections, again and again, and another creates Pods
as fast as it can, while this one reads one Pod at a time and notes how long each answer takes.
"""

import argparse
import asyncio
import itertools
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import uvloop

from bench.api import METADATA, PODS, TABLE, Report, api_server, cpu, pod, start_up
from bench.load import Connection, Target, message, rate

ACCEPTS = {"whole": "", "table": TABLE, "metadata": METADATA}


async def _list(target: Target, connections: int, shape: str) -> None:
    async def again(connection: Connection) -> None:
        while True:
            await connection.skim(message("GET", "/api/v1/pods", accept=ACCEPTS[shape]))

    opened = await asyncio.gather(*(Connection.open(target) for _ in range(connections)))
    await asyncio.gather(*(again(each) for each in opened))


async def _create(target: Target, connections: int) -> None:
    # Made and deleted again, so that the lists stay as long as they are.
    numbers = itertools.count(1_000_000)

    async def again(connection: Connection) -> None:
        for number in numbers:
            await connection.call(message("POST", PODS, orjson.dumps(pod(number))))
            where = f"{PODS}/pod-{number:06}?gracePeriodSeconds=0"
            await connection.call(message("DELETE", where))

    opened = await asyncio.gather(*(Connection.open(target) for _ in range(connections)))
    await asyncio.gather(*(again(each) for each in opened))


@asynccontextmanager
async def load(kubeconfig: Path, what: str, connections: int, shape: str) -> AsyncIterator[None]:
    """Run one kind of load in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.tails", "--as", what, "--kubeconfig", str(kubeconfig),
        "--connections", str(connections), "--shape", shape,
    )  # fmt: skip
    try:
        await asyncio.sleep(2.0)
        yield
    finally:
        process.kill()
        await process.wait()


async def small_reads(target: Target, server: int, what: str, seconds: float = 8.0) -> None:
    """Read one Pod at a time, and print how long that took."""
    connection = await Connection.open(target)
    request = message("GET", f"{PODS}/pod-000000")
    times = []
    spent, began = cpu(server), time.perf_counter()
    while (start := time.perf_counter()) < began + seconds:
        status, _ = await connection.call(request)
        assert status == 200
        times.append((time.perf_counter() - start) * 1000)
        await asyncio.sleep(0.005)
    busy = (cpu(server) - spent) / (time.perf_counter() - began)
    times.sort()
    at = [times[min(int(len(times) * share), len(times) - 1)] for share in (0.5, 0.9, 0.99, 1.0)]
    print(
        f"{what:52} p50 {at[0]:6.1f}  p90 {at[1]:6.1f}  p99 {at[2]:6.1f}  most {at[3]:6.1f} ms "
        f"({len(times)} reads, server {busy:.0%} of a core)",
        flush=True,
    )
    connection.close()


async def run(pods: int, lists: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        await start_up(Report(), here)
        async with api_server(here) as (target, server):
            await fill(target, pods)
            await small_reads(target, server, "alone", 3.0)
            kubeconfig = here / "kubeconfig"
            async with load(kubeconfig, "create", 16, ""):
                await small_reads(target, server, "beside 16 that create and delete")
            for shape in ACCEPTS:
                async with load(kubeconfig, "list", lists, shape):
                    await small_reads(target, server, f"beside {lists} that list ({shape})")
                    async with load(kubeconfig, "create", 16, ""):
                        what = f"beside {lists} that list ({shape}), 16 create and delete"
                        await small_reads(target, server, what)


async def fill(target: Target, pods: int) -> None:
    """Create the Pods."""
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    await rate(target, [message("POST", accounts, b'{"metadata":{"name":"default"}}')])
    bodies = (orjson.dumps(pod(number)) for number in range(pods))
    made = await rate(target, [message("POST", PODS, body) for body in bodies])
    assert not made.failures


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pods", type=int, default=10000)
    options.add_argument("--lists", type=int, default=16)
    options.add_argument("--as", dest="role", default="", help=argparse.SUPPRESS)
    options.add_argument("--kubeconfig", help=argparse.SUPPRESS)
    options.add_argument("--connections", type=int, help=argparse.SUPPRESS)
    options.add_argument("--shape", default="", help=argparse.SUPPRESS)
    given = options.parse_args()
    if not given.role:
        uvloop.run(run(given.pods, given.lists))
        return
    target = Target.from_kubeconfig(Path(given.kubeconfig))
    if given.role == "list":
        uvloop.run(_list(target, given.connections, given.shape))
    else:
        uvloop.run(_create(target, given.connections))


if __name__ == "__main__":
    main()
