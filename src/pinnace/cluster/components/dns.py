"""The cluster's names."""

from pinnace.client.kubeconfig import Config
from pinnace.cluster.components.base import Place
from pinnace.cluster.config import ClusterConfig
from pinnace.cluster.credentials import config_for
from pinnace.cluster.hostnet import free_port
from pinnace.cluster.surroundings import Ready, Surroundings
from pinnace.dns.service import DnsConfig, run_dns

PORT = 10053


async def run(place: Place, around: Surroundings, ready: Ready) -> None:
    """Answer the names of a data directory's cluster."""
    connection = config_for(place.config, place.pki, place.pki.clients["dns"])
    await answer(around, connection, place.config, ready=ready)


async def answer(
    around: Surroundings, connection: Config, config: ClusterConfig, *, ready: Ready
) -> None:
    """Answer the names of any cluster, for its Pods and this machine only."""
    settings = DnsConfig(
        domain=config.domain,
        host=config.advertise,
        port=free_port(config.advertise, PORT),
        cluster_ip=config.dns_ip,
        allowed=(config.pod_cidr, config.service_cidr, f"{config.advertise}/32", "127.0.0.0/8"),
        node=config.node_name,
    )
    client = around.client(connection, component="dns")
    await run_dns(client, await around.informers(connection), around.clock, settings, ready=ready)
