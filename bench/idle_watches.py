"""Many idle watches on one server: python -m bench.idle_watches [--watches N]; see README.md.

Says what a watch costs in memory and CPU, and how long a write takes to reach all of them, while
one more client reads nothing of what it is sent.
"""

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from bench.api import Report, api_server, cpu, start_up
from bench.load import Connection, Target, message

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
WATCH = f"{CONFIGMAPS}?watch=true&resourceVersion={{}}&timeoutSeconds=3600"
_AT_ONCE = 100
_IDLE_SECONDS = 10


class Watcher(asyncio.Protocol):
    """A connection that counts the events of its watch."""

    def __init__(self, request: bytes, seen: list[float]) -> None:
        self._request, self._seen = request, seen
        self.began: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if not self.began.done():
            self.began.set_result(None)
        if b'"type":"ADDED"' in data:
            self._seen.append(time.perf_counter())

    def connection_lost(self, error: Exception | None) -> None:
        if not self.began.done():
            self.began.set_exception(error or ConnectionResetError("closed by the server"))


def resident(process: int) -> float:
    """Return the resident memory of a process in MiB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


async def connect(target: Target, request: bytes, seen: list[float], count: int) -> list[Watcher]:
    """Open watches, some at a time."""
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE)

    async def one() -> Watcher:
        async with gate:
            _, made = await loop.create_connection(
                lambda: Watcher(request, seen), target.host, target.port, ssl=target.context
            )
            await made.began
            return made

    return list(await asyncio.gather(*(one() for _ in range(count))))


async def reach(target: Target, seen: list[float], name: str, count: int) -> tuple[float, float]:
    """Write once; return how many ms pass until half and all of the watches have been told."""
    body = json.dumps({"metadata": {"name": name}}).encode()
    writer = await Connection.open(target)
    seen.clear()
    began = time.perf_counter()
    status, _ = await writer.call(message("POST", CONFIGMAPS, body))
    assert status == 201
    # Looking now and then disturbs the measurement less than a signal for each event.
    while len(seen) < count and time.perf_counter() - began < 60:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    writer.close()
    assert len(seen) >= count, f"only {len(seen)} of {count} were told"
    times = sorted(seen)
    return (times[len(times) // 2] - began) * 1000, (times[-1] - began) * 1000


async def main(count: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as directory:
        here = Path(directory)
        await start_up(Report(), here)
        async with api_server(here) as (target, process):
            await measure(target, process, count)


async def measure(target: Target, process: int, count: int) -> None:
    """Open the watches and print what they cost."""
    probe = await Connection.open(target)
    _, body = await probe.call(message("GET", CONFIGMAPS))
    version = json.loads(body)["metadata"]["resourceVersion"]
    request = message("GET", WATCH.format(version))
    seen: list[float] = []
    before, began = resident(process), time.perf_counter()
    watchers = await connect(target, request, seen, count)
    took, after = time.perf_counter() - began, resident(process)
    each = (after - before) * 1024 / count
    print(f"{count} watches in {took:.1f} s; {after:.0f} MiB, {each:.1f} KiB for each")
    spent = cpu(process)
    await asyncio.sleep(_IDLE_SECONDS)
    print(f"idle: {(cpu(process) - spent) / _IDLE_SECONDS:.2%} of a core")
    half, last = await reach(target, seen, "a", count)
    print(f"a write is at half of them after {half:.0f} ms, at all after {last:.0f} ms")
    watchers[0].transport.pause_reading()
    for number in range(5):
        half, last = await reach(target, seen, f"b{number}", count - 1)
    print(f"with one that reads nothing: half {half:.0f} ms, all {last:.0f} ms")
    print(f"afterwards {resident(process):.0f} MiB")
    for watcher in watchers:
        watcher.transport.abort()
    probe.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--watches", type=int, default=10_000)
    options = parser.parse_args()
    if sys.platform != "linux":
        raise SystemExit("this reads /proc")
    uvloop.run(main(options.watches))
