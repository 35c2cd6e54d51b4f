"""Simulated nodes."""

from pinnace.cluster.components.base import Place
from pinnace.cluster.config import simulated_nodes
from pinnace.cluster.credentials import config_for
from pinnace.cluster.surroundings import Ready, Surroundings
from pinnace.sim.config import SimConfig
from pinnace.sim.service import run_sim


async def run(place: Place, around: Surroundings, ready: Ready) -> None:
    """Play kubelet for the simulated nodes of a data directory's cluster."""
    connection = config_for(place.config, place.pki, place.pki.clients["controller-manager"])
    await run_sim(
        around.client(connection, component="sim"),
        await around.informers(connection),
        around.clock,
        SimConfig(nodes=simulated_nodes(place.config.nodes)),
        ready=ready,
    )
