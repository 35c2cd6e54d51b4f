"""The options that say where the objects are: upstream's names and meaning where it has them."""

import functools
from collections.abc import Callable
from typing import Any

import click

_FILE = click.Path(dir_okay=False)
_OPTIONS = (
    click.option(
        "--etcd-servers",
        help="Keep the objects in this etcd and not in the data directory: URLs, with commas.",
    ),
    click.option("--etcd-prefix", help="What all keys in etcd begin with [/registry]."),
    click.option("--etcd-cafile", type=_FILE, help="The authority that signed etcd's certificate."),
    click.option("--etcd-certfile", type=_FILE, help="The certificate to show to etcd."),
    click.option("--etcd-keyfile", type=_FILE, help="That certificate's key."),
    click.option(
        "--flush-all/--no-flush-all",
        default=None,
        help="Flush Leases and Events to the disk as well [no: their last may go with the power].",
    ),
)


def store_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as `store`: facts of a cluster, by name."""

    @functools.wraps(command)
    def called(
        *,
        etcd_servers: str | None,
        etcd_prefix: str | None,
        etcd_cafile: str | None,
        etcd_certfile: str | None,
        etcd_keyfile: str | None,
        flush_all: bool | None,
        **others: Any,
    ) -> Any:
        servers = None
        if etcd_servers is not None:
            servers = tuple(url.strip() for url in etcd_servers.split(",") if url.strip())
        facts = {
            "etcd_servers": servers,
            "etcd_prefix": etcd_prefix,
            "etcd_cafile": _absolute(etcd_cafile),
            "etcd_certfile": _absolute(etcd_certfile),
            "etcd_keyfile": _absolute(etcd_keyfile),
            "flush_all": flush_all,
        }
        return command(store=facts, **others)

    for option in reversed(_OPTIONS):
        called = option(called)
    return called


def _absolute(path: str | None) -> str | None:
    return str(click.Path(resolve_path=True).convert(path, None, None)) if path else None
