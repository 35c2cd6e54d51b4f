"""The API server, on the store of the data directory."""

from pinnace.cluster.components.base import Place
from pinnace.cluster.server import serve
from pinnace.cluster.surroundings import Ready, Surroundings


async def run(place: Place, around: Surroundings, ready: Ready) -> None:
    """Serve until cancelled."""
    await serve(place.config, place.pki, around.clock, ready=ready)
