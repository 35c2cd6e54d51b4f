"""How long simulated nodes take to be Ready and their pods to run, through the API server.

    python bench/simulated.py [--nodes 5000] [--pods 10000] [--profile]

Everything is in one process and the store in memory: this is what a test or a laptop sees.
"""

import argparse
import asyncio
import cProfile
import pstats
import time
from collections.abc import Callable

from pinnace import Cluster
from pinnace.api.kinds.apps import DEPLOYMENTS
from pinnace.api.kinds.core import NODES, PODS
from pinnace.api.objects import Key, Object, key_of
from pinnace.api.resources import Resource
from pinnace.client.informer import SharedInformers

_GROUPS = 10


def is_ready(node: Object) -> bool:
    conditions = node["status"].get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def is_running(pod: Object) -> bool:
    return bool(pod["status"].get("phase") == "Running")


async def until(
    informers: SharedInformers, resource: Resource, wanted: Callable[[Object], bool], number: int
) -> None:
    """Wait until so many objects are as wanted."""
    found: set[Key] = set()
    enough = asyncio.Event()

    def changed(_type: str, _old: Object | None, new: Object | None) -> None:
        if new is not None and wanted(new):
            found.add(key_of(new))
            if len(found) >= number:
                enough.set()

    remove = informers.informer(resource).add_handler(changed)
    await enough.wait()
    remove()


def deployment(number: int, replicas: int) -> Object:
    labels = {"app": f"bench-{number}"}
    asked = {"requests": {"cpu": "100m", "memory": "64Mi"}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"bench-{number}", "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": "i", "resources": asked}]},
            },
        },
    }


async def measure(nodes: int, pods: int) -> None:
    began = time.perf_counter()
    async with (
        Cluster(nodes=nodes) as cluster,
        SharedInformers(cluster.client, cluster.clock) as informers,
    ):
        await until(informers, NODES, is_ready, nodes)
        print(f"{nodes} nodes Ready after {time.perf_counter() - began:.1f} s", flush=True)
        began = time.perf_counter()
        for number in range(_GROUPS):
            await cluster.client.create(DEPLOYMENTS, deployment(number, pods // _GROUPS))
        await until(informers, PODS, is_running, pods // _GROUPS * _GROUPS)
        print(f"{pods} pods Running after {time.perf_counter() - began:.1f} s", flush=True)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--nodes", type=int, default=5000)
    options.add_argument("--pods", type=int, default=10000)
    options.add_argument("--profile", action="store_true")
    given = options.parse_args()
    profile = cProfile.Profile()
    if given.profile:
        profile.enable()
    asyncio.run(measure(given.nodes, given.pods))
    profile.disable()
    if given.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(35)


if __name__ == "__main__":
    main()
