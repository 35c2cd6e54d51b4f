"""Simulated nodes."""

from pinnace.cluster.components.base import Place
from pinnace.cluster.config import simulated_nodes
from pinnace.cluster.credentials import config_for
from pinnace.cluster.surroundings import Ready, Surroundings
from pinnace.sim.config import SimConfig
from pinnace.sim.service import run_sim


async def run(place: Place, around: Surroundings, ready: Ready) -> None:
    """Play kubelet for the simulated nodes of a data directory's cluster.

    In one process with the controllers it shares their informers.
    """
    clients = place.pki.clients
    informers_of = "controller-manager" if "controller-manager" in place.names else "sim"
    await run_sim(
        around.client(config_for(place.config, place.pki, clients["sim"]), component="sim"),
        await around.informers(config_for(place.config, place.pki, clients[informers_of])),
        around.clock,
        SimConfig(nodes=simulated_nodes(place.config.nodes)),
        ready=ready,
    )
