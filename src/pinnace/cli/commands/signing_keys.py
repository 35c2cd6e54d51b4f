"""`pinnace signing-keys`: the keys of service account tokens."""

from pathlib import Path

import click

from pinnace.cli.commands.base import data_dir_option, one_line_errors
from pinnace.cluster import config as configs
from pinnace.cluster.config import ConfigError
from pinnace.cluster.signing_keys import SigningKeyFiles
from pinnace.kit.x509 import key_id, public_pem


@click.group()
def command() -> None:
    """List, exchange and remove the keys of service account tokens."""


@command.command("list")
@data_dir_option
@one_line_errors
def list_keys(data_dir: Path) -> None:
    """List the keys that tokens are checked with, by their ids."""
    keys = _keys(data_dir)
    click.echo(f"{key_id(public_pem(keys.private()))}  signs")
    for name in keys.former():
        click.echo(f"{name}  checks what it has signed")


@command.command()
@data_dir_option
@one_line_errors
def rotate(data_dir: Path) -> None:
    """Sign with a new key; tokens of the old one stay good until it is removed."""
    click.echo(f"{_keys(data_dir).rotate()}  signs from now on")


@command.command()
@data_dir_option
@click.argument("key")
@one_line_errors
def remove(data_dir: Path, key: str) -> None:
    """Refuse from now on what a former key has signed."""
    if not _keys(data_dir).remove(key):
        raise ConfigError(f"there is no former key {key}: see `pinnace signing-keys list`")
    click.echo(f"{key}  is believed no more")


def _keys(data_dir: Path) -> SigningKeyFiles:
    if configs.load(data_dir) is None:
        raise ConfigError(f"there is no cluster in {data_dir}")
    keys = SigningKeyFiles(data_dir / "pki")
    keys.ensure()
    return keys
