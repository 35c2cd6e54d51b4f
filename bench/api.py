"""The API server beside its budgets: python -m bench.api [--pods N]; see README.md."""

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import orjson
import uvloop
from rich.console import Console
from rich.table import Table

from bench import baselines
from bench.load import Connection, Target, message, rate
from pinnace.cluster.hostnet import free_port

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
PODS = "/api/v1/namespaces/default/pods"
COMMAND = (sys.executable, "-m", "pinnace.cli.main")


def pod(number: int) -> dict[str, object]:
    """Return a Pod of an everyday size (3.5 kB once it is stored)."""
    env = [{"name": f"SETTING_{at}", "value": f"value-{at}"} for at in range(12)]
    container = {
        "name": "web", "image": "pinnace.local/busybox:stable", "env": env,
        "command": ["sh", "-c", "sleep 1000"],
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
        "livenessProbe": {"httpGet": {"path": "/", "port": "http"}},
    }  # fmt: skip
    labels = {"app": "bench", "shard": str(number % 100), "number": str(number)}
    meta = {"name": f"pod-{number:06}", "labels": labels}
    spec = {"containers": [container], "automountServiceAccountToken": False}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


class Report:
    """Rows of figure, budget and what upstream's server needed for the same."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, str, str]] = []
        self._servers: tuple[int, ...] = ()
        self._spent = 0.0

    def watch(self, *processes: int) -> None:
        """From now on, tell how much CPU the server spent on each row."""
        self._servers = processes or self._servers
        self._spent = sum(map(cpu, self._servers))

    def add(
        self, what: str, figure: str, budget: str = "", peer: str = "", *, times: int = 0
    ) -> None:
        """Add a row; `times` says how many requests the server answered for it."""
        each = ""
        if self._servers:
            before, self._spent = self._spent, sum(map(cpu, self._servers))
            each = _each((self._spent - before) / times) if times else ""
        self.rows.append((what, figure, each, budget, peer))
        print(f"{what}: {figure} {each and f'[{each}]'}", file=sys.stderr)

    def show(self) -> None:
        table = Table(title="API server")
        for column in ("what", "measured", "server CPU", "budget", "upstream, elsewhere"):
            table.add_column(column)
        for row in self.rows:
            table.add_row(*row)
        Console(width=130).print(table)


def _each(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f} us" if seconds < 0.002 else f"{seconds * 1e3:,.1f} ms"


def cpu(process: int) -> float:
    """Return how many seconds of CPU a process has used, in all the threads that it has now."""
    spent = 0
    for task in Path(f"/proc/{process}/task").iterdir():
        with suppress(FileNotFoundError):
            spent += int((task / "schedstat").read_text().split()[0])
    return spent / 1e9


async def start_up(report: Report, here: Path) -> None:
    """Time `pinnace up --nodes none` on a fresh data directory, and stop it again."""
    arguments = ["up", "--nodes", "none", "--data-dir", f"{here}/data"]
    arguments += ["--port", str(free_port("127.0.0.1", 0)), "--kubeconfig", f"{here}/kubeconfig"]
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    async for line in process.stdout:
        text = line.decode().strip()
        found = re.match(r"([\d.]+) s  (.*)", text)
        if found and found[2].startswith("API server ready"):
            report.add("up --nodes none: to /readyz", f"{found[1]} s", "1.0 s", "3.8 s")
        if found and found[2].startswith("ready:"):
            report.add("up --nodes none: all ready", f"{found[1]} s")
            break
        if text.startswith("Error"):
            raise SystemExit(text)
    process.terminate()
    await process.wait()


@asynccontextmanager
async def api_server(here: Path) -> AsyncIterator[tuple[Target, int]]:
    """Run the API server of that data directory alone; controllers would write beside the load."""
    arguments = ["components", "--data-dir", f"{here}/data", "--nodes", "none"]
    with (here / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *COMMAND, *arguments, "apiserver", stdout=log, stderr=log
        )
    try:
        target = Target.from_kubeconfig(here / "kubeconfig")
        await baselines.until_open(target, "the API server")
        yield target, process.pid
    finally:
        process.terminate()
        await process.wait()


def memory(*processes: int) -> str:
    """Return the resident memory of processes, and the most it ever was."""
    texts = [Path(f"/proc/{process}/status").read_text() for process in processes]
    now, most = (
        sum(int(re.search(rf"{name}:\s+(\d+)", text)[1]) / 1024 for text in texts)  # type: ignore[index]
        for name in ("VmRSS", "VmHWM")
    )
    return f"{now:.0f} MiB (peak {most:.0f})"


async def writes(
    target: Target, processes: Sequence[int], pods: int, report: Report, sqlite: float
) -> None:
    """Create Pods, and change some of them in three ways."""
    connection = await Connection.open(target)
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    await connection.call(message("POST", accounts, b'{"metadata":{"name":"default"}}'))
    connection.close()
    bodies = [json.dumps(pod(number)).encode() for number in range(pods)]
    made = await rate(target, [message("POST", PODS, body) for body in bodies])
    report.add(
        "create Pods, 32 connections",
        f"{made.rate:,.0f}/s ({made.rate / sqlite:.2f} of raw SQLite), {made.failures} failed",
        "2,000/s", "509 to 813/s", times=pods,
    )  # fmt: skip
    report.add(f"memory with {pods:,} Pods", memory(*processes), "200 MiB", "760 MiB")
    some = range(min(pods, 2000))
    for what, path, kind, body, peer in (
        ("strategic merge patch", "", "strategic-merge-patch",
         {"metadata": {"annotations": {"bench": "1"}}}, "307 to 484/s"),
        ("status patch", "/status", "merge-patch", {"status": {"phase": "Running"}},
         "296 to 408/s"),
        ("server-side apply", "?fieldManager=bench&force=true", "apply-patch", None,
         "666 to 766/s"),
    ):  # fmt: skip
        requests = []
        for number in some:
            wanted = body or {
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": f"pod-{number:06}", "labels": {"applied": "yes"}},
            }  # fmt: skip
            ending = "yaml" if kind == "apply-patch" else "json"
            requests.append(
                message("PATCH", f"{PODS}/pod-{number:06}{path}", orjson.dumps(wanted),
                        kind=f"application/{kind}+{ending}")
            )  # fmt: skip
        done = await rate(target, requests)
        report.add(
            what, f"{done.rate:,.0f}/s, {done.failures} failed", "1,500/s", peer, times=len(some)
        )


async def reads(target: Target, report: Report) -> None:
    connection = await Connection.open(target)
    _, body = await connection.call(message("GET", f"{PODS}/pod-000000"))
    report.watch()
    got = await rate(target, [message("GET", f"{PODS}/pod-000000")] * 20000)
    nginx = await baselines.nginx_rate(body, 20000)
    beside = f" ({got.rate / nginx:.2f} of nginx)" if nginx else ""
    report.add(
        "GET one Pod over TLS, 32 connections", f"{got.rate:,.0f}/s{beside}", "8,000/s",
        "1,433 to 1,998/s", times=20000,
    )  # fmt: skip
    every = "/api/v1/pods"
    for what, path, accept, budget, peer in (
        ("LIST all", every, "", "50 ms", "463 to 495 ms"),
        ("LIST all as Table", every, TABLE, "80 ms", "255 to 374 ms"),
        ("LIST all as metadata", every, METADATA, "60 ms", "189 to 197 ms"),
        ("LIST 1% by label", f"{every}?labelSelector=shard%3D7", "", "5 ms", "21 ms"),
    ):
        took = []
        for _ in range(5):
            began = time.perf_counter()
            asked = message("GET", path, accept=accept)
            if path == every:
                size = await connection.skim(asked)
            else:
                size = len((await connection.call(asked))[1])
            took.append((time.perf_counter() - began) * 1000)
        figure = f"{min(took):.0f} ms best of 5, first {took[0]:.0f} ({size / 1e6:.1f} MB)"
        report.add(what, figure, budget, peer, times=5)
    opened = await asyncio.gather(*(Connection.open(target) for _ in range(16)))
    began = time.perf_counter()
    await asyncio.gather(*(one.skim(message("GET", every)) for one in opened))
    took16 = (time.perf_counter() - began) * 1000
    report.add(
        "16 such LISTs at once", f"{took16:,.0f} ms", "800 ms", "8,700 to 13,300 ms", times=1
    )
    for one in (*opened, connection):
        one.close()


async def watches(target: Target, report: Report) -> None:
    """300 watchers; from the start of a write to the arrival of its event at each of them."""
    connection = await Connection.open(target)
    path = "/api/v1/namespaces/default/configmaps"
    request = message("GET", f"{path}?watch=true&fieldSelector=metadata.name%3Dbench")
    writes_ = 20
    opened = await asyncio.gather(*(Connection.open(target) for _ in range(300)))
    listening = [asyncio.create_task(one.lines(request, writes_)) for one in opened]
    await asyncio.sleep(2)
    report.watch()
    began = []
    for number in range(writes_):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bench"},
                "data": {"n": str(number)}}  # fmt: skip
        sent = (
            message("POST", path, orjson.dumps(body))
            if number == 0
            else message("PUT", f"{path}/bench", orjson.dumps(body))
        )
        began.append(time.perf_counter())
        status, answer = await connection.call(sent)
        assert status in (200, 201), answer
        await asyncio.sleep(0.1)
    arrived = await asyncio.gather(*listening)
    delays = sorted(
        (at - start) * 1000 for times in arrived for start, at in zip(began, times, strict=True)
    )
    middle, late = delays[len(delays) // 2], delays[int(len(delays) * 0.99)]
    report.add(
        "event to 300 watchers, p50 and p99", f"{middle:.1f} and {late:.1f} ms", "6 and 15 ms",
        "18 and 33 to 41 ms", times=writes_,
    )  # fmt: skip
    for one in (*opened, connection):
        one.close()


async def run_against(kubeconfig: Path, processes: Sequence[int], pods: int) -> None:
    """Measure a server that runs already, as upstream's beside its etcd."""
    report = Report()
    target = Target.from_kubeconfig(kubeconfig)
    with tempfile.TemporaryDirectory() as name:
        sqlite = baselines.sqlite_rate(os.urandom(3500), Path(name))
    await load(target, processes, pods, report, sqlite)
    report.show()


