"""`pinnace kubelet`."""

from pathlib import Path

import click

from pinnace.cli.commands import alone
from pinnace.cli.commands.base import data_dir_option, one_line_errors
from pinnace.cluster.components.kubelet import keep_node
from pinnace.cluster.config import ConfigError
from pinnace.kit.x509 import KeyPair


@click.command()
@data_dir_option
@alone.kubeconfig_option
@alone.server_option
@alone.node_name_option
@alone.cluster_cidr_option
@alone.service_cidr_option
@one_line_errors
def command(
    data_dir: Path,
    kubeconfig: Path | None,
    server: str | None,
    node_name: str | None,
    cluster_cidr: str | None,
    service_cidr: str | None,
) -> None:
    """Run this machine as a node of a cluster, with a private containerd.

    The client certificate of the kubeconfig serves the API server's requests too (logs, exec).
    """
    connection = alone.connection(kubeconfig, server)
    if not connection.certificate:
        raise ConfigError("a kubelet needs a kubeconfig with a client certificate")
    config = alone.facts(
        data_dir, node_name=node_name, pod_cidr=cluster_cidr, service_cidr=service_cidr
    )
    pair = KeyPair(connection.certificate, connection.key)
    alone.run(
        "kubelet",
        lambda around, ready: keep_node(around, connection, config, pair, ready=ready),
    )
