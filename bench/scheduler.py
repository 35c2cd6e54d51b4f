"""Decisions a second of the scheduler alone: no API, no informers, one pod after the other.

    python bench/scheduler.py [--nodes 5000] [--pods 10000] [--only NAME] [--profile]

Each workload starts from empty nodes in ten zones; every decided pod is assumed on its node before
the next is decided. "pods read" includes reading the pod (`pod_info`), as the service does.
"""

import argparse
import cProfile
import pstats
import random
import time
from collections.abc import Callable
from typing import Any

from pinnace.scheduler.cycle import Chosen, decide
from pinnace.scheduler.mirror import Mirror
from pinnace.scheduler.plugins.table import FILTERS, SCORES
from pinnace.scheduler.podinfo import pod_info

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def node(number: int) -> dict[str, Any]:
    name = f"node-{number}"
    return {
        "metadata": {"name": name, "labels": {HOST: name, ZONE: f"zone-{number % 10}"}},
        "spec": {},
        "status": {"allocatable": {"cpu": "8", "memory": "32Gi", "pods": "110"}},
    }


def pod(number: int, app: str, **spec: Any) -> dict[str, Any]:
    asked = {"requests": {"cpu": "100m", "memory": "128Mi"}}
    return {
        "metadata": {
            "namespace": "bench", "name": f"p{number}", "uid": f"u{number}", "labels": {"app": app}
        },
        "spec": {"containers": [{"name": "c", "image": "i", "resources": asked}], **spec},
    }  # fmt: skip


def basic(number: int) -> dict[str, Any]:
    return pod(number, "basic")


def anti_affinity(number: int) -> dict[str, Any]:
    """Groups of 2,500 replicas, no two of a group on one node."""
    app = f"anti-{number // 2500}"
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": HOST}
    return pod(number, app, affinity={"podAntiAffinity": {REQUIRED: [term]}})


def affinity(number: int) -> dict[str, Any]:
    """Groups of 1,000 replicas, all of a group in one zone."""
    app = f"near-{number // 1000}"
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": ZONE}
    return pod(number, app, affinity={"podAffinity": {REQUIRED: [term]}})


def spread(number: int) -> dict[str, Any]:
    app = f"spread-{number // 1000}"
    constraint = {
        "topologyKey": ZONE,
        "maxSkew": 1,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": app}},
    }
    return pod(number, app, topologySpreadConstraints=[constraint])


WORKLOADS: dict[str, Callable[[int], dict[str, Any]]] = {
    "basic": basic,
    "required anti-affinity (hostname)": anti_affinity,
    "required affinity (zone)": affinity,
    "topology spread (zone)": spread,
}


def run(workload: Callable[[int], dict[str, Any]], nodes: int, pods: int) -> tuple[float, int]:
    mirror = Mirror(
        scheduler_name="default-scheduler", now=lambda: 0.0, namespaces_matching=lambda _: ()
    )
    for number in range(nodes):
        mirror.node_changed(None, node(number))
    dice = random.Random(1)
    wanted = [workload(number) for number in range(pods)]
    placed = 0
    began = time.perf_counter()
    for each in wanted:
        info = pod_info(each)
        decided = decide(info, mirror.state, filters=FILTERS, scores=SCORES, random=dice.random)
        if isinstance(decided, Chosen):
            mirror.assume(info, decided.node)
            placed += 1
    return time.perf_counter() - began, placed


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--nodes", type=int, default=5000)
    options.add_argument("--pods", type=int, default=10000)
    options.add_argument("--only", default="")
    options.add_argument("--profile", action="store_true")
    given = options.parse_args()
    print(f"{given.nodes} nodes, {given.pods} pods")
    print(f"{'workload':36} {'placed':>7} {'seconds':>8} {'pods/s':>8}")
    for name, workload in WORKLOADS.items():
        if given.only and given.only not in name:
            continue
        profile = cProfile.Profile()
        if given.profile:
            profile.enable()
        seconds, placed = run(workload, given.nodes, given.pods)
        profile.disable()
        print(f"{name:36} {placed:7} {seconds:8.2f} {given.pods / seconds:8.0f}")
        if given.profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(14)


if __name__ == "__main__":
    main()
