"""`pinnace status`."""

import asyncio
import sys
from pathlib import Path

import click

from pinnace.api.errors import ApiError
from pinnace.api.kinds.core import NODES
from pinnace.api.objects import Object, condition
from pinnace.api.simulated import is_simulated
from pinnace.cli.commands.base import data_dir_option, one_line_errors
from pinnace.client import kubeconfig
from pinnace.cluster import config as configs
from pinnace.cluster import instance


@click.command()
@data_dir_option
@one_line_errors
def command(data_dir: Path) -> None:
    """Say what runs, and how to use it; exit status 3 when nothing does."""
    config = configs.load(data_dir)
    if config is None:
        click.echo(f"there is no cluster in {data_dir}")
        sys.exit(3)
    pid = instance.holder(config.run_dir)
    if pid is None:
        click.echo(f"the cluster in {data_dir} is stopped: `pinnace up` starts it")
        sys.exit(3)
    path = Path((config.run_dir / "kubeconfig-path").read_text())
    click.echo(f"running: process {pid}, data in {data_dir}, logs in {config.log_dir}")
    try:
        nodes = asyncio.run(_nodes(path))
    except ApiError as error:
        click.echo(f"the API server at {config.local_url} does not answer: {error}")
        sys.exit(1)
    click.echo(f"API server: {config.local_url}")
    for node in nodes:
        ready = condition(node, "Ready") or {}
        word = "Ready" if ready.get("status") == "True" else "NotReady"
        kind = " (simulated)" if is_simulated(node) else ""
        click.echo(f"node {node['metadata']['name']}: {word}{kind}")
    click.echo(f"use it: export KUBECONFIG={path}")


async def _nodes(path: Path) -> list[Object]:
    client = kubeconfig.load(path).client()
    try:
        listed = await client.list(NODES)
    finally:
        await client.close()
    return list(listed["items"])