async def run(pods: int) -> None:
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        await start_up(report, here)
        sqlite = baselines.sqlite_rate(os.urandom(3500), here)
        async with api_server(here) as (target, process):
            await load(target, (process,), pods, report, sqlite)
    report.show()


async def load(
    target: Target, processes: Sequence[int], pods: int, report: Report, sqlite: float
) -> None:
    """Measure everything that a running API server is held to."""
    report.watch(*processes)
    report.add("memory idle", memory(*processes), "100 MiB", "324 MiB")
    await writes(target, processes, pods, report, sqlite)
    await reads(target, report)
    connection = await Connection.open(target)
    for _ in range(20):
        await connection.call(message("GET", "/api/v1/pods"))
    report.add("memory after 20 full lists", memory(*processes), "250 MiB", "1,823 MiB")
    await watches(target, report)
    began = time.perf_counter()
    status, body = await connection.call(message("DELETE", PODS))
    took = time.perf_counter() - began
    assert status == 200, body[:300]
    report.add(
        f"delete a collection of {pods:,}",
        f"{pods / took:,.0f}/s",
        "2,000/s",
        "216 to 286/s",
        times=pods,
    )
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=10000)
    parser.add_argument("--kubeconfig", type=Path, help="measure the server that this names")
    parser.add_argument("--process", type=int, nargs="+", default=(), help="and these are its own")
    given = parser.parse_args()
    if given.kubeconfig:
        uvloop.run(run_against(given.kubeconfig, given.process, given.pods))
    else:
        uvloop.run(run(given.pods))


if __name__ == "__main__":
    main()
