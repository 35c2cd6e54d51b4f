"""`pinnace dns`."""

import click

from pinnace.cli.commands import alone
from pinnace.client.kubeconfig import Config
from pinnace.cluster.components.dns import answer
from pinnace.cluster.config import ClusterConfig


@click.command()
@click.option("--domain", help="The cluster's domain [cluster.local].")
@alone.with_facts
def command(connection: Config, config: ClusterConfig) -> None:
    """Run the cluster DNS alone, for Pods of --cluster-cidr and this machine."""
    alone.run("dns", lambda around, ready: answer(around, connection, config, ready=ready))
