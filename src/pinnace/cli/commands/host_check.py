"""`pinnace host-check`: what `pinnace up` asks before it starts a real node."""

from pathlib import Path

import click

from pinnace.cli.commands.base import data_dir_option
from pinnace.cluster import requirements


@click.command()
@data_dir_option
def command(data_dir: Path) -> None:
    """Print what this machine lacks for a real node, a line each."""
    for line in requirements.missing(data_dir):
        click.echo(line)
