"""How to reach an etcd. Imports nothing heavy: a server on another store does not load gRPC."""

from dataclasses import dataclass
from pathlib import Path

# What every key of the cluster begins with, unless told otherwise.
PREFIX = "/registry"


@dataclass(frozen=True, slots=True, kw_only=True)
class EtcdSettings:
    """Where an etcd is and who one is there: the meaning of upstream's `--etcd-...` flags.

    `servers` are URLs, tried in turn. `prefix` takes the place of `/registry` in the keys.
    """

    servers: tuple[str, ...]
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    prefix: str = PREFIX
