"""What the commands share that run one component alone, against any cluster."""

import functools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from pinnace.cli.commands.base import data_dir_option, one_line_errors, run_loop
from pinnace.client import kubeconfig as kubeconfigs
from pinnace.client.kubeconfig import Config
from pinnace.cluster import config as configs
from pinnace.cluster import process
from pinnace.cluster.config import ClusterConfig, ConfigError
from pinnace.cluster.supervisor import say_ready
from pinnace.cluster.surroundings import Ready, Surroundings

kubeconfig_option = click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    help="How to reach the cluster, and as whom.",
)
server_option = click.option(
    "--server", help="The API server's URL; with --kubeconfig, instead of the one in it."
)
leader_elect_option = click.option(
    "--leader-elect/--no-leader-elect",
    default=True,
    show_default=True,
    help="Work only while holding the Lease that upstream's takes too.",
)
cluster_cidr_option = click.option("--cluster-cidr", help="The Pods' addresses.")
service_cidr_option = click.option("--service-cidr", help="The Services' addresses.")
node_name_option = click.option("--node-name", help="The node's name [the host's].")


def connection(kubeconfig: Path | None, server: str | None) -> Config:
    """Return the connection that was asked for; raises ConfigError if none was."""
    if kubeconfig is None and server is None:
        raise ConfigError("give --kubeconfig or --server")
    found = kubeconfigs.load(kubeconfig) if kubeconfig else Config(server=server or "")
    return replace(found, server=server) if server else found


def with_facts(start: Callable[[Config, ClusterConfig], None]) -> Callable[..., None]:
    """Give a command the options from which come its connection and the cluster's facts.

    Options that the command adds itself are facts too, by their names.
    """

    @data_dir_option
    @kubeconfig_option
    @server_option
    @cluster_cidr_option
    @service_cidr_option
    @one_line_errors
    @functools.wraps(start)
    def called(
        data_dir: Path,
        kubeconfig: Path | None,
        server: str | None,
        cluster_cidr: str | None,
        **given: str | None,
    ) -> None:
        reached = connection(kubeconfig, server)
        facts = dict[str, Any](given)
        start(reached, configs.resolve(data_dir, taken=frozenset(), pod_cidr=cluster_cidr, **facts))

    return called


def run(name: str, start: Callable[[Surroundings, Ready], Awaitable[None]]) -> None:
    """Run one component until a signal ends it; its log goes to standard error."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )

    def ready() -> None:
        say_ready(name)
        logging.getLogger("pinnace").info("%s is ready", name)

    run_loop(process.until_signal(lambda around: start(around, ready)))
