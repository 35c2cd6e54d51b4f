"""`pinnace proxy`."""

from pathlib import Path

import click

from pinnace.cli.commands import alone
from pinnace.cli.commands.base import data_dir_option, one_line_errors
from pinnace.cluster.components.proxy import forward


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
    """Run a node's Service proxy alone; --data-dir is that of the node's kubelet."""
    connection = alone.connection(kubeconfig, server)
    config = alone.facts(
        data_dir, node_name=node_name, pod_cidr=cluster_cidr, service_cidr=service_cidr
    )
    alone.run("proxy", lambda around, ready: forward(around, connection, config, ready=ready))
