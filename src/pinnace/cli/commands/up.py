"""`pinnace up`."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from pinnace.cli.commands.apiserver_options import apiserver_options
from pinnace.cli.commands.base import data_dir_option, one_line_errors, verbosity_option
from pinnace.cli.commands.store_options import store_options
from pinnace.cluster import config as configs
from pinnace.cluster import hostnet, instance, launch
from pinnace.cluster.config import ConfigError


@click.command()
@data_dir_option
@verbosity_option
@click.option("--port", type=click.IntRange(1, 65535), help="The API server's port [6443].")
@click.option("--bind", help="The address that the API server listens on [all].")
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("pinnace.kubeconfig"),
    show_default=True,
    help="Where to write the kubeconfig of the cluster's administrator.",
)
@click.option("--nodes", help="auto, real, sim:N or none [auto].")
@click.option("--pod-cidr", help="The Pods' addresses [10.244.0.0/16, or the next that is free].")
@click.option("--service-cidr", help="The Services' addresses [10.96.0.0/16, or the next].")
@click.option("--node-name", help="The name of this machine's node [its host name].")
@click.option("--detach", is_flag=True, help="Return when the cluster is ready; it goes on.")
@store_options
@apiserver_options
@one_line_errors
def command(
    data_dir: Path,
    port: int | None,
    bind: str | None,
    kubeconfig: Path,
    nodes: str | None,
    pod_cidr: str | None,
    service_cidr: str | None,
    node_name: str | None,
    detach: bool,
    store: dict[str, object],
    apiserver: dict[str, object],
) -> None:
    """Start a cluster, or the one that a data directory has."""
    began = time.monotonic()

    def report(text: str) -> None:
        click.echo(f"{time.monotonic() - began:7.2f} s  {text}")
        sys.stdout.flush()

    running = instance.holder(data_dir / "run")
    if running is not None:
        raise ConfigError(
            f"a cluster is running on {data_dir} already (process {running}): "
            "`pinnace down` stops it"
        )
    config = configs.resolve(
        data_dir,
        taken=hostnet.addresses(),
        port=port,
        bind=bind,
        nodes=nodes,
        pod_cidr=pod_cidr,
        service_cidr=service_cidr,
        node_name=node_name,
        apiserver=apiserver,
        **store,
    )
    if detach:
        _detach(config.data_dir, report)
        return
    asyncio.run(launch.run(config, kubeconfig.absolute(), report))


def _detach(data_dir: Path, report: Callable[[str], None]) -> None:
    """Run the same command in a session of its own; relay its steps until it is ready or ends."""
    try:
        logs = data_dir / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        log = logs / "up.log"
        log.write_bytes(b"")
    except OSError as error:
        raise ConfigError(f"cannot write {data_dir}: {error.strerror}") from error
    arguments = [sys.executable, "-m", "pinnace.cli.main"]
    arguments += [argument for argument in sys.argv[1:] if argument != "--detach"]
    with log.open("ab") as output:
        child = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    shown = 0
    while True:
        ended = child.poll() is not None
        lines = log.read_text().splitlines(keepends=True)
        for line in [line for line in lines[shown:] if line.endswith("\n")]:
            shown += 1
            if line.startswith("Error: "):
                raise ConfigError(line.removeprefix("Error: ").strip())
            _, _, text = line.strip().partition(" s  ")
            report(text or line.strip())
            if text.startswith("ready: "):
                return
        if ended:
            raise ConfigError(f"the cluster ended with status {child.returncode}: see {log}")
        time.sleep(0.02)
