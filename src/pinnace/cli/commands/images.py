"""`pinnace images`."""

import asyncio
from pathlib import Path

import click

from pinnace.cli.commands.base import data_dir_option, one_line_errors
from pinnace.cluster import config as configs
from pinnace.cluster.config import ConfigError
from pinnace.cluster.nodehost import NodeHost
from pinnace.node.command import CommandError
from pinnace.node.containerd import ContainerdError
from pinnace.node.cri.client import CriRuntime
from pinnace.node.images.builtin import build_busybox, build_pause
from pinnace.node.images.elf import NotStatic
from pinnace.node.runtime import RuntimeCallError

_BUILDERS = {"busybox": build_busybox, "pause": build_pause}


@click.group()
def command() -> None:
    """Build, import and list container images."""


@command.command()
@click.argument("name", type=click.Choice(sorted(_BUILDERS)))
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("-t", "--tag", "tags", multiple=True, help="The image's name; may be repeated.")
@one_line_errors
def build(name: str, output: Path, tags: tuple[str, ...]) -> None:
    """Build an image from this machine's static programs, as an OCI archive; needs no network."""
    try:
        if tags:
            _BUILDERS[name](output, names=tags)
        else:
            _BUILDERS[name](output)
    except (NotStatic, CommandError, OSError) as error:
        raise ConfigError(str(error)) from error
    click.echo(f"wrote {output}: `pinnace images import {output}` brings it into the cluster")


@command.command(name="import")
@data_dir_option
@click.argument("archive", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@one_line_errors
def import_(data_dir: Path, archive: Path) -> None:
    """Import an image archive (OCI or `docker save`) into the cluster's containerd."""
    try:
        asyncio.run(_host(data_dir).runtime().containerd.import_image(archive))
    except (ContainerdError, CommandError, RuntimeCallError, OSError) as error:
        raise ConfigError(f"{archive} was not imported: {error}") from error
    click.echo(f"imported {archive}")


@command.command(name="list")
@data_dir_option
@one_line_errors
def list_(data_dir: Path) -> None:
    """List the images that the cluster's containerd has."""
    for name, size in asyncio.run(_images(_host(data_dir))):
        click.echo(f"{size / 1e6:8.1f} MB  {name}")


def _host(data_dir: Path) -> NodeHost:
    config = configs.load(data_dir)
    if config is None:
        raise ConfigError(f"there is no cluster in {data_dir}")
    host = NodeHost(config)
    if not host.runtime().socket.exists():
        raise ConfigError(f"the cluster in {data_dir} has no containerd running: `pinnace up`")
    return host


async def _images(host: NodeHost) -> list[tuple[str, int]]:
    runtime = CriRuntime(host.runtime().socket)
    try:
        found = await runtime.images()
    except RuntimeCallError as error:
        raise ConfigError(f"containerd does not answer: {error}") from error
    finally:
        await runtime.close()
    return sorted((name, image.size) for image in found for name in image.tags or (image.id,))
