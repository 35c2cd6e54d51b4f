"""Pods scheduled a second over TLS: API server and scheduler each in a process of its own.

    python -m bench.binding [--nodes 5000] [--pods 5000]

Nodes and Pods are there before the scheduler starts; the clock runs from the first binding to the
last, as the Pods' own events in a watch tell.
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import orjson
import uvloop

from bench.api import COMMAND, PODS, Report, api_server, cpu, start_up
from bench.load import Connection, Target, message, rate
from bench.scheduler import WORKLOADS, node

NODES = "/api/v1/nodes"


async def fill(target: Target, nodes: int, pods: int, workload: str) -> None:
    """Create Nodes that are as good as ready, and Pods that wait for one."""
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    await rate(target, [message("POST", accounts, b'{"metadata":{"name":"default"}}')])
    made = await rate(target, [message("POST", NODES, orjson.dumps(node(n))) for n in range(nodes)])
    waiting = []
    for number in range(pods):
        pod = WORKLOADS[workload](number)
        pod["metadata"] = {"name": pod["metadata"]["name"], "labels": pod["metadata"]["labels"]}
        # New Nodes carry the taint of those that are not ready yet, and nobody here removes it.
        pod["spec"]["tolerations"] = [{"operator": "Exists"}]
        waiting.append(message("POST", PODS, orjson.dumps(pod)))
    also = await rate(target, waiting)
    assert not made.failures + also.failures, (made, also)


async def bound(target: Target, pods: int) -> list[float]:
    """Return when each Pod got its node."""
    connection = await Connection.open(target)
    # A Pod that gets a node begins to be selected: one event each, and none before.
    path = f"{PODS}?watch=true&resourceVersion=0&fieldSelector=spec.nodeName%21%3D"
    times = await connection.lines(message("GET", path), pods)
    connection.close()
    return times


async def run(nodes: int, pods: int, workload: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        await start_up(Report(), here)
        async with api_server(here) as (target, server):
            await fill(target, nodes, pods, workload)
            watching = asyncio.create_task(bound(target, pods))
            spent = cpu(server)
            began = time.perf_counter()
            scheduler = await asyncio.create_subprocess_exec(
                *COMMAND, "components", "--data-dir", f"{here}/data", "scheduler"
            )
            try:
                times = await watching
                each = cpu(scheduler.pid) / pods * 1e6
                print(
                    f"{workload}: {pods} Pods on {nodes} nodes: "
                    f"{pods / (times[-1] - times[0]):,.0f}/s; "
                    f"first after {times[0] - began:.1f} s; CPU a Pod: scheduler {each:,.0f} us "
                    f"(with its start), API server {(cpu(server) - spent) / pods * 1e6:,.0f} us"
                )
            finally:
                scheduler.terminate()
                await scheduler.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--pods", type=int, default=5000)
    parser.add_argument("--only", default="", help="workloads with this in their name")
    given = parser.parse_args()
    for workload in WORKLOADS:
        if given.only in workload:
            uvloop.run(run(given.nodes, given.pods, workload))


if __name__ == "__main__":
    main()
