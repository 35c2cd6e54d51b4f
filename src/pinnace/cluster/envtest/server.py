"""Pinnace's API server as a kube-apiserver: told by its flags, beside whatever etcd it is given."""

import asyncio
import http.client
import ipaddress
import json
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvloop

from pinnace.cluster import config as configs
from pinnace.cluster import pki, process, server
from pinnace.cluster.config import ClusterConfig, ConfigError
from pinnace.cluster.envtest.flags import ServerFlags, Told
from pinnace.cluster.pki import Pki
from pinnace.cluster.surroundings import Surroundings
from pinnace.kit.x509 import KeyPair

log = logging.getLogger(__name__)
_PATIENCE = 5.0
# Pods have no addresses where nothing runs them; the range must only be none of the Services'.
_POD_RANGES = ("10.244.0.0/16", "172.30.0.0/16", "192.168.0.0/16")


@dataclass(frozen=True, slots=True)
class StandIn:
    """What `cluster/envtest/etcd.py` says of itself."""

    data_dir: Path
    flush: bool


def run(told: Told) -> None:
    """Serve until SIGTERM or SIGINT; raises ConfigError."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    process.tune()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(process.until_signal(lambda around: _serve(told, around)))


async def _serve(told: Told, around: Surroundings) -> None:
    config, flush = facts(told, stand_in(told.server.etcd_servers[0]))
    material = certificates(told.server, config, datetime.now(UTC))
    ready = partial(log.info, "kube-apiserver is ready")
    await server.serve(config, material, around.clock, ready=ready, flush=flush)


def stand_in(url: str) -> StandIn | None:
    """Ask an address whether our own stand-in listens there; None for an etcd, or for nobody."""
    where = urlsplit(url)
    if where.scheme != "http":
        return None
    asked = http.client.HTTPConnection(where.netloc, timeout=_PATIENCE)
    try:
        asked.request("GET", "/pinnace")
        response = asked.getresponse()
        if response.status != http.client.OK:
            return None
        about = json.loads(response.read())
        return StandIn(Path(about["dataDir"]), bool(about["flush"]))
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return None
    finally:
        asked.close()


def facts(told: Told, found: StandIn | None) -> tuple[ClusterConfig, bool]:
    """Return the facts of a cluster that is one server, and whether writes wait for the disk.

    Beside our stand-in the objects are in the directory that it was given. Raises ConfigError.
    """
    flags = told.server
    given: dict[str, Any] = {
        "bind": flags.bind_address,
        "port": flags.secure_port,
        "advertise": flags.advertise_address or None,
        "service_cidr": flags.service_cluster_ip_range,
        "pod_cidr": _pod_range(flags.service_cluster_ip_range),
        "node_port_range": _ports(flags.service_node_port_range),
        "nodes": "none",
    }
    if found is not None:
        data_dir = found.data_dir
    else:
        data_dir = Path(flags.cert_dir)
        names = ("etcd_servers", "etcd_prefix", "etcd_cafile", "etcd_certfile", "etcd_keyfile")
        given |= {name: getattr(flags, name) for name in names}
    resolved = configs.resolve(data_dir, apiserver=told.settings, **given)
    return resolved, found is None or found.flush


def certificates(flags: ServerFlags, config: ClusterConfig, now: datetime) -> Pki:
    """Return an authority of this process's own, and the certificate that clients are to see.

    That is the one which was named, or the one in the certificate directory, where it is put if
    there is none. Raises ConfigError.
    """
    made = pki.make(config, now)
    certificate = Path(flags.tls_cert_file or Path(flags.cert_dir) / "apiserver.crt")
    key = Path(flags.tls_private_key_file or Path(flags.cert_dir) / "apiserver.key")
    try:
        if not flags.tls_cert_file and not certificate.exists():
            certificate.parent.mkdir(parents=True, exist_ok=True)
            key.touch(mode=0o600)
            key.write_bytes(made.apiserver.key)
            certificate.write_bytes(made.apiserver.certificate)
        shown = KeyPair(certificate.read_bytes(), key.read_bytes())
    except OSError as error:
        raise ConfigError(f"open {error.filename}: {(error.strerror or '').lower()}") from error
    return replace(made, apiserver=shown)


def _pod_range(services: str) -> str:
    try:
        taken = ipaddress.ip_network(services)
    except ValueError as error:
        raise ConfigError(f"--service-cluster-ip-range {services}: {error}") from error
    free = (text for text in _POD_RANGES if not _overlap(text, taken))
    return next(free, _POD_RANGES[0])


def _overlap(text: str, taken: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return taken.version == 4 and ipaddress.ip_network(text).overlaps(taken)


def _ports(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and 0 < int(first) <= int(last) < 65536):
        raise ConfigError(f"--service-node-port-range {text}: give FIRST-LAST")
    return int(first), int(last)
