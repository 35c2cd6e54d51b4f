"""`pinnace dns`."""

from pathlib import Path

import click

from pinnace.cli.commands import alone
from pinnace.cli.commands.base import data_dir_option, one_line_errors
from pinnace.cluster.components.dns import answer


@click.command()
@data_dir_option
@alone.kubeconfig_option
@alone.server_option
@click.option("--domain", help="The cluster's domain [cluster.local].")
@alone.cluster_cidr_option
@alone.service_cidr_option
@one_line_errors
def command(
    data_dir: Path,
    kubeconfig: Path | None,
    server: str | None,
    domain: str | None,
    cluster_cidr: str | None,
    service_cidr: str | None,
) -> None:
    """Run the cluster DNS alone, for Pods of --cluster-cidr and this machine."""
    connection = alone.connection(kubeconfig, server)
    config = alone.facts(data_dir, domain=domain, pod_cidr=cluster_cidr, service_cidr=service_cidr)
    alone.run("dns", lambda around, ready: answer(around, connection, config, ready=ready))
