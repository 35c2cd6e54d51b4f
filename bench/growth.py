"""What requests cost as objects grow: python -m bench.growth [--sizes N ...]; see README.md.

CPU of the API server's process for one request (user and system, all threads), and its memory. What
is about one object must not grow; what is about all of them may grow as they do.
"""

import argparse
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import orjson
import uvloop
from rich.console import Console
from rich.table import Table

from bench.api import METADATA, PODS, TABLE, Report, api_server, cpu, memory, pod, start_up
from bench.load import Connection, Target, message, rate

EVERY = "/api/v1/pods"


class Growth:
    """A column of figures for each number of Pods."""

    def __init__(self) -> None:
        self.figures: dict[str, list[str]] = {}

    def add(self, what: str, figure: str) -> None:
        self.figures.setdefault(what, []).append(figure)
        print(f"  {what}: {figure}", flush=True)

    def show(self, sizes: list[int]) -> None:
        table = Table(title="CPU of the API server for one request, by number of Pods")
        for column in ("what", *(f"{size:,}" for size in sizes)):
            table.add_column(column, justify="left" if column == "what" else "right")
        for what, figures in self.figures.items():
            table.add_row(what, *figures)
        Console(width=110).print(table)


async def create(target: Target, first: int, last: int) -> None:
    """Create the Pods with these numbers."""
    step = 5000
    for start in range(first, last, step):
        numbers = range(start, min(start + step, last))
        bodies = [orjson.dumps(pod(number)) for number in numbers]
        made = await rate(target, [message("POST", PODS, body) for body in bodies])
        assert not made.failures


async def cost(
    growth: Growth, server: int, what: str, times: int, work: Callable[[], Awaitable[object]]
) -> None:
    """Note what work of so many requests costs for each."""
    spent, began = cpu(server), time.perf_counter()
    await work()
    each = (cpu(server) - spent) / times * 1e6
    wall = (time.perf_counter() - began) / times * 1e3
    shown = f"{each:,.0f} us" if each < 10_000 else f"{each / 1000:,.0f} ms"
    growth.add(what, shown if times > 100 else f"{shown} ({wall:,.0f} ms)")


async def measure(growth: Growth, target: Target, server: int, size: int) -> None:
    growth.add("memory", memory(server))
    names = [f"{PODS}/pod-{number * 7919 % size:06}" for number in range(2000)]
    await cost(
        growth, server, "GET", 2000, lambda: rate(target, [message("GET", n) for n in names])
    )
    body = orjson.dumps({"metadata": {"annotations": {"size": str(size)}}})
    kind = "application/merge-patch+json"
    patches = [message("PATCH", name, body, kind=kind) for name in names[:1000]]
    await cost(growth, server, "merge patch", 1000, lambda: rate(target, patches))
    extra = [message("POST", PODS, orjson.dumps(pod(9_000_000 + n))) for n in range(1000)]
    await cost(growth, server, "create", 1000, lambda: rate(target, extra))
    where = [f"{PODS}/pod-{9_000_000 + n}?gracePeriodSeconds=0" for n in range(1000)]
    await cost(
        growth, server, "delete", 1000, lambda: rate(target, [message("DELETE", w) for w in where])
    )
    connection = await Connection.open(target)
    for what, path, accept in (
        ("LIST a page of 500", f"{EVERY}?limit=500", ""),
        ("LIST all", EVERY, ""),
        ("LIST all as Table", EVERY, TABLE),
        ("LIST all as metadata", EVERY, METADATA),
        ("LIST 1% by label", f"{EVERY}?labelSelector=shard%3D7", ""),
        ("LIST one by field", f"{EVERY}?fieldSelector=metadata.name%3Dpod-000001", ""),
    ):
        request = message("GET", path, accept=accept)
        ask = connection.call if "Selector" in path else connection.skim
        await cost(growth, server, f"{what}, first", 1, partial(ask, request))
        await cost(growth, server, f"{what}, again", 1, partial(ask, request))
    connection.close()
    watch = message(
        "GET",
        f"{EVERY}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true"
        "&resourceVersionMatch=NotOlderThan",
    )
    listening = await Connection.open(target)
    await cost(growth, server, "watch from the start", 1, lambda: listening.lines(watch, size))
    await cost(growth, server, "merge patch beside a watch", 1000, lambda: rate(target, patches))
    listening.close()
    growth.add("memory after all this", memory(server))


async def run(sizes: list[int]) -> None:
    growth = Growth()
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        await start_up(Report(), here)
        async with api_server(here) as (target, server):
            accounts = "/api/v1/namespaces/default/serviceaccounts"
            await rate(target, [message("POST", accounts, b'{"metadata":{"name":"default"}}')])
            before = 0
            for size in sizes:
                print(f"{size:,} Pods", flush=True)
                await create(target, before, size)
                await measure(growth, target, server, size)
                before = size
    growth.show(sizes)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    uvloop.run(run(options.parse_args().sizes))


if __name__ == "__main__":
    main()
