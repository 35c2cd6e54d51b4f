"""Kubeconfigs: one for the user, one for each component, all from the cluster's certificates."""

import os
from pathlib import Path

from pinnace.client import kubeconfig
from pinnace.client.kubeconfig import Config
from pinnace.cluster.config import ClusterConfig, ConfigError
from pinnace.cluster.pki import Pki
from pinnace.kit.x509 import KeyPair

CONTEXT = "pinnace"


def config_for(config: ClusterConfig, pki: Pki, pair: KeyPair) -> Config:
    """Return the connection of whoever holds the key pair, on this machine."""
    return Config(server=config.local_url, ca=pki.ca, certificate=pair.certificate, key=pair.key)


def write_for_user(path: Path, config: ClusterConfig, pki: Pki) -> None:
    """Write the administrator's kubeconfig, readable by its owner only.

    Run through sudo, the file belongs to the user who called. Raises ConfigError instead of
    touching a file that is not a kubeconfig of Pinnace.
    """
    if path.exists() and not is_ours(path):
        raise ConfigError(
            f"{path} is not a kubeconfig of Pinnace and is left alone: "
            "name another with --kubeconfig"
        )
    try:
        kubeconfig.dump(
            path,
            config_for(config, pki, pki.clients["admin"]),
            cluster=CONTEXT,
            user="admin",
            owner=_caller(),
        )
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error


def _caller() -> tuple[int, int] | None:
    """Return user and group of who called us through sudo, if anybody did."""
    owner, group = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if os.geteuid() == 0 and owner.isdecimal() and group.isdecimal():
        return int(owner), int(group)
    return None


def is_ours(path: Path) -> bool:
    """Say whether a file is a kubeconfig that Pinnace wrote."""
    try:
        names = kubeconfig.contexts(path)
    except kubeconfig.ConfigError:
        return False
    return names == [CONTEXT]
