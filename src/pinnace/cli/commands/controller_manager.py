"""`pinnace controller-manager`."""

from pathlib import Path

import click

from pinnace.cli.commands import alone
from pinnace.cli.commands.base import one_line_errors
from pinnace.cluster.components.controller_manager import control


@click.command()
@alone.kubeconfig_option
@alone.server_option
@alone.cluster_cidr_option
@alone.leader_elect_option
@click.option(
    "--use-service-account-credentials/--no-use-service-account-credentials",
    "own_accounts",
    default=True,
    show_default=True,
    help="Let each controller act as a service account of its own.",
)
@one_line_errors
def command(
    kubeconfig: Path | None,
    server: str | None,
    cluster_cidr: str | None,
    *,
    leader_elect: bool,
    own_accounts: bool,
) -> None:
    """Run the controllers alone; nodes get Pod ranges of --cluster-cidr, if it is given."""
    connection = alone.connection(kubeconfig, server)
    alone.run(
        "controller-manager",
        lambda around, ready: control(
            around,
            connection,
            pod_cidr=cluster_cidr or "",
            leader_elect=leader_elect,
            own_accounts=own_accounts,
            ready=ready,
        ),
    )
