"""`pinnace kube-apiserver`, hidden: the API server under upstream's name and flags."""

import importlib

import click

from pinnace.apiserver.version import GIT_VERSION
from pinnace.cluster.config import ConfigError
from pinnace.cluster.envtest import flags

# Imported when it is to serve: test suites ask for --help first, each time.
_SERVER = "pinnace.cluster.envtest.server"


@click.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> None:
    """Serve as the kube-apiserver of a test suite."""
    if "--help" in arguments or "-h" in arguments:
        click.echo(flags.usage(), nl=False)
    elif "--version" in arguments:
        click.echo(f"Kubernetes {GIT_VERSION}")
    else:
        try:
            importlib.import_module(_SERVER).run(flags.parse(arguments))
        except ConfigError as error:
            raise click.ClickException(str(error)) from error
