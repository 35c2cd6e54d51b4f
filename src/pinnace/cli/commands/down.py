"""`pinnace down`."""

import asyncio
from pathlib import Path

import click

from pinnace.cli.commands.base import data_dir_option, one_line_errors
from pinnace.cluster import config as configs
from pinnace.cluster import instance, teardown


@click.command()
@data_dir_option
@click.option("--keep-pods", is_flag=True, help="Leave containers and their network running.")
@one_line_errors
def command(data_dir: Path, keep_pods: bool) -> None:
    """Stop a cluster and its Pods; its data stays."""
    config = configs.load(data_dir)
    if config is None:
        click.echo(f"there is no cluster in {data_dir}")
        return
    stopped = instance.stop(config.run_dir)
    said = "stopped Pinnace" if stopped else "Pinnace was not running"
    click.echo(f"{said}; the Pods keep running" if keep_pods else said)
    if keep_pods:
        return
    for line in asyncio.run(teardown.stop_node(config)):
        click.echo(line)
