"""The scheduler."""

import asyncio
import socket

from pinnace.client.events import EventRecorder
from pinnace.client.kubeconfig import Config
from pinnace.client.leases import LeaderElector
from pinnace.cluster.components.base import Place
from pinnace.cluster.credentials import config_for
from pinnace.cluster.surroundings import Ready, Surroundings
from pinnace.kit.uids import new_uid
from pinnace.scheduler.service import SchedulerConfig, run_scheduler


async def run(place: Place, around: Surroundings, ready: Ready) -> None:
    """Schedule a data directory's cluster.

    In one process with the controllers it shares their informers: Pods are kept once.
    """
    clients = place.pki.clients
    informers_of = "controller-manager" if "controller-manager" in place.names else "scheduler"
    await schedule(
        around,
        config_for(place.config, place.pki, clients["scheduler"]),
        informers_of=config_for(place.config, place.pki, clients[informers_of]),
        leader_elect=False,
        ready=ready,
    )


async def schedule(
    around: Surroundings,
    connection: Config,
    *,
    informers_of: Config,
    leader_elect: bool,
    ready: Ready,
) -> None:
    """Schedule any cluster."""
    client = around.client(connection, component="scheduler")
    informers = await around.informers(informers_of)
    events = EventRecorder(client, around.clock, component="default-scheduler")

    async def lead() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(events.run())
            await run_scheduler(
                client, informers, around.clock, events, SchedulerConfig(), ready=ready
            )

    if not leader_elect:
        await lead()
        return
    identity = f"{socket.gethostname()}_{new_uid()}"
    elector = LeaderElector(client, around.clock, name="kube-scheduler", identity=identity)
    await elector.run(lead)
