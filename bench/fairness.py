"""Fair turns on the processor, without sockets: python -m bench.fairness; see README.md.

Server and clients are tasks of one loop. One flow asks without a pause from 190 tasks; two others
ask for one object every five milliseconds. What is measured is the CPU of the process from when
they wanted to ask until they had their answer, so what else runs on the machine does not count.
"""

import argparse
import asyncio
import itertools
import time
from collections.abc import Callable

import orjson
import uvloop

from bench.api import PODS, pod
from pinnace.api.wire import Hijack, Request, Stream, User
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import SystemClock
from pinnace.store.memory import MemoryStore

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
_ACCOUNTS = ("system:serviceaccounts", "system:authenticated")
ADMIN = User("admin", ("system:masters",))
FLOOD = User("system:serviceaccount:default:flood", _ACCOUNTS)
OTHERS = {
    "another service account": User("system:serviceaccount:default:reader", _ACCOUNTS),
    "the controller manager": User("system:kube-controller-manager", ("system:authenticated",)),
}
_PAUSE = 0.005


async def ask(server: ApiServer, user: User, method: str, path: str, body: object = None) -> int:
    """Ask, and read the answer to its end."""
    answer = await server.handle(
        Request(
            method=method,
            path=path,
            user=user,
            headers={"content-type": "application/json", "accept": "application/json"},
            body=b"" if body is None else orjson.dumps(body),
        )
    )
    assert not isinstance(answer, Hijack)
    if isinstance(answer, Stream):
        async for _ in answer.frames:
            pass
    return answer.status


def flood(server: ApiServer, what: str) -> Callable[[], "asyncio.Future[int]"]:
    """Return what asks once for the flood."""
    numbers = itertools.count()

    def once() -> "asyncio.Future[int]":
        if what == "list":
            return asyncio.ensure_future(ask(server, FLOOD, "GET", "/api/v1/pods"))
        if what == "get":
            return asyncio.ensure_future(ask(server, FLOOD, "GET", f"{PODS}/pod-000000"))
        body = {"metadata": {"name": f"f{next(numbers)}"}, "data": {"a": "b" * 500}}
        return asyncio.ensure_future(ask(server, FLOOD, "POST", CONFIGMAPS, body))

    return once


async def run(what: str, *, fair: bool, pods: int, seconds: float) -> None:
    """Measure one kind of flood."""
    config = ServerConfig(priority_and_fairness=fair)
    server = ApiServer(MemoryStore(), SystemClock(), config)
    await server.start()
    for number in range(pods):
        await ask(server, ADMIN, "POST", PODS, pod(number))
    once, asked = flood(server, what), 0

    async def again() -> None:
        nonlocal asked
        while True:
            await once()
            asked += 1

    tasks = [asyncio.create_task(again()) for _ in range(190)]
    await asyncio.sleep(1)
    began, before = time.process_time(), asked
    found: dict[str, list[float]] = {name: [] for name in OTHERS}

    async def other(name: str) -> None:
        while time.process_time() < began + seconds:
            wanted = time.process_time()
            # Also a pause ends late on a loop that is busy.
            await asyncio.sleep(_PAUSE)
            status = await ask(server, OTHERS[name], "GET", "/api/v1/namespaces/kube-system")
            assert status == 200, status
            found[name].append((time.process_time() - wanted - _PAUSE) * 1000)

    await asyncio.gather(*map(other, OTHERS))
    rate = (asked - before) / (time.process_time() - began)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for name, times in found.items():
        times.sort()
        p50, p99 = (max(times[int(len(times) * at)], 0.0) for at in (0.5, 0.99))
        how = "with" if fair else "without"
        print(f"{what:7} {how:8} {name:26} {p50:8.1f} {p99:8.1f} ms  ({rate:,.0f}/s)", flush=True)
    await server.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pods", type=int, default=5000)
    options.add_argument("--seconds", type=float, default=5.0)
    given = options.parse_args()
    print(f"{'flood':7} {'fairness':8} {'for':26} {'p50':>8} {'p99':>8}     (flood)")
    for what in ("list", "create", "get"):
        for fair in (True, False):
            uvloop.run(run(what, fair=fair, pods=given.pods, seconds=given.seconds))


if __name__ == "__main__":
    main()
