"""What a store of many Pods costs at a start: python -m bench.large [--pods 100000]; see README.md.

The Pods are written past the API, in several sizes of the store; then a server starts on it.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import uvloop

from bench.api import pod
from bench.churn import ask
from pinnace.api.codec.canonical import canonical_bytes
from pinnace.api.kinds.core import PODS
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import SystemClock
from pinnace.store.base import MOST_KEYS
from pinnace.store.sqlite import SqliteStore


async def fill(path: Path, pods: int) -> None:
    """Write the Pods as a server stores them."""
    store = await SqliteStore.open(path)
    server = ApiServer(store, SystemClock(), ServerConfig())
    await server.start()
    await ask(server, "POST", "/api/v1/namespaces/default/pods", pod(0))
    cache = await server.core.cache(PODS)
    item = cache.get("default", "pod-000000")
    assert item is not None
    like = item.decode()
    await server.close()
    puts = []
    for number in range(1, pods):
        like["metadata"] |= {"name": f"pod-{number:06}", "uid": str(uuid.uuid4())}
        puts.append((f"{PODS.prefix}/default/pod-{number:06}", canonical_bytes(like)))
        if len(puts) == MOST_KEYS or number == pods - 1:
            await store.commit(puts=puts)
            puts = []
    await store.close()


async def start(path: Path) -> None:
    """Start a server on the file, and print seconds and megabytes."""
    before = _resident()
    began, spent = time.perf_counter(), time.process_time()
    store = await SqliteStore.open(path)
    opened = time.perf_counter()
    server = ApiServer(store, SystemClock(), ServerConfig())
    await server.start()
    ready = time.perf_counter()
    cpu = time.process_time()
    pods = len(await server.core.cache(PODS))
    listed = time.perf_counter()
    await ask(server, "GET", "/api/v1/pods")
    done = time.perf_counter()
    print(
        f"{pods:8} Pods: store opened {opened - began:6.2f} s, ready {ready - began:6.2f} s "
        f"({cpu - spent:5.2f} s CPU), "
        f"first list {done - listed:5.2f} s, resident {before:5.0f} -> {_resident():5.0f} MB, "
        f"store.db {await store.size() / 1e6:5.0f} MB",
        flush=True,
    )
    await server.close()
    await store.close()


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Read the arguments; each start is a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=100_000)
    parser.add_argument("--on", type=Path, help="Start on this file instead.")
    given = parser.parse_args()
    if given.on is not None:
        uvloop.run(start(given.on))
        return
    with tempfile.TemporaryDirectory() as directory:
        for pods in (given.pods // 10, given.pods // 2, given.pods):
            path = Path(directory) / f"{pods}.db"
            asyncio.run(fill(path, pods))
            subprocess.run(
                [sys.executable, "-m", "bench.large", "--on", str(path)], check=True, timeout=600
            )


if __name__ == "__main__":
    main()
