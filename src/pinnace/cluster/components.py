"""The components of a data directory's cluster, a row each, and how several run in one process."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from pinnace.cluster import running
from pinnace.cluster.config import ClusterConfig, ConfigError, simulated_nodes
from pinnace.cluster.credentials import config_for
from pinnace.cluster.nodehost import NodeHost
from pinnace.cluster.pki import Pki, ensure, ensure_kubelet
from pinnace.cluster.server import serve
from pinnace.cluster.supervisor import say_ready
from pinnace.cluster.surroundings import Ready, Surroundings, surroundings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a component starts: the cluster, its certificates, and who else is in the process."""

    config: ClusterConfig
    pki: Pki
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Component:
    """One row: upstream's name for it without "kube-", and what runs it."""

    name: str
    run: Callable[[Place, Surroundings, Ready], Awaitable[None]]


async def _apiserver(place: Place, around: Surroundings, ready: Ready) -> None:
    await serve(place.config, place.pki, around.clock, ready=ready)


async def _controller_manager(place: Place, around: Surroundings, ready: Ready) -> None:
    await running.controller_manager(
        around,
        config_for(place.config, place.pki, place.pki.clients["controller-manager"]),
        pod_cidr=place.config.pod_cidr,
        leader_elect=False,
        identity=socket.gethostname(),
        ready=ready,
    )


async def _scheduler(place: Place, around: Surroundings, ready: Ready) -> None:
    clients = place.pki.clients
    together = "controller-manager" in place.names
    shared = config_for(place.config, place.pki, clients["controller-manager"])
    await running.scheduler(
        around,
        config_for(place.config, place.pki, clients["scheduler"]),
        informers_of=shared if together else None,
        leader_elect=False,
        identity=socket.gethostname(),
        ready=ready,
    )


async def _sim(place: Place, around: Surroundings, ready: Ready) -> None:
    connection = config_for(place.config, place.pki, place.pki.clients["controller-manager"])
    nodes = simulated_nodes(place.config.nodes)
    await running.sim(around, connection, nodes=nodes, ready=ready)


async def _kubelet(place: Place, around: Surroundings, ready: Ready) -> None:
    config = place.config
    pair = ensure_kubelet(config.data_dir / "pki", place.pki.authority, config, datetime.now(UTC))
    connection = config_for(config, place.pki, pair)
    await running.kubelet(around, connection, config, serving=pair, ready=ready)


async def _proxy(place: Place, around: Surroundings, ready: Ready) -> None:
    config = place.config
    host = NodeHost(config)
    await running.proxy(
        around,
        config_for(config, place.pki, place.pki.clients["proxy"]),
        node=config.node_name,
        bridge=host.bridge,
        table=host.service_table,
        pod_cidr=config.pod_cidr,
        service_cidr=config.service_cidr,
        ready=ready,
    )


async def _dns(place: Place, around: Surroundings, ready: Ready) -> None:
    connection = config_for(place.config, place.pki, place.pki.clients["dns"])
    settings = running.dns_config(place.config)
    await running.dns(around, connection, config=settings, ready=ready)


COMPONENTS = (
    Component("apiserver", _apiserver),
    Component("controller-manager", _controller_manager),
    Component("scheduler", _scheduler),
    Component("sim", _sim),
    Component("kubelet", _kubelet),
    Component("proxy", _proxy),
    Component("dns", _dns),
)


async def run(config: ClusterConfig, names: tuple[str, ...]) -> None:
    """Run components of a data directory in this process until SIGTERM or SIGINT.

    Should one of them fail, all end, and the process with them: its supervisor starts it anew.
    """
    chosen = [row for row in COMPONENTS if row.name in names]
    if len(chosen) != len(names):
        raise ConfigError(f"there is no component among: {' '.join(names)}")
    os.umask(0o077)
    place = Place(config, ensure(config.data_dir / "pki", config, datetime.now(UTC)), names)
    async with surroundings() as around:
        await until_signal([row.run(place, around, partial(say_ready, row.name)) for row in chosen])


async def until_signal(works: list[Awaitable[None]]) -> None:
    """Run coroutines together until SIGINT or SIGTERM cancels them, or one fails."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    running_ = [asyncio.ensure_future(work) for work in works]
    stopping = asyncio.ensure_future(stop.wait())
    try:
        done, _ = await asyncio.wait((*running_, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*running_, stopping):
            task.cancel()
        await asyncio.gather(*running_, stopping, return_exceptions=True)
    for task in done:
        if task is not stopping:
            task.result()
