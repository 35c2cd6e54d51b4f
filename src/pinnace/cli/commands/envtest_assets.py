"""`pinnace envtest-assets`."""

from pathlib import Path

import click

from pinnace.cli.commands.base import one_line_errors
from pinnace.cluster.envtest import assets


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@one_line_errors
def command(directory: Path) -> None:
    """Write programs that test suites start in place of kube-apiserver and etcd.

    With KUBEBUILDER_ASSETS=DIRECTORY, controller-runtime's envtest and its likes start Pinnace.
    """
    for path in assets.write(directory.absolute()):
        click.echo(path)
