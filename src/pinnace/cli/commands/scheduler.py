"""`pinnace scheduler`."""

from pathlib import Path

import click

from pinnace.cli.commands import alone
from pinnace.cli.commands.base import one_line_errors
from pinnace.cluster.components.scheduler import schedule


@click.command()
@alone.kubeconfig_option
@alone.server_option
@alone.leader_elect_option
@one_line_errors
def command(kubeconfig: Path | None, server: str | None, leader_elect: bool) -> None:
    """Run the scheduler alone."""
    connection = alone.connection(kubeconfig, server)
    alone.run(
        "scheduler",
        lambda around, ready: schedule(
            around, connection, informers_of=connection, leader_elect=leader_elect, ready=ready
        ),
    )
