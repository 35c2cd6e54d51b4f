"""Does the store stop growing? python -m bench.churn [--minutes 30] [--writes 100]; see README.md.

One API server on a SQLite store, in this process; the files are looked at every minute.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import orjson
import uvloop

from bench.api import PODS, pod
from pinnace.api.wire import Request, Response, Stream
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import SystemClock
from pinnace.store.sqlite import SqliteStore

_OBJECTS = 2000
_READ_EVERY = 20


async def ask(server: ApiServer, method: str, path: str, body: object = None) -> int:
    """Send one request to the server, read all of the answer, and return its code."""
    path, _, query = path.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    media = {"content-type": "application/merge-patch+json"} if method == "PATCH" else {}
    answer = await server.handle(
        Request(
            method=method,
            path=path,
            query={name: [value] for name, _, value in pairs},
            headers=media,
            body=orjson.dumps(body) if body is not None else b"",
        )
    )
    if isinstance(answer, Stream):
        async for _ in answer.frames:
            pass
    return answer.status if isinstance(answer, Response) else 200


async def write(server: ApiServer, number: int) -> None:
    """Make one write: eight of ten are status patches, the others replace a Pod by a new one."""
    name = f"pod-{random.randrange(_OBJECTS):06}"
    if number % 10 < 8:
        phase = random.choice(("Pending", "Running"))
        status = {"status": {"phase": phase, "message": f"{number}"}}
        await ask(server, "PATCH", f"{PODS}/{name}/status", status)
        return
    await ask(server, "DELETE", f"{PODS}/{name}?gracePeriodSeconds=0")
    await ask(server, "POST", PODS, pod(int(name[4:])))


async def read(server: ApiServer) -> None:
    """Read what reaches the file: a list at a revision that is not the newest."""
    revision = max(server.core.caches.revision - 50, 1)
    await ask(server, "GET", f"{PODS}?resourceVersion={revision}&resourceVersionMatch=Exact")


async def churn(path: Path, minutes: float, rate: int) -> None:
    """Write at a rate, and print the sizes of the files each minute."""
    store = await SqliteStore.open(path)
    server = ApiServer(store, SystemClock(), ServerConfig())
    await server.start()
    for number in range(_OBJECTS):
        await ask(server, "POST", PODS, pod(number))
    print("minute   store.db MB   -wal MB   resident MB   writes", flush=True)
    began, written, minute = time.monotonic(), 0, 0
    while minute <= minutes:
        due = began + written / rate
        await asyncio.sleep(max(due - time.monotonic(), 0))
        await write(server, written)
        written += 1 if written % 10 < 8 else 2
        if random.randrange(_READ_EVERY) == 0:
            await read(server)
        if time.monotonic() - began >= minute * 60:
            sizes = [_megabytes(Path(f"{path}{end}")) for end in ("", "-wal")]
            print(f"{minute:6}   {sizes[0]:11.1f}   {sizes[1]:7.1f}   {_resident():11.1f}"
                  f"   {written}", flush=True)  # fmt: skip
            minute += 1
    await server.close()
    await store.close()


def _megabytes(path: Path) -> float:
    return path.stat().st_size / 1e6 if path.exists() else 0.0


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--writes", type=int, default=100, help="how many in a second")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "store.db"
        uvloop.run(churn(path, given.minutes, given.writes))
    print("done", file=sys.stderr)


if __name__ == "__main__":
    main()
