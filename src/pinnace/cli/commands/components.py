"""`pinnace components`: what `pinnace up` starts, several components in one process."""

import logging
from dataclasses import replace
from pathlib import Path

import click

from pinnace.cli.commands.base import (
    data_dir_option,
    one_line_errors,
    run_loop,
    verbosity_option,
)
from pinnace.cluster import config as configs
from pinnace.cluster import process
from pinnace.cluster.config import ConfigError


@click.command()
@data_dir_option
@verbosity_option
@click.option("--nodes", help="Which nodes the cluster has.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Write the user's here first.")
@click.argument("names", nargs=-1, required=True)
@one_line_errors
def command(
    data_dir: Path, nodes: str | None, kubeconfig: Path | None, names: tuple[str, ...]
) -> None:
    """Run components of a data directory's cluster."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    config = configs.load(data_dir)
    if config is None:
        raise ConfigError(f"there is no cluster in {data_dir}: `pinnace up` makes one")
    if nodes:
        config = replace(config, nodes=nodes)
    run_loop(process.run(config, names, kubeconfig=kubeconfig))
