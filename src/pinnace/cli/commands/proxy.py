"""`pinnace proxy`."""

import click

from pinnace.cli.commands import alone
from pinnace.client.kubeconfig import Config
from pinnace.cluster.components.proxy import forward
from pinnace.cluster.config import ClusterConfig


@click.command()
@alone.node_name_option
@alone.with_facts
def command(connection: Config, config: ClusterConfig) -> None:
    """Run a node's Service proxy alone; --data-dir is that of the node's kubelet."""
    alone.run("proxy", lambda around, ready: forward(around, connection, config, ready=ready))
