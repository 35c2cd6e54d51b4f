"""The Services' rules of this machine."""

from pinnace.client.kubeconfig import Config
from pinnace.cluster.components.base import Place
from pinnace.cluster.config import ClusterConfig
from pinnace.cluster.credentials import config_for
from pinnace.cluster.nodehost import NodeHost
from pinnace.cluster.surroundings import Ready, Surroundings
from pinnace.proxy import nft
from pinnace.proxy.service import ProxyConfig, run_proxy


async def run(place: Place, around: Surroundings, ready: Ready) -> None:
    """Keep the rules of a data directory's cluster."""
    connection = config_for(place.config, place.pki, place.pki.clients["proxy"])
    await forward(around, connection, place.config, ready=ready)


async def forward(
    around: Surroundings, connection: Config, config: ClusterConfig, *, ready: Ready
) -> None:
    """Keep the rules of any cluster."""
    host = NodeHost(config)
    settings = ProxyConfig(
        node=config.node_name,
        table=host.service_table,
        bridge=host.bridge,
        pod_cidr=config.pod_cidr,
        service_cidr=config.service_cidr,
    )
    informers = await around.informers(connection)
    await run_proxy(informers, around.clock, settings, nft.find(), ready=ready)
