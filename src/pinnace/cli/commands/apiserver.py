"""`pinnace apiserver`."""

from datetime import UTC, datetime
from pathlib import Path

import click

from pinnace.cli.commands import alone
from pinnace.cli.commands.apiserver_options import apiserver_options
from pinnace.cli.commands.base import data_dir_option, one_line_errors
from pinnace.cli.commands.store_options import store_options
from pinnace.cluster import config as configs
from pinnace.cluster import hostnet, instance, pki
from pinnace.cluster.credentials import write_for_user
from pinnace.cluster.server import serve


@click.command()
@data_dir_option
@click.option("--port", type=click.IntRange(1, 65535), help="[6443]")
@click.option("--bind", help="The address to listen on [all].")
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the administrator's kubeconfig.",
)
@alone.cluster_cidr_option
@alone.service_cidr_option
@store_options
@apiserver_options
@one_line_errors
def command(
    data_dir: Path,
    port: int | None,
    bind: str | None,
    kubeconfig: Path | None,
    cluster_cidr: str | None,
    service_cidr: str | None,
    store: dict[str, object],
    apiserver: dict[str, object],
) -> None:
    """Run the API server alone, on its own data directory.

    With --etcd-servers the objects are in etcd, and any number of servers may share it: give each a
    data directory of its own, with the first one's pki/ca.crt, pki/ca.key and
    pki/service-account.key in it.
    """
    config = configs.resolve(
        data_dir,
        taken=hostnet.addresses(),
        port=port,
        bind=bind,
        pod_cidr=cluster_cidr,
        service_cidr=service_cidr,
        apiserver=apiserver,
        **store,
    )
    with instance.claim(config.run_dir):
        hostnet.check_port(config.bind, config.port)
        configs.save(config)
        material = pki.ensure(config.data_dir / "pki", config, datetime.now(UTC))
        if kubeconfig is not None:
            write_for_user(kubeconfig, config, material)
        alone.run(
            "apiserver",
            lambda around, ready: serve(config, material, around.clock, ready=ready),
        )
