"""`pinnace kubelet`."""

import click

from pinnace.cli.commands import alone
from pinnace.client.kubeconfig import Config
from pinnace.cluster.components.kubelet import keep_node
from pinnace.cluster.config import ClusterConfig, ConfigError
from pinnace.kit.x509 import KeyPair


@click.command()
@alone.node_name_option
@alone.with_facts
def command(connection: Config, config: ClusterConfig) -> None:
    """Run this machine as a node of a cluster, with a private containerd.

    The client certificate of the kubeconfig serves the API server's requests too (logs, exec).
    """
    if not connection.certificate:
        raise ConfigError("a kubelet needs a kubeconfig with a client certificate")
    pair = KeyPair(connection.certificate, connection.key)
    alone.run(
        "kubelet",
        lambda around, ready: keep_node(around, connection, config, pair, ready=ready),
    )
