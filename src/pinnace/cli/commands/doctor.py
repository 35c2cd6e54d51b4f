"""`pinnace doctor`."""

import asyncio
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from pinnace.cli.commands.base import data_dir_option, one_line_errors
from pinnace.cluster import config as configs
from pinnace.cluster import instance
from pinnace.node import host
from pinnace.node.host import Check


@click.command()
@data_dir_option
@click.option("--port", type=click.IntRange(1, 65535), default=6443, show_default=True)
@one_line_errors
def command(data_dir: Path, port: int) -> None:
    """Say what this machine lacks, and what to do about it; exit status 1 if anything needed."""
    if sys.platform != "linux":
        click.echo("containers run on Linux only; `pinnace up --nodes sim:1` works here")
        sys.exit(1)
    checks = asyncio.run(host.examine(data=data_dir))
    listening = _check_port(data_dir, port)
    table = Table(box=None, pad_edge=False, show_header=False)
    for check in (*checks, listening):
        word = "ok" if check.ok else ("MISSING" if check.required else "note")
        style = "green" if check.ok else ("red" if check.required else "yellow")
        told = check.text if check.ok or not check.remedy else f"{check.text}\n→ {check.remedy}"
        table.add_row(f"[{style}]{word}[/{style}]", check.name, told)
    Console(soft_wrap=True).print(table)
    failed = host.failed(checks)
    if failed:
        click.echo(f"\n{len(failed)} thing(s) keep real containers from running here;")
        click.echo("without them `pinnace up` starts one simulated node")
        sys.exit(1)
    click.echo("\nreal containers can run here")
    if not listening.ok:
        click.echo(f"port {port} is for somebody else: `pinnace up --port` takes another")
        sys.exit(1)


def _check_port(data_dir: Path, port: int) -> Check:
    """Judge a port; the one that the cluster of the data directory listens on is as it should."""
    config = configs.load(data_dir)
    ours = config is not None and config.port == port and instance.holder(config.run_dir)
    return Check(f"port {port}", True, "used by this cluster") if ours else host.check_port(port)
